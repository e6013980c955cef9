"""Finished answers that are kept in memory: bounded by bytes, and shared fairly among those they are for."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

# What an answer takes beside its body, roughly: headers, keys, places in dictionaries.
OVERHEAD = 1500
# At most such a part of all room is one user's.
SHARES = 16


class KeptAnswer(NamedTuple):
    """An answer to a GET: `tag` is its entity tag without quotes and encoding, `version` that of the user's notes."""

    epoch: str
    version: int
    route: str
    headers: Sequence[tuple[str, str]]
    tag: str
    body: bytes


class Shelf:
    """One user's answers, the least recently used first."""

    def __init__(self) -> None:
        self.answers: OrderedDict[Hashable, KeptAnswer] = OrderedDict()
        self.size = 0


class KeptAnswers:
    """Keeps answers; who has too many loses their own oldest ones, and who has not asked for longest goes first."""

    def __init__(self, capacity: int) -> None:
        """Make room for so many bytes."""
        self.capacity = capacity
        self.share = capacity // SHARES
        self.size = 0
        self.shelves: OrderedDict[int, Shelf] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, user_id: int, name: Hashable) -> KeptAnswer | None:
        """Give an answer, whatever version it is of."""
        with self.lock:
            shelf = self.shelves.get(user_id)
            answer = None if shelf is None else shelf.answers.get(name)
            if shelf is not None and answer is not None:
                self.shelves.move_to_end(user_id)
                shelf.answers.move_to_end(name)
        return answer

    def put(self, user_id: int, name: Hashable, answer: KeptAnswer) -> None:
        """Keep an answer in the place of an older one, unless it is too large for a user's share."""
        size = _size(answer)
        if size > self.share:
            return
        with self.lock:
            shelf = self.shelves.setdefault(user_id, Shelf())
            self.shelves.move_to_end(user_id)
            if (older := shelf.answers.pop(name, None)) is not None:
                self._grow(shelf, -_size(older))
            while shelf.size + size > self.share:
                self._drop_oldest(shelf)
            shelf.answers[name] = answer
            self._grow(shelf, size)
            while self.size > self.capacity:
                longest_ago = next(iter(self.shelves.values()))
                self._drop_oldest(longest_ago)
                if not longest_ago.answers:
                    self.shelves.popitem(last=False)

    def _drop_oldest(self, shelf: Shelf) -> None:
        _, dropped = shelf.answers.popitem(last=False)
        self._grow(shelf, -_size(dropped))

    def _grow(self, shelf: Shelf, size: int) -> None:
        shelf.size += size
        self.size += size


def _size(answer: KeptAnswer) -> int:
    return len(answer.body) + OVERHEAD
