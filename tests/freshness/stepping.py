"""Requests that go on step by step, so that others come in between: at each call to Redis, and before each commit."""

import threading
from collections.abc import Callable
from typing import Any

import redis

PATIENCE = 30.0


class Killed(BaseException):
    """The process died here."""


class Step(threading.local):
    """The running of this thread, if it goes on step by step."""

    running: "Running | None" = None


here = Step()


class Running:
    """A piece of work in a thread of its own, which stops at each `pause`."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.at: str | None = "begin"
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_killed = False
        self.may_go = threading.Semaphore(0)
        self.has_stopped = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        here.running = self
        self.may_go.acquire()
        try:
            if not self.is_killed:
                self.result = self.work()
        except Killed:
            pass
        except BaseException as error:
            self.error = error
        self.at = None
        self.has_stopped.release()

    def pause(self, name: str) -> None:
        """Stop here, in the thread itself, until the next step."""
        self.at = name
        self.has_stopped.release()
        self.may_go.acquire()
        if self.is_killed:
            raise Killed

    def step(self) -> bool:
        """Go on to the next pause; says whether the work has ended."""
        self.may_go.release()
        assert self.has_stopped.acquire(timeout=PATIENCE), f"stuck after {self.at}"
        if self.error is not None:
            raise self.error
        return self.at is None

    def kill(self) -> None:
        """Let the process die at this pause: nothing that is behind it happens."""
        self.is_killed = True
        while self.at is not None and not self.step():
            pass

    def finish(self) -> None:
        """Go on to the end."""
        while not self.step():
            pass


def pause(name: str) -> None:
    """Stop here where the work goes on step by step."""
    if here.running is not None and not here.running.is_killed:
        here.running.pause(name)


class Line:
    """The line between a process and Redis, which can be cut; wraps the calls of scripts."""

    def __init__(self, scripts: Any) -> None:
        self.use_scripts = scripts.use
        self.scripts = scripts
        self.is_cut = False
        scripts.use = self.use

    def use(self, work: Callable[[Any], Any]) -> Any:
        """Call a script, with a pause before and after."""
        pause("before Redis")
        if here.running is not None and here.running.is_killed:
            raise Killed
        if self.is_cut:
            raise redis.ConnectionError("cut")
        self.scripts.paused_until = 0.0
        done = self.use_scripts(work)
        pause("after Redis")
        return done
