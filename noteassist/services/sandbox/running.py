"""One run: started, fed, read, watched and ended."""

import json
import os
import selectors
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from noteassist.services.sandbox import jail
from noteassist.services.sandbox.languages import Language
from noteassist.services.sandbox.limits import KIB, Limits
from noteassist.services.sandbox.pipes import Feed, Take
from noteassist.services.sandbox.seccomp import filter_program
from noteassist.services.sandbox.usage import usage_of_tree

StoppedBy = Literal["wall_time", "cpu_time", "memory", "files", "output"]

LOOK_SECONDS = 0.04
# A look at many processes is work for the server: it takes at most this part of the time.
LOOK_SHARE = 0.05
SETUP_SECONDS = 10.0
# The kernel ends all processes of a run at once; but each needs the processor once more for it, at low priority.
END_SECONDS = 30.0
KILLED = 128 + 9
STATUS_BYTES = 16 * KIB
MOST_DISPENSABLE = "1000"


class JailBroken(Exception):
    """bubblewrap could not isolate the program and did not start it; the message is for the log."""


@dataclass(frozen=True)
class Outcome:
    """What became of a program; `stopped_by` names the limit that ended it, if one did."""

    stdout: str
    stderr: str
    exit_code: int
    stopped_by: StoppedBy | None
    truncated: bool
    duration_ms: int

    @property
    def timed_out(self) -> bool:
        """Say whether its time was over."""
        return self.stopped_by in {"wall_time", "cpu_time"}


@dataclass(frozen=True)
class Ends:
    """Our ends of the pipes of a run."""

    code: Feed
    stdin: Feed
    stdout: Take
    stderr: Take
    status: Take


def run(language: Language, code: str, stdin: str, limits: Limits) -> Outcome:
    """Run a program to its end, at most so long as its limits say; raises JailBroken.

    The calling thread has to stay until then: the kernel kills the program when that thread ends, be it with the
    whole server. No process of the program is left when this returns.
    """
    with ExitStack() as stack:
        pipes = {name: os.pipe() for name in ("code", "stdin", "stdout", "stderr", "status")}
        ends = _our_ends(stack, pipes, code, stdin, limits)
        process = _start(language, limits, pipes)
        stack.callback(_reap, process)
        return _Run(stack, process, ends, limits).attend()


def _our_ends(
    stack: ExitStack, pipes: dict[str, tuple[int, int]], code: str, stdin: str, limits: Limits
) -> Ends:
    ends = Ends(
        Feed(pipes["code"][1], _as_bytes(code)),
        Feed(pipes["stdin"][1], _as_bytes(stdin)),
        Take(pipes["stdout"][0], limits.output_bytes),
        Take(pipes["stderr"][0], limits.output_bytes),
        Take(pipes["status"][0], STATUS_BYTES),
    )
    for end in vars(ends).values():
        stack.callback(end.close)
    return ends


def _as_bytes(text: str) -> bytes:
    # A lone surrogate is no text that could be sent on.
    return text.encode(errors="replace")


def _start(language: Language, limits: Limits, pipes: dict[str, tuple[int, int]]) -> subprocess.Popen[bytes]:
    """Start bwrap, and close its ends of the pipes here."""
    filter_out, filter_in = os.pipe()
    os.write(filter_in, filter_program() or b"")
    os.close(filter_in)
    code, stdin = pipes["code"][0], pipes["stdin"][0]
    stdout, stderr, status = (pipes[name][1] for name in ("stdout", "stderr", "status"))
    try:
        return subprocess.Popen(  # noqa: S603  # untrusted input that it is, bwrap is there for it
            jail.command(language, limits, code=code, status=status, seccomp=filter_out),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env={},
            cwd="/",
            pass_fds=(code, status, filter_out),
            start_new_session=True,
        )
    except OSError as error:
        raise JailBroken(str(error)) from error
    finally:
        for pipe in (code, stdin, stdout, stderr, status, filter_out):
            os.close(pipe)


