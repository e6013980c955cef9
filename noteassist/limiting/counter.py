"""Counting where it can be done: in Redis, and while that is away in the process. Never nowhere."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from noteassist import metrics, redis_clients
from noteassist.limiting.memory import MemoryCounter
from noteassist.limiting.shared import SharedCounter
from noteassist.limiting.windows import MICROSECONDS, Verdict, Window, verdict_of

log = logging.getLogger(__name__)

# For so long nobody asks Redis after it has failed; then one does, and the others go on without it.
PAUSE_SECONDS = 5.0


class Counter:
    """Counts requests for this application.

    `processes` share the limits while each has to count for itself.
    """

    def __init__(
        self, redis_url: str, processes: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.shared = SharedCounter(redis_url) if redis_url else None
        self.own = MemoryCounter()
        self.processes = processes
        # One that is never set: a clock that jumps neither frees nor blocks anybody.
        self.clock = clock
        self.lock = threading.Lock()
        self.paused_until = 0.0

    def count(self, windows: Sequence[Window]) -> Verdict:
        """Count a request in all windows, or in none where one of them is full; never fails."""
        if self.shared is None:
            return verdict_of(windows, self.own.count(windows, self._now()))
        if self.paused_until == 0.0 or self._may_try():
            try:
                verdict = verdict_of(windows, self.shared.count(windows))
            except redis_clients.FAILURES as error:
                self._pause(error)
            else:
                self._recover()
                return verdict
        return self._count_alone(windows)

    def _count_alone(self, windows: Sequence[Window]) -> Verdict:
        metrics.COUNTED_ALONE.inc()
        shares = [window._replace(limit=-(-window.limit // self.processes)) for window in windows]
        return verdict_of(shares, self.own.count(shares, self._now()))

    def _now(self) -> int:
        return int(self.clock() * MICROSECONDS)

    def _may_try(self) -> bool:
        """Say, after a failure, whether this request is the one that finds out if Redis is back."""
        with self.lock:
            now = time.monotonic()
            if now < self.paused_until:
                return False
            self.paused_until = now + PAUSE_SECONDS
            return True

    def _pause(self, error: Exception) -> None:
        with self.lock:
            is_news = self.paused_until == 0.0
            self.paused_until = time.monotonic() + PAUSE_SECONDS
        if is_news:
            log.warning("Redis is away, requests are counted in the process: %s", type(error).__name__)

    def _recover(self) -> None:
        if self.paused_until:
            with self.lock:
                self.paused_until = 0.0
            log.info("Redis is back, requests are counted together again")
