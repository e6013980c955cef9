"""Windows of time, and what is left of them."""

from collections.abc import Sequence
from typing import NamedTuple

# Requests that come within a sixtieth of a window are kept as one entry with the time of the last of them. So an
# entry never leaves too early, a request counts for at most a sixtieth longer than it must, and nobody who is
# refused waits longer than the window.
SLICES = 60
MICROSECONDS = 1_000_000


class Window(NamedTuple):
    """At most `limit` requests in any `seconds`, counted under `key`; `name` says which limit it is."""

    name: str
    key: str
    limit: int
    seconds: int


class Allowance(NamedTuple):
    """What is left of a window, and in how many seconds more of it comes free."""

    window: Window
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """Give it as the headers of an answer."""
        return {
            "RateLimit-Limit": str(self.window.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class Verdict(NamedTuple):
    """Whether a request may go on, and the window that says most about it: the nearest to its end."""

    is_allowed: bool
    allowance: Allowance


def verdict_of(windows: Sequence[Window], figures: Sequence[int]) -> Verdict:
    """Read what counting gives: 1 where the request is refused, and of each window what is used and when it is freed.

    One that is refused was not counted anywhere.
    """
    is_allowed = not figures[0]
    telling: tuple[int, int, int] | None = None
    for number, window in enumerate(windows):
        remaining = max(0, window.limit - figures[2 * number + 1])
        freed = figures[2 * number + 2]
        # The nearest to its end; of those that are full, which all have to come free, the one that takes longest.
        if telling is None or (remaining, -freed) < telling[:2]:
            telling = remaining, -freed, number
    if telling is None:
        raise ValueError("nothing was counted")
    remaining, freed, number = telling
    return Verdict(is_allowed, Allowance(windows[number], remaining, max(1, -(freed // MICROSECONDS))))