def _reap(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


class _Run:
    """A program while it runs."""

    def __init__(
        self, stack: ExitStack, process: subprocess.Popen[bytes], ends: Ends, limits: Limits
    ) -> None:
        self.stack = stack
        self.process = process
        self.ends = ends
        self.limits = limits
        self.stopped_by: StoppedBy | None = None
        self.selector = stack.enter_context(selectors.DefaultSelector())
        self.exit = self._pidfd(process.pid)
        self.selector.register(self.exit, selectors.EVENT_READ)
        for take in (ends.status, ends.stdout, ends.stderr):
            self.selector.register(take.pipe, selectors.EVENT_READ, take)

    def _pidfd(self, pid: int) -> int:
        pidfd = os.pidfd_open(pid)
        self.stack.callback(os.close, pidfd)
        return pidfd

    def attend(self) -> Outcome:
        """Go along with it to its end."""
        init = self._await_setup()
        init_exit = self._pidfd(init)
        _offer_to_the_kernel(init)
        # Nothing is executed before bwrap has tied its life to ours, which its first status tells: until then it
        # waits for the code. So a server that is killed at any moment leaves nothing behind.
        for feed in (self.ends.code, self.ends.stdin):
            self.selector.register(feed.pipe, selectors.EVENT_WRITE, feed)
        begun = time.monotonic()
        self._watch(init, begun)
        self._await_end(init_exit)
        duration = round((time.monotonic() - begun) * 1000)
        self._drain()
        out, err = self.ends.stdout, self.ends.stderr
        return Outcome(
            out.text, err.text, self._exit_code(), self.stopped_by, out.is_cut or err.is_cut, duration
        )

    def _await_setup(self) -> int:
        """Wait until bwrap has made its namespaces; gives the id of their first process, raises JailBroken."""
        deadline = time.monotonic() + SETUP_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            has_ended = self._move(left)
            if (init := self._status("child-pid")) is not None:
                return init
            if has_ended:
                break
        self._drain()
        raise JailBroken(self.ends.stderr.text.strip() or "bwrap does not say how it gets on")

    def _move(self, seconds: float) -> bool:
        """Wait for something to happen and do it; says whether bwrap has ended."""
        has_ended = False
        for key, _ in self.selector.select(seconds):
            if key.data is None:
                has_ended = True
            elif not key.data.move():
                self.selector.unregister(key.fd)
        return has_ended

    def _status(self, name: str) -> int | None:
        """Find a number in what bwrap has told of itself: one JSON object a line."""
        for line in bytes(self.ends.status.kept).splitlines():
            with suppress(ValueError):
                told: dict[str, Any] = json.loads(line)
                if name in told:
                    return int(told[name])
        return None

    def _watch(self, init: int, begun: float) -> None:
        """Let it run until it has ended or reached a limit."""
        deadline = begun + self.limits.wall_seconds
        look_at = begun + LOOK_SECONDS
        while not self._move(min(deadline, look_at) - time.monotonic()):
            now = time.monotonic()
            if now >= deadline:
                self.stopped_by = "wall_time"
            elif self.ends.stdout.seen + self.ends.stderr.seen > self.limits.flood_bytes:
                self.stopped_by = "output"
            elif now >= look_at:
                self.stopped_by = self._over(init)
                seen = time.monotonic()
                look_at = seen + max(LOOK_SECONDS, (seen - now) / LOOK_SHARE)
            if self.stopped_by:
                self.process.kill()
                return

    def _over(self, init: int) -> StoppedBy | None:
        usage = usage_of_tree(init, jail.FOLDERS)
        if usage.memory_bytes > self.limits.memory_bytes:
            return "memory"
        if usage.files > self.limits.files:
            return "files"
        return "cpu_time" if usage.cpu_seconds > self.limits.cpu_seconds else None

    def _await_end(self, init_exit: int) -> None:
        """Wait until the first process of its namespace is gone, which the kernel lets go as the last one."""
        with selectors.DefaultSelector() as selector:
            selector.register(init_exit, selectors.EVENT_READ)
            if not selector.select(END_SECONDS):
                raise JailBroken("the kernel does not end its processes")
        self.process.wait(END_SECONDS)

    def _drain(self) -> None:
        """Take what is left in the pipes: at most what fits into them, since nobody writes any more."""
        for take in (self.ends.stdout, self.ends.stderr, self.ends.status):
            while take.is_open and _is_readable(take.pipe):
                take.move()

    def _exit_code(self) -> int:
        if self.stopped_by:
            return KILLED
        found = self._status("exit-code")
        if found is None:
            raise JailBroken(self.ends.stderr.text.strip() or "bwrap does not say how it ended")
        return found


def _is_readable(pipe: int) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return bool(selector.select(0))


def _offer_to_the_kernel(init: int) -> None:
    """Let these processes be the first to go when the machine has no memory left (proc(5), oom_score_adj)."""
    with suppress(OSError):  # it has ended
        Path(f"/proc/{init}/oom_score_adj").write_text(MOST_DISPENSABLE)
