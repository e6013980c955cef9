"""Warm children: started when they are needed, used by one thread at a time, replaced when they are worn."""

import atexit
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from noteassist.children.child import Child
from noteassist.children.errors import Refused
from noteassist.children.tasks import TASKS, Task
from noteassist.errors import ServerBusy

WAIT_SECONDS = 10.0


class Pool:
    """The children of one task in this process."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._free = threading.BoundedSemaphore(task.processes)
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        # PR_SET_PDEATHSIG speaks of the thread that started a child: this one lives as long as the process.
        self._starter = ThreadPoolExecutor(1, "children")

    def call(self, payload: bytes, *, seconds: float, wait_seconds: float = WAIT_SECONDS) -> bytes:
        """Run the function in a child; `seconds` are for the work, `wait_seconds` for a child to be free.

        Raises Refused as the function does, ChildTimedOut, ChildOutOfMemory, ChildFailed, ServerBusy.
        """
        if not self._free.acquire(timeout=wait_seconds):
            raise ServerBusy
        try:
            return self._call(payload, seconds)
        finally:
            self._free.release()

    def _call(self, payload: bytes, seconds: float) -> bytes:
        child = self._take()
        is_fit = False
        try:
            answer = child.ask(payload, seconds)
            is_fit = True
        except Refused:
            is_fit = True
            raise
        finally:
            self._give_back(child, is_fit)
        return answer

    def _take(self) -> Child:
        """Give the child that was used last, or a new one; ends those that are worn."""
        with self._lock:
            worn = [child for child in self._idle if not child.is_fit]
            self._idle = [child for child in self._idle if child not in worn]
            child = self._idle.pop() if self._idle else None
        for other in worn:
            other.end()
        if child is None:
            child = self._starter.submit(Child, self.task).result()
        with self._lock:
            self._busy.add(child)
        return child

    def _give_back(self, child: Child, is_fit: bool) -> None:
        with self._lock:
            self._busy.discard(child)
            if is_fit:
                self._idle.append(child)
        if not is_fit:
            child.end()

    def close(self) -> None:
        """End all children."""
        with self._lock:
            children, self._idle, self._busy = [*self._idle, *self._busy], [], set()
        for child in children:
            child.end()
        self._starter.shutdown(wait=False)

    def forget(self) -> None:
        """Let go of children that belong to the process that this one was forked from."""
        for child in (*self._idle, *self._busy):
            child.let_go()


_pools: dict[str, Pool] = {}
_making = threading.Lock()


def call(task: str, payload: bytes, *, seconds: float, wait_seconds: float = WAIT_SECONDS) -> bytes:
    """Run a task of the table in a warm child of this process; see `Pool.call` for the errors."""
    with _making:
        pool = _pools.get(task)
        if pool is None:
            pool = _pools[task] = Pool(TASKS[task])
    return pool.call(payload, seconds=seconds, wait_seconds=wait_seconds)


def _close_all() -> None:
    for pool in _pools.values():
        pool.close()


def _start_anew() -> None:
    """Begin without children in a forked process."""
    global _making  # noqa: PLW0603 -- its holder may not exist in this process
    _making = threading.Lock()
    for pool in _pools.values():
        pool.forget()
    _pools.clear()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_start_anew)
