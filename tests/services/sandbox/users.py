"""Running programs as the user who runs the tests and, where that is root, as a plain user too."""

import json
import os
import socket
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from noteassist.services.sandbox.languages import LANGUAGES
from noteassist.services.sandbox.limits import KIB, MIB, Limits
from noteassist.services.sandbox.running import Outcome, run

PLAIN = 65534
LIMITS = Limits(
    wall_seconds=6, cpu_seconds=1, memory_bytes=256 * MIB, processes=64, output_bytes=64 * KIB, files=2000
)


def outcome(code: str, language: str = "python", stdin: str = "", limits: Limits = LIMITS) -> Outcome:
    """Run a program."""
    return run(LANGUAGES[language], code, stdin, limits)


def as_plain_user(work: Callable[[], Outcome]) -> Outcome:
    """Do this in a process that has given up being root."""
    # Not by exec: the interpreter of the tests may lie in a folder of root's.
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _answer(theirs, work)
    theirs.close()
    with ours, ours.makefile("rb") as answer:
        told: dict[str, Any] = json.loads(answer.read())
    os.waitpid(pid, 0)
    assert "failure" not in told, told["failure"]
    return Outcome(**told)


def _answer(pipe: socket.socket, work: Callable[[], Outcome]) -> None:
    try:
        os.setgroups([])
        os.setresgid(PLAIN, PLAIN, PLAIN)
        os.setresuid(PLAIN, PLAIN, PLAIN)
        answer = asdict(work())
    except BaseException:  # the parent tells it
        answer = {"failure": traceback.format_exc()}
    pipe.sendall(json.dumps(answer).encode())
    os._exit(0)


def plainly(work: Callable[[], Outcome]) -> Outcome:
    """Do this as whoever runs the tests."""
    return work()


USERS = (
    {"as root": plainly, "as a plain user": as_plain_user} if os.geteuid() == 0 else {"as we are": plainly}
)


def sandboxes() -> set[int]:
    """List the processes of bubblewrap that descend from this process."""
    found = set()
    parents = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                stat = (path / "stat").read_text()
            except OSError:
                continue
            name, _, rest = stat.partition("(")[2].rpartition(")")
            parents[int(path.name)] = (name, int(rest.split()[1]))
    for pid, (name, parent) in parents.items():
        ancestor = parent
        while ancestor in parents and ancestor != os.getpid():
            ancestor = parents[ancestor][1]
        if ancestor == os.getpid() and name == "bwrap":
            found.add(pid)
    return found
