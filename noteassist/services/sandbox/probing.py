"""Whether this machine can isolate programs: tried in earnest, before the first one is run."""

import json
import logging
import os
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from noteassist.services.sandbox import jail
from noteassist.services.sandbox.languages import LANGUAGES
from noteassist.services.sandbox.limits import KIB, MIB, Limits
from noteassist.services.sandbox.running import JailBroken, run
from noteassist.services.sandbox.seccomp import filter_program

log = logging.getLogger(__name__)

# A machine that could not isolate is asked again after so long, if somebody wants to know.
AGAIN_SECONDS = 30.0
PATIENCE_SECONDS = 30.0
PROBE_LIMITS = Limits(
    wall_seconds=20, cpu_seconds=5, memory_bytes=96 * MIB, processes=16, output_bytes=4 * KIB
)
ATTEMPTS = Path(__file__).with_name("inside.py")
SLEEPER = "import time\ntime.sleep(60)\n"
LOOP = "while True:\n    pass\n"
# Each child takes half of what all together may have.
HOGS = f"""\
import os, time
for _ in range(4):
    if os.fork() == 0:
        break
mine = bytearray({PROBE_LIMITS.memory_bytes // 2})
mine[::4096] = b"x" * len(mine[::4096])
time.sleep(60)
"""
CRUMBS = """\
number = 0
while True:
    open(f"/tmp/{(number := number + 1)}", "w").close()
"""
TIME = ("wall_time", "cpu_time")
EXCESSES: tuple[tuple[str, Limits, tuple[str, ...], str], ...] = (
    (SLEEPER, replace(PROBE_LIMITS, wall_seconds=0.2), TIME, "sleep for longer"),
    (LOOP, replace(PROBE_LIMITS, cpu_seconds=0.1), TIME, "work for longer"),
    (HOGS, PROBE_LIMITS, ("memory",), "take more memory with several processes"),
    (CRUMBS, replace(PROBE_LIMITS, files=100), ("files",), "make more files"),
)
GREETINGS = {"python": "print(6 * 7)", "javascript": "console.log(6 * 7)", "bash": "echo $((6 * 7))"}


@dataclass(frozen=True)
class Verdict:
    """What the machine can do: the languages that run, or the reason why none may, for the log."""

    languages: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def is_good(self) -> bool:
        """Say whether programs may be run."""
        return not self.reason


class Probe:
    """The verdict on this machine: reached when it is first wanted, and again after a bad one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.executor: ThreadPoolExecutor | None = None
        self.running: Future[Verdict] | None = None
        self.verdict: Verdict | None = None
        self.at = 0.0

    def ask(self, seconds: float = PATIENCE_SECONDS) -> Verdict | None:
        """Give the verdict, waiting so long for it; None where it takes longer."""
        with self.lock:
            if self.verdict and (self.verdict.is_good or time.monotonic() < self.at + AGAIN_SECONDS):
                return self.verdict
            if self.running is None:
                # A thread that stays: its end would be that of the programs it has started.
                self.executor = self.executor or ThreadPoolExecutor(1, thread_name_prefix="sandbox-probe")
                self.running = self.executor.submit(self._reach)
            running = self.running
        try:
            return running.result(seconds)
        except TimeoutError:
            return None

    def doubt(self, reason: str) -> None:
        """Take a good verdict back: a program could not be isolated."""
        self._keep(Verdict(reason=reason))

    def _reach(self) -> Verdict:
        try:
            verdict = examine()
        except Exception as error:
            log.exception("the probe of the sandbox failed")
            verdict = Verdict(reason=f"the probe failed: {type(error).__name__}")
        self._keep(verdict)
        return verdict

    def _keep(self, verdict: Verdict) -> None:
        if verdict.reason:
            log.warning("programs are not run: %s", verdict.reason)
        with self.lock:
            self.verdict, self.at, self.running = verdict, time.monotonic(), None


PROBE = Probe()


def examine() -> Verdict:
    """Try to break out of a sandbox on this machine, and out of its limits."""
    if missing := jail.missing_programs():
        return Verdict(reason=f"not installed: {', '.join(missing)}")
    if filter_program() is None:
        return Verdict(reason=f"no system call filter for {os.uname().machine}")
    if not os.access(LANGUAGES["python"].interpreter, os.X_OK):
        return Verdict(reason=f"not installed: {LANGUAGES['python'].interpreter}, which the probe needs")
    try:
        if breach := _breach():
            return Verdict(reason=breach)
        return Verdict(frozenset(name for name in LANGUAGES if _speaks(name)))
    except JailBroken as error:
        return Verdict(reason=str(error))


def _breach() -> str:
    """Say what a program can do that it must not; nothing where all is well."""
    with _things_of_the_host() as things:
        outcome = run(LANGUAGES["python"], ATTEMPTS.read_text(), json.dumps(things), PROBE_LIMITS)
    if outcome.exit_code != 0:
        return f"the probe broke off: {outcome.stderr[-200:]}"
    if worked := json.loads(outcome.stdout):
        return f"a program could {', '.join(worked)}"
    for excess, limits, expected, complaint in EXCESSES:
        if run(LANGUAGES["python"], excess, "", limits).stopped_by not in expected:
            return f"a program could {complaint} than allowed"
    return ""


@contextmanager
def _things_of_the_host() -> Iterator[dict[str, str | int]]:
    """Put up a file, a port and a socket that a program must not reach; tells where they are."""
    name = f"noteassist-probe-{secrets.token_hex(8)}"
    with (
        tempfile.TemporaryDirectory(prefix="noteassist-probe-") as folder,
        socket.create_server(("127.0.0.1", 0)) as port,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        Path(folder).chmod(0o755)
        file = Path(folder, "file")
        file.write_text("readable by everybody on this machine")
        file.chmod(0o644)
        abstract.bind(f"\0{name}")
        abstract.listen()
        yield {
            "path": str(file),
            "port": port.getsockname()[1],
            "name": name,
            "memory": PROBE_LIMITS.memory_bytes,
            "processes": PROBE_LIMITS.processes,
        }


def _speaks(name: str) -> bool:
    language = LANGUAGES[name]
    if not os.access(language.interpreter, os.X_OK):
        return False
    # With the memory that programs usually have: an interpreter may need more than the probe.
    limits = replace(PROBE_LIMITS, memory_bytes=256 * MIB, processes=64)
    return run(language, GREETINGS[name], "", limits).stdout == "42\n"
