"""The engine of the simulation: a clock, processors that are shared, and places that one has to wait for.

What happens is written as generators: each `yield` gives something that takes time, and goes on when it is done. A run
is decided by its seed alone: events of the same moment happen in the order in which they were planned.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Generator
from typing import Any

Resume = Callable[[bool], None]
# Something that takes time: it is given what is to be called at its end.
Wait = Callable[[Resume], None]
Activity = Generator[Wait, bool, Any]


class Clock:
    """Simulated time, and what is planned to happen in it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def plan(self, seconds: float, action: Callable[[], None]) -> None:
        """Let something happen so many seconds from now."""
        self._number += 1
        heapq.heappush(self._planned, (self.now + seconds, self._number, action))

    def run_until(self, end: float) -> None:
        """Let everything happen that is planned up to this moment."""
        planned = self._planned
        while planned and planned[0][0] <= end:
            self.now, _, action = heapq.heappop(planned)
            action()
        self.now = end

    def sleep(self, seconds: float) -> Wait:
        """Pass time."""
        return lambda resume: self.plan(seconds, lambda: resume(True))

    def start(self, activity: Activity) -> None:
        """Begin an activity now."""

        def resume(answer: bool) -> None:
            try:
                wait = activity.send(answer)
            except StopIteration:
                return
            wait(resume)

        try:
            first = next(activity)
        except StopIteration:
            return
        first(resume)


class Processors:
    """Processors that all who compute share evenly; nobody uses more than one at a time.

    This is how an operating system deals them out, in slices too small to be seen here. All who compute advance at the
    same speed, so the work that each has got since the beginning is one number, and who ends next is known.
    """

    def __init__(self, clock: Clock, cores: float) -> None:
        self.clock, self.cores, self.all_cores = clock, cores, cores
        self._working: list[tuple[float, int, Resume]] = []
        self._advanced = 0.0
        self._looked_at = 0.0
        self._plan_number = 0
        self._number = 0
        self.busy_seconds = 0.0

    def compute(self, seconds: float) -> Wait:
        """Use this much processor time, however long that takes."""
        return lambda resume: self._enter(seconds, resume)

    def _enter(self, seconds: float, resume: Resume) -> None:
        self.look()
        self._number += 1
        heapq.heappush(self._working, (self._advanced + seconds, self._number, resume))
        self._plan_next()

    def change(self, cores: float) -> None:
        """Take some of these processors away for others, or give them back."""
        self.look()
        self.cores += cores
        self._plan_next()

    def look(self) -> None:
        """Bring the account of the work done up to now."""
        passed, self._looked_at = self.clock.now - self._looked_at, self.clock.now
        if self._working:
            count = len(self._working)
            self._advanced += passed * min(1.0, self.cores / count)
            self.busy_seconds += passed * min(self.cores, count)

    def _plan_next(self) -> None:
        """Plan the next end; one that was planned before somebody came or went is void."""
        self._plan_number += 1
        if self._working:
            number = self._plan_number
            speed = min(1.0, self.cores / len(self._working))
            seconds = max(0.0, self._working[0][0] - self._advanced) / speed
            self.clock.plan(seconds, lambda: self._end(number))

    def _end(self, number: int) -> None:
        if number != self._plan_number:
            return
        self.look()
        finish, _, resume = heapq.heappop(self._working)
        # What rounding has left over, or the same end would be planned again and again.
        self._advanced = max(self._advanced, finish)
        self._plan_next()
        resume(True)


class Places:
    """A number of places; whoever waits longest gets the next one that comes free, as in `noteassist/slots.py`."""

    def __init__(self, clock: Clock, number: int) -> None:
        self.clock, self.number = clock, number
        self.taken = 0
        self._waiting: OrderedDict[int, Resume] = OrderedDict()
        self._ticket = 0
        self._looked_at = 0.0
        self.taken_seconds = 0.0
        self.most_waiting = 0

    def take(self, seconds: float | None = None) -> Wait:
        """Take a place, waiting at most so long; tells whether there was one."""
        return lambda resume: self._take(seconds, resume)

    def _take(self, seconds: float | None, resume: Resume) -> None:
        if self.taken < self.number:
            self.look()
            self.taken += 1
            resume(True)
            return
        self._ticket += 1
        ticket = self._ticket
        self._waiting[ticket] = resume
        self.most_waiting = max(self.most_waiting, len(self._waiting))
        if seconds is not None:
            self.clock.plan(seconds, lambda: self._refuse(ticket))

    def _refuse(self, ticket: int) -> None:
        resume = self._waiting.pop(ticket, None)
        if resume is not None:
            resume(False)

    def give_back(self) -> None:
        """Leave a place to whoever waits longest."""
        if self._waiting:
            _, resume = self._waiting.popitem(last=False)
            # Not now but next: giving back must not become a chain of calls without end.
            self.clock.plan(0.0, lambda: resume(True))
        else:
            self.look()
            self.taken -= 1

    def look(self) -> None:
        """Bring the account of the places taken up to now."""
        passed, self._looked_at = self.clock.now - self._looked_at, self.clock.now
        self.taken_seconds += passed * self.taken
