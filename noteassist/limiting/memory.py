"""Counting within this process."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from noteassist.limiting.windows import MICROSECONDS, SLICES, Window

# Keys that are remembered, at most about 2 kB each. Beyond them the one is forgotten that was used longest ago.
MOST_KEYS = 20_000

# Time of the last request and number of requests, by turns, oldest first; in microseconds.
Hits = list[int]


class MemoryCounter:
    """Counts as the script in shared.py does; tests compare the two."""

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self.most_keys = most_keys
        self.lock = threading.Lock()
        self.hits: OrderedDict[str, Hits] = OrderedDict()

    def count(self, windows: Sequence[Window], now: int) -> list[int]:
        """Count a request in all windows, or in none of them; gives the figures that `verdict_of` reads."""
        with self.lock:
            kept = [_kept(self.hits.get(window.key, []), window, now) for window in windows]
            used = [sum(hits[1::2]) for hits in kept]
            is_refused = any(used[n] >= window.limit for n, window in enumerate(windows))
            figures = [int(is_refused)]
            for number, window in enumerate(windows):
                hits = kept[number]
                if not is_refused:
                    used[number] += 1
                    _add(hits, window, now)
                # Also where it is refused: a hit of the future is over one window after the clock was set back.
                self._keep(window.key, hits)
                figures += [used[number], _freed_in(hits, used[number], window, now)]
        return figures

    def _keep(self, key: str, hits: Hits) -> None:
        self.hits[key] = hits
        self.hits.move_to_end(key)
        if len(self.hits) > self.most_keys:
            self.hits.popitem(last=False)


def _kept(hits: Hits, window: Window, now: int) -> Hits:
    """Give the hits that are in the window; one of the future, before the clock was set back, is one of now."""
    span = window.seconds * MICROSECONDS
    kept: Hits = []
    for last, number in zip(hits[::2], hits[1::2], strict=True):
        if min(last, now) + span > now:
            kept += (min(last, now), number)
    return kept


def _add(hits: Hits, window: Window, now: int) -> None:
    length = window.seconds * MICROSECONDS // SLICES
    if hits and hits[-2] // length == now // length:
        hits[-2] = now
        hits[-1] += 1
    else:
        hits += (now, 1)


def _freed_in(hits: Hits, used: int, window: Window, now: int) -> int:
    """Give the microseconds until a request has room that has none now, or else until there is room for more."""
    missing = max(1, used - window.limit + 1)
    for last, number in zip(hits[::2], hits[1::2], strict=True):
        missing -= number
        if missing <= 0:
            return last + window.seconds * MICROSECONDS - now
    return 0
