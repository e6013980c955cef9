"""A child process: `python -m noteassist.children.worker PARENT FUNCTION MEMORY_MB FILE_MB ANSWER_MB IDLE_SECONDS`.

It has no network where the kernel lets it give that up, none of the server's environment, its own session and hard
limits. A request is its time in seconds and a length (`!dQ`), then so many bytes; an answer is a sign, whether it is
the last one, and a length (`!B?Q`), then so many bytes. The first answer, without a request, says that it is ready.
"""

import ctypes
import json
import os
import pkgutil
import resource
import select
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from noteassist.children.errors import Refused
from noteassist.process import PR_SET_PDEATHSIG

REQUEST = struct.Struct("!dQ")
ANSWER = struct.Struct("!B?Q")
DONE, REFUSED, FAILED, OUT_OF_MEMORY = range(4)
OPEN_FILES = 64
MIB = 1024 * 1024
# Libraries keep what they made for a next time. A child in which they fill so much of its memory makes room for a new
# one: typst takes longer and longer to look through what it kept.
WORN_SHARE = 0.25
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
# The parent ends a child whose time is over; if there is no parent any more, the kernel does, this much later.
GRACE_SECONDS = 1.0

Function = Callable[[bytes], bytes]


def main(arguments: list[str]) -> None:
    """Serve calls until there are no more."""
    parent, function, memory_mb, file_mb, answer_mb, idle_seconds = arguments
    requests, answers = _take_pipes()
    _leave_network()
    _follow(int(parent))
    _limit(int(memory_mb) * MIB, int(file_mb) * MIB)
    try:
        run: Function = pkgutil.resolve_name(function)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the parent is told
        _write(answers, FAILED, _described(error).encode())
        return
    _write(answers, DONE, b"")
    while select.select([requests], [], [], float(idle_seconds))[0]:
        head = _read(requests, REQUEST.size)
        if not head:
            return
        seconds, size = REQUEST.unpack(head)
        payload = _read(requests, size)
        _bound_time(seconds)
        sign, answer = _answer(run, payload, int(answer_mb) * MIB)
        signal.setitimer(signal.ITIMER_REAL, 0)
        is_last = sign == OUT_OF_MEMORY or _memory_in_use() > WORN_SHARE * int(memory_mb) * MIB
        _write(answers, sign, answer, is_last=is_last)
        if is_last:
            return


def _take_pipes() -> tuple[int, int]:
    """Keep the pipes to oneself: what a library prints must not get between the answers."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.close(nothing)
    return requests, answers


def _leave_network() -> None:
    # Without the right to do so (a container may forbid it) the limits and the code itself have to do.
    libc = ctypes.CDLL(None)
    if libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)


def _follow(parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit()


def _limit(memory: int, longest_file: int) -> None:
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: longest_file,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in limits.items():
        highest = resource.getrlimit(kind)[1]
        bound = value if highest == resource.RLIM_INFINITY else min(value, highest)
        resource.setrlimit(kind, (bound, bound))


def _bound_time(seconds: float) -> None:
    """Have the kernel end this process when the time of a call is over; a busy process cannot do it itself."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cores = len(os.sched_getaffinity(0))
    whole = int(used.ru_utime + used.ru_stime + seconds * cores + GRACE_SECONDS) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (whole, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_SECONDS)


def _answer(run: Function, payload: bytes, longest: int) -> tuple[int, bytes]:
    try:
        answer = run(payload)
    except Refused as error:
        return REFUSED, json.dumps([error.code, error.detail]).encode()
    except MemoryError:
        return OUT_OF_MEMORY, b""
    except Exception as error:  # noqa: BLE001 -- whatever it is, the caller is told
        return FAILED, _described(error).encode()
    if len(answer) > longest:
        return FAILED, b"the answer is too long"
    return DONE, answer


def _described(error: Exception) -> str:
    """Name an error and its place, without its text, which may quote the input."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def _read(pipe: int, size: int) -> bytes:
    """Read so many bytes; gives none when the parent is gone."""
    chunks = bytearray()
    while len(chunks) < size:
        chunk = os.read(pipe, min(size - len(chunks), MIB))
        if not chunk:
            return b""
        chunks += chunk
    return bytes(chunks)


def _memory_in_use() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _write(pipe: int, sign: int, answer: bytes, *, is_last: bool = False) -> None:
    for part in (ANSWER.pack(sign, is_last, len(answer)), answer):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(pipe, rest) :]


if __name__ == "__main__":
    main(sys.argv[1:])
