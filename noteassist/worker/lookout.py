"""The lookout: every second, whatever a bell, a worker or a clock has left lying is set going again."""

import logging
import threading
import time
from collections.abc import Mapping

from flask import Flask

from noteassist import bells, db, metrics, redis_clients
from noteassist.queues import PERIODIC
from noteassist.services.tasks import lifecycle, upkeep

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
FREE_FOLLOWERS_EVERY = 10.0


class Lookout:
    """Looks after all tasks of the database; of many lookouts one at a time does."""

    def __init__(self, app: Flask, periodic: Mapping[str, int] = PERIODIC) -> None:
        self.app = app
        self.periodic = periodic
        self.stopping = threading.Event()
        self.ticks: dict[str, int] = {}
        self.next_freeing = 0.0
        self.was_away = False
        self.patient_until = 0.0

    def start(self) -> None:
        """Look in a thread that ends with the process."""
        threading.Thread(target=self.run, name="lookout", daemon=True).start()

    def run(self) -> None:
        """Look every second until told to stop."""
        while not self.stopping.is_set():
            self._look_safely()
            self.stopping.wait(LOOK_SECONDS)

    def _look_safely(self) -> None:
        try:
            with self.app.app_context():
                if self.was_away:
                    # No heart could beat meanwhile: owners are given the time to renew their leases first.
                    upkeep.count_due()
                    self.patient_until = time.monotonic() + lifecycle.LEASE_SECONDS
                self.look()
            self.was_away = False
        except Exception as error:
            is_known = db.translated(error) is not None or isinstance(error, redis_clients.FAILURES)
            if not is_known:
                log.exception("the lookout failed")
            elif not self.was_away:
                log.warning("the lookout is blind: %s", type(error).__name__)
            self.was_away = is_known

    def look(self) -> None:
        """Take back lost tasks, make what is periodically due, and ring for what nobody has heard."""
        now = time.time()
        ticks = {kind: int(now // every) for kind, every in self.periodic.items()}
        is_time_to_free = time.monotonic() >= self.next_freeing
        if ticks != self.ticks or is_time_to_free or upkeep.has_lost_leases():
            with db.transaction():
                if db.is_leader("lookout"):
                    self._set_going(ticks, is_time_to_free)
            self.ticks = ticks
        if due := upkeep.count_due():
            bells.current_bell().top_up(due)

    def _set_going(self, ticks: Mapping[str, int], is_time_to_free: bool) -> None:
        for task in upkeep.take_back() if time.monotonic() >= self.patient_until else ():
            metrics.LEASES_LOST.labels("taken back").inc()
            log.warning("task %s (%s): its worker went away", task.id, task.kind)
        for kind, number in ticks.items():
            if self.ticks.get(kind) != number:
                upkeep.tick(kind, number)
        if is_time_to_free:
            upkeep.free_followers()
            self.next_freeing = time.monotonic() + FREE_FOLLOWERS_EVERY
