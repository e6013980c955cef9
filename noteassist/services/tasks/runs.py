"""One attempt at a task, as the function that does the work sees it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from noteassist import db
from noteassist.config import Settings
from noteassist.services.tasks import events
from noteassist.services.tasks.failures import LostLease
from noteassist.services.tasks.lifecycle import Claimed

# Text that a model writes reaches those who watch at most so much later, in seconds; the first of it at once.
FLUSH_SECONDS = 0.1


def no_effect(_followers: Sequence[db.AnyRow]) -> None:
    """Change nothing."""


@dataclass(frozen=True)
class Outcome:
    """What the work came to: `effect` is written in the transaction that ends the task, so once or never.

    It is given the tasks that were joined to this one (see `ending.followers_of`).
    """

    effect: Callable[[Sequence[db.AnyRow]], object] = no_effect
    result: dict[str, Any] | None = None


@dataclass
class TaskRun:
    """An attempt: the task as it was claimed, and ways to tell how it goes.

    `lost` is set by whoever finds out that the lease is gone.
    """

    task: Claimed
    settings: Settings
    lost: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=time.monotonic)
    unwritten: list[str] = field(default_factory=list)
    last_flush: float = 0.0
    # How it ended: succeeded, failed, again or lost.
    outcome: str = "lost"

    def require_lease(self) -> None:
        """Raise LostLease when the task is not ours any more."""
        if self.lost.is_set():
            raise LostLease

    def progress(self, percent: int, message: str) -> None:
        """Tell how far the task is; raises LostLease."""
        self.require_lease()
        events.record_progress(self.task, percent, message)

    def write(self, text: str) -> None:
        """Tell what the model has written on; raises LostLease."""
        self.require_lease()
        self.unwritten.append(text)
        if time.monotonic() - self.last_flush >= FLUSH_SECONDS:
            self.flush()

    def drop(self) -> None:
        """Forget what has been kept back: it will not be part of the answer."""
        self.unwritten = []

    def flush(self) -> None:
        """Tell what has been kept back; raises LostLease."""
        if self.unwritten:
            self.last_flush = time.monotonic()
            try:
                events.record_text(self.task, "".join(self.unwritten))
            except Exception as error:
                if db.translated(error) is None:
                    raise
                # The database is away: the text goes with the next flush, or with the answer.
                return
            self.unwritten = []
