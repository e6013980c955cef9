"""What process trees cost: processor time and memory, read from /proc."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat, counted after the command's closing bracket (proc(5) numbers minus 3).
PARENT = 1
CPU_FIELDS = slice(11, 15)  # utime, stime, cutime, cstime


@dataclass(frozen=True)
class Process:
    """One line of the process table: who started it and what it has used so far."""

    pid: int
    parent: int
    cpu_seconds: float


@dataclass(frozen=True)
class Memory:
    """Resident memory of one process, and its fair share of what it shares with others."""

    pid: int
    command: str
    rss_mb: float
    pss_mb: float


def read_process(pid: int) -> Process | None:
    """Read one process, or nothing when it has just gone."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A command may itself contain brackets and spaces, so only the last bracket is the end of it.
    fields = stat.rpartition(")")[2].split()
    # cutime and cstime are what children used that have died and been waited for: without them
    # a worker that was recycled during the run would have cost nothing.
    ticks = sum(int(field) for field in fields[CPU_FIELDS])
    return Process(pid, int(fields[PARENT]), ticks / TICKS_PER_SECOND)


def process_table() -> dict[int, Process]:
    """Read every process of this machine."""
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return {found.pid: found for pid in pids if (found := read_process(pid))}


def process_tree(root: int, table: Mapping[int, Process] | None = None) -> list[Process]:
    """List a process and all its living descendants, parents first."""
    table = process_table() if table is None else table
    if root not in table:
        raise BenchError(f"Process {root} is gone, so what it used cannot be read.")
    children: dict[int, list[Process]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process)
    tree = [table[root]]
    for process in tree:  # grows while it is walked: breadth first
        tree += children.get(process.pid, [])
    return tree


def cpu_seconds(root: int, table: Mapping[int, Process] | None = None) -> float:
    """Sum the processor time of a tree, its dead and reaped members included."""
    return sum(process.cpu_seconds for process in process_tree(root, table))


def cpu_by_role(roots: Mapping[str, int]) -> dict[str, float]:
    """Read the processor time of several trees at one moment, from one process table."""
    table = process_table()
    return {role: cpu_seconds(pid, table) for role, pid in roots.items()}


def tree_memory(root: int) -> list[Memory]:
    """Read the memory of each living process of a tree."""
    return [found for process in process_tree(root) if (found := read_memory(process.pid))]


def read_memory(pid: int) -> Memory | None:
    """Read one process's memory, or nothing for one that has none (gone, or a zombie)."""
    folder = PROC / str(pid)
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    kilobytes = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in lines)
        if name in ("Rss", "Pss")
    }
    if not kilobytes:
        return None
    return Memory(pid, command, kilobytes["Rss"] / 1024, kilobytes["Pss"] / 1024)


def parse_roots(text: str) -> dict[str, int]:
    """Turn "app=12,postgres=34" into roles and process ids."""
    roots: dict[str, int] = {}
    for pair in filter(None, text.split(",")):
        role, _, pid = pair.partition("=")
        if not (role and pid.isdigit()):
            raise BenchError(f"{pair!r} is not ROLE=PID, as in app=12,postgres=34,redis=56.")
        roots[role.strip()] = int(pid)
    return roots
