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
    found = [
        Allowance(window, max(0, window.limit - used), max(1, -(-freed // MICROSECONDS)))
        for window, used, freed in zip(windows, figures[1::2], figures[2::2], strict=True)
    ]
    if len(found) == 1:
        return Verdict(is_allowed, found[0])
    if not is_allowed:
        # All that are full have to come free.
        full = [allowance for allowance in found if allowance.remaining == 0]
        return Verdict(is_allowed, max(full, key=lambda allowance: allowance.reset))
    return Verdict(is_allowed, min(found, key=lambda allowance: (allowance.remaining, -allowance.reset)))
