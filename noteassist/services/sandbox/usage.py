"""What a tree of processes uses, as the kernel tells it in /proc (proc(5))."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# In /proc/PID/stat after the name: own and waited-for children's time, in user mode and in the kernel.
TIMES = slice(11, 15)
# What may wait in one to be read, which no process is charged for (net.core.wmem_default).
SOCKET_BYTES = 212_992


@dataclass(frozen=True)
class Usage:
    """What a tree of processes uses together."""

    memory_bytes: int
    """Private and shared memory, page tables and the buffers of sockets; what processes share counts for each."""
    cpu_seconds: float
    """Processor time, that of ended processes included which their parents have noticed."""
    files: int
    """Files and folders in the folders that can be written to."""


def usage_of_tree(root: int, folders: Iterable[str] = ()) -> Usage:
    """Add up what a process and all of its descendants use now; those that end meanwhile count for nothing.

    `folders` are file systems of theirs, in which files are counted.
    """
    memory, ticks = _sockets(root) * SOCKET_BYTES, 0
    for pid in _tree(root):
        memory += _memory(_read(f"/proc/{pid}/status"))
        ticks += _ticks(_read(f"/proc/{pid}/stat"))
    files = sum(_files(f"/proc/{root}/root{folder}") for folder in folders)
    return Usage(memory, ticks / TICKS_PER_SECOND, files)


def _tree(root: int) -> Iterator[int]:
    waiting, seen = [root], {root}
    while waiting:
        pid = waiting.pop()
        yield pid
        # Each thread has the children that it started.
        for thread in _threads(pid):
            children = _read(f"/proc/{pid}/task/{thread}/children").split()
            fresh = {int(child) for child in children} - seen
            seen |= fresh
            waiting += fresh


def _threads(pid: int) -> list[str]:
    try:
        return [path.name for path in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # it has ended
        return []


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # dozens of times a second: Path costs twice as much
            return file.readall()
    except OSError:  # it has ended
        return b""


def _memory(status: bytes) -> int:
    """Give the bytes that no file stands behind."""
    kib = 0
    for line in status.splitlines():
        if line.startswith((b"RssAnon:", b"RssShmem:", b"VmSwap:", b"VmPTE:")):
            kib += int(line.split()[1])
    return kib * 1024


def _sockets(pid: int) -> int:
    """Count the sockets in the network namespace of a process."""
    first = _read(f"/proc/{pid}/net/sockstat").split(b"\n", 1)[0]
    return int(first.rpartition(b" ")[2] or 0)


def _files(folder: str) -> int:
    try:
        found = os.statvfs(folder)
    except OSError:  # it has ended
        return 0
    return found.f_files - found.f_ffree


def _ticks(stat: bytes) -> int:
    # The name, in parentheses, may itself have any characters.
    return sum(int(field) for field in stat.rpartition(b")")[2].split()[TIMES])
