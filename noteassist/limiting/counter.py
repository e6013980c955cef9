"""Counting where it can be done: in Redis, and while that is away in the process. Never nowhere."""

import time
from collections.abc import Callable, Sequence

from noteassist import metrics, redis_clients
from noteassist.limiting.memory import MemoryCounter
from noteassist.limiting.shared import SharedCounter
from noteassist.limiting.windows import MICROSECONDS, Verdict, Window, verdict_of
from noteassist.redis_scripts import Scripts


class Counter:
    """Counts requests for this application: by `scripts` in Redis, or without them here.

    `processes` share the limits while each has to count for itself.
    """

    def __init__(
        self, scripts: Scripts | None, processes: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.shared = None if scripts is None else SharedCounter(scripts)
        self.own = MemoryCounter()
        self.processes = processes
        # One that is never set: a clock that jumps neither frees nor blocks anybody.
        self.clock = clock

    def count(self, windows: Sequence[Window]) -> Verdict:
        """Count a request in all windows, or in none where one of them is full; never fails."""
        if self.shared is None:
            return verdict_of(windows, self.own.count(windows, self._now()))
        try:
            return verdict_of(windows, self.shared.count(windows))
        except redis_clients.FAILURES:
            return self._count_alone(windows)

    def _count_alone(self, windows: Sequence[Window]) -> Verdict:
        metrics.COUNTED_ALONE.inc()
        shares = [window._replace(limit=-(-window.limit // self.processes)) for window in windows]
        return verdict_of(shares, self.own.count(shares, self._now()))

    def _now(self) -> int:
        return int(self.clock() * MICROSECONDS)
