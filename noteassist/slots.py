"""Slots: how many threads may be at something at a time; whoever waits gets one in the order of coming."""

import threading
from collections import deque
from typing import Self

from noteassist.errors import ServerBusy


class Slots:
    """A semaphore that is fair: a slot that comes free goes to whoever has waited longest.

    Python's own lets a newcomer take it first, and the one that was woken goes to the end of the queue: under load some
    wait for seconds while others never do.
    """

    def __init__(self, number: int) -> None:
        self.free = number
        self.waiting: deque[threading.Lock] = deque()
        self.lock = threading.Lock()

    def acquire(self, seconds: float) -> bool:
        """Take a slot, waiting at most so long; says whether there was one."""
        with self.lock:
            if self.free:
                self.free -= 1
                return True
            turn = threading.Lock()
            turn.acquire()
            self.waiting.append(turn)
        if turn.acquire(timeout=seconds):
            return True
        with self.lock:
            if turn not in self.waiting:
                # It was handed over in this very moment.
                return True
            self.waiting.remove(turn)
            return False

    def release(self) -> None:
        """Give a slot back."""
        with self.lock:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self.free += 1


class Slot:
    """One of a number of slots, held inside the `with` block or until `leave` is called."""

    def __init__(self, slots: Slots, seconds: float, *, is_free: bool = False) -> None:
        self.slots = slots
        self.seconds = seconds
        self.is_held = False
        self.is_free = is_free

    def __enter__(self) -> Self:
        """Take the slot, unless this one `is_free` of them; raises ServerBusy when none comes free in time."""
        if not self.is_free:
            if not self.slots.acquire(self.seconds):
                raise ServerBusy
            self.is_held = True
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the slot."""
        self.leave()

    def leave(self) -> None:
        """Let somebody else have the slot; once is enough."""
        if self.is_held:
            self.is_held = False
            self.slots.release()
