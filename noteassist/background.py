"""The loop that does the chores: a thread of the embedded server, or the `noteassist worker` process."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Flask

from noteassist import db
from noteassist.config import Settings
from noteassist.jobs import maintenance
from noteassist.services import mail

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0


@dataclass
class Chore:
    """A function to call again and again, at most every `seconds`."""

    run: Callable[[Settings], None]
    seconds: float
    due: float = field(default=0.0)


class Background:
    """Runs the chores until it is told to stop. Any number of them may run at once on one database."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.stopping = threading.Event()
        self.chores = [
            Chore(maintenance.deliver_mail, 0),
            Chore(maintenance.erase_closed_accounts, 1),
            Chore(maintenance.empty_trash, 3600),
            Chore(maintenance.forget_expired, 3600),
        ]

    def start(self) -> None:
        """Run in a thread that ends with the process."""
        threading.Thread(target=self.run, name="background", daemon=True).start()

    def stop(self) -> None:
        """Ask the loop to end after the chore it is at."""
        self.stopping.set()
        mail.wake.set()

    def run(self) -> None:
        """Do what is due, then wait for a mail to be committed or a second to pass."""
        while not self.stopping.is_set():
            mail.wake.clear()
            for chore in self.chores:
                if time.monotonic() >= chore.due and not self.stopping.is_set():
                    self._do(chore)
            mail.wake.wait(LOOK_EVERY_SECONDS)

    def _do(self, chore: Chore) -> None:
        chore.due = time.monotonic() + chore.seconds
        try:
            with self.app.app_context():
                chore.run(self.settings)
        except Exception as error:
            # A chore that fails is tried again; it must not take the others with it.
            if db.translated(error) is None:
                log.exception("a chore failed")
            else:
                log.warning("a chore waits for the database: %s", type(error).__name__)
