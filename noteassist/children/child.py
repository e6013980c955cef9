"""One child process as its parent sees it."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from noteassist.children.errors import ChildFailed, ChildOutOfMemory, ChildTimedOut, Refused
from noteassist.children.tasks import Task
from noteassist.children.worker import ANSWER, DONE, MIB, OUT_OF_MEMORY, REFUSED, REQUEST

START_SECONDS = 30.0
# A child ends by itself this much after its parent would not use it any more.
IDLE_GRACE_SECONDS = 30.0
CHUNK = 65_536


class Child:
    """A process that runs one function again and again. Not for two threads at once."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.calls = 0
        self.is_worn = False
        self.used_at = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 -- its words are ours
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        self._pipes = [pipe for pipe in (self._process.stdin, self._process.stdout) if pipe is not None]
        self._requests, self._answers = (pipe.fileno() for pipe in self._pipes)
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)
        self._is_ready = False

    def _command(self) -> list[str]:
        task, idle = self.task, self.task.idle_seconds + IDLE_GRACE_SECONDS
        bounds = (task.memory_mb, task.file_mb, task.answer_mb, idle)
        start = [sys.executable, "-P", "-s", "-B", "-m", "noteassist.children.worker"]
        return [*start, str(os.getpid()), task.function, *map(str, bounds)]

    @property
    def is_fit(self) -> bool:
        """Say whether another call may go to it."""
        is_fresh = time.monotonic() - self.used_at < self.task.idle_seconds
        is_worn = self.is_worn or self.calls >= self.task.calls
        return is_fresh and not is_worn and self._process.poll() is None

    def ask(self, payload: bytes, seconds: float) -> bytes:
        """Have it answer; after any error but Refused it is of no use any more.

        Raises Refused, ChildTimedOut, ChildOutOfMemory, ChildFailed.
        """
        if not self._is_ready:
            self._read_answer(*self._receive(time.monotonic() + START_SECONDS))
            self._is_ready = True
        self.calls += 1
        deadline = time.monotonic() + seconds
        self._send(REQUEST.pack(seconds, len(payload)), deadline)
        self._send(payload, deadline)
        sign, answer = self._receive(deadline)
        self.used_at = time.monotonic()
        return self._read_answer(sign, answer)

    def _read_answer(self, sign: int, answer: bytes) -> bytes:
        if sign == DONE:
            return answer
        if sign == REFUSED:
            raise Refused(*json.loads(answer))
        if sign == OUT_OF_MEMORY:
            raise ChildOutOfMemory(f"{self.task.function}: more than {self.task.memory_mb} MiB")
        raise ChildFailed(f"{self.task.function}: {answer.decode()}")

    def _send(self, data: bytes, deadline: float) -> None:
        rest = memoryview(data)
        while rest:
            self._wait(self._requests, select.POLLOUT, deadline)
            try:
                rest = rest[os.write(self._requests, rest[: 16 * CHUNK]) :]
            except BrokenPipeError:
                raise self._gone() from None

    def _receive(self, deadline: float) -> tuple[int, bytes]:
        sign, self.is_worn, size = ANSWER.unpack(self._read(ANSWER.size, deadline))
        if size > self.task.answer_mb * MIB:
            raise ChildFailed(f"{self.task.function}: the answer is too long")
        return sign, self._read(size, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        found = bytearray()
        while len(found) < size:
            self._wait(self._answers, select.POLLIN, deadline)
            chunk = os.read(self._answers, min(size - len(found), 16 * CHUNK))
            if not chunk:
                raise self._gone()
            found += chunk
        return bytes(found)

    def _wait(self, pipe: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise ChildTimedOut(f"{self.task.function}: took too long")

    def _gone(self) -> ChildFailed:
        status = self._process.wait(START_SECONDS)
        if status in {-signal.SIGALRM, -signal.SIGXCPU}:
            return ChildTimedOut(f"{self.task.function}: took too long")
        return ChildFailed(f"{self.task.function}: ended with status {status}")

    def end(self) -> None:
        """Kill it with all that it may have started."""
        # One that ended by itself is not there any more.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close()

    def let_go(self) -> None:
        """Leave it alone, in a process that was forked from its parent."""
        self._process.returncode = 0
        self._close()

    def _close(self) -> None:
        for pipe in self._pipes:
            pipe.close()


def _environment() -> dict[str, str]:
    """Give a child what it needs and none of the server's secrets: it finds the modules that this process finds."""
    return {
        "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path),
        "LANG": "C.UTF-8",
        # Every arena and thread of a native library costs address space, whether or not it is used.
        "MALLOC_ARENA_MAX": "2",
        "RAYON_NUM_THREADS": "2",
    }
