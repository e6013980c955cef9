"""The crew of one process: a runner, its slots and a lookout, begun and ended together."""

import threading
from collections.abc import Sequence

from flask import Flask

from noteassist.bells import LocalBell
from noteassist.config import Settings
from noteassist.worker.lookout import Lookout
from noteassist.worker.runner import Runner
from noteassist.worker.slots import LocalSlot, RqSlot, Slot, start_slots


class Crew:
    """All that works in this process."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.runner = Runner(app, settings)
        self.lookout = Lookout(app)
        self.bell = app.extensions["noteassist_bell"]
        self.slots = self._slots(settings)
        self.threads: list[threading.Thread] = []

    def _slots(self, settings: Settings) -> Sequence[Slot]:
        numbers = range(settings.worker_threads)
        if isinstance(self.bell, LocalBell):
            return [LocalSlot(self.runner, self.bell) for _ in numbers]
        return [RqSlot(self.runner, settings.queue_redis_url, number) for number in numbers]

    def start(self) -> None:
        """Begin, in threads that end with the process."""
        self.runner.start_heart()
        self.threads = start_slots(self.slots)
        self.lookout.start()

    def drain(self, seconds: float) -> None:
        """Take no more tasks, finish what runs within so many seconds, and hand the rest back."""
        self.lookout.stopping.set()
        if isinstance(self.bell, LocalBell):
            self.bell.wake_all()
        self.runner.drain(seconds)
