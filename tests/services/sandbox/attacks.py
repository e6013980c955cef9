"""A hostile program and what must come of it; the host's things that it goes for."""

import json
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from noteassist.services.sandbox.jail import HOME
from noteassist.services.sandbox.limits import Limits
from noteassist.services.sandbox.running import Outcome
from tests.services.sandbox.users import LIMITS, outcome

PRELUDE = """\
import ctypes, errno, json, os, resource, signal, socket, subprocess, sys, threading, time
from pathlib import Path
host = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)
def attempt(work, *arguments):
    try:
        found = work(*arguments)
    except OSError as error:
        print(errno.errorcode.get(error.errno, type(error).__name__))
    except Exception as error:
        print(type(error).__name__)
    else:
        print("WORKED", repr(found)[:80])
def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    print(errno.errorcode[ctypes.get_errno()] if result == -1 else "WORKED")
def fill(path):
    written = 0
    try:
        with open(path, "wb", buffering=0) as file:
            while True:
                written += file.write(bytes(1 << 20))
    except OSError as error:
        print(errno.errorcode[error.errno], written >> 20)
"""
QUICK = replace(LIMITS, wall_seconds=1.5)
TIME = ("wall_time", "cpu_time")
ANYTHING = "*"
SEPARATOR = "---- "


@dataclass(frozen=True)
class Attack:
    """A program and how it must end: with which words on stdout, stopped by which limit."""

    what: str
    code: str
    prints: str = ""
    stopped_by: tuple[str | None, ...] = (None,)
    language: str = "python"
    limits: Limits = LIMITS

    def run(self, host: dict[str, object]) -> Outcome:
        """Run the program."""
        code = PRELUDE + self.code if self.language == "python" else self.code
        return outcome(code, self.language, json.dumps(host), self.limits)

    @property
    def is_harmless(self) -> bool:
        """Say whether it asks for something that is refused, and goes on: such ones can share a run."""
        words = ("fork", "kill", "fill", "for number in range(10")
        is_plain = self.language == "python" and self.stopped_by == (None,)
        return is_plain and not any(word in self.code for word in words)

    def fault(self, found: Outcome) -> str:
        """Say what is not as it must be; nothing where all is well."""
        if found.stopped_by in self.stopped_by and self.prints in {words(found.stdout), ANYTHING}:
            return ""
        return f"stopped by {found.stopped_by}, printed {found.stdout[:300]!r} {found.stderr[-500:]!r}"


def words(text: str) -> str:
    """Give a text's words, one space between them."""
    return " ".join(text.split())


def run_together(attacks: Sequence[Attack], host: dict[str, object]) -> tuple[Outcome, dict[str, str]]:
    """Run harmless attacks in one program; gives what each of them printed."""
    program = "".join(
        f"print({SEPARATOR!r} + {attack.what!r})\nexec({attack.code!r})\n" for attack in attacks
    )
    found = outcome(PRELUDE + program, stdin=json.dumps(host))
    parts = [part.partition("\n") for part in found.stdout.split(SEPARATOR)[1:]]
    return found, {what: words(said) for what, _, said in parts}


@contextmanager
def things_of_the_host() -> Iterator[dict[str, object]]:
    """Put up what a program must not reach."""
    name = f"noteassist-attacked-{os.getpid()}"
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as port,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        os.chmod(folder, 0o755)
        Path(folder, "file").write_text("a secret of the host")
        named.bind(f"{folder}/socket")
        os.chmod(f"{folder}/socket", 0o777)
        abstract.bind(f"\0{name}")
        for listener in (named, abstract):
            listener.listen()
        yield {
            "port": port.getsockname()[1],
            "socket": f"{folder}/socket",
            "name": name,
            "file": f"{folder}/file",
            "checkout": str(Path(__file__).parent),
            "pid": os.getpid(),
            "home": HOME,
            # The seconds of a sleep that is looked for among all processes.
            "follower": f"3141{os.getpid()}",
        }
