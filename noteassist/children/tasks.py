"""What children do: a fixed table, so that nothing else ever runs in one."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Task:
    """A function from bytes to bytes, and what a process that runs it may use."""

    function: str
    """Where it is, as `package.module:name`."""
    memory_mb: int
    """The address space of a process (RLIMIT_AS), in MiB."""
    processes: int = 2
    """How many there are at most for each process of the server; a call beyond them waits."""
    calls: int = 200
    """After so many calls a process is replaced."""
    idle_seconds: float = 120.0
    """A process without work for so long is ended."""
    answer_mb: int = 64
    """The longest answer, in MiB."""
    file_mb: int = 0
    """The longest file that it may write (RLIMIT_FSIZE), in MiB."""


TASKS: Mapping[str, Task] = {
    "export": Task(function="noteassist.services.exports.rendering:render", memory_mb=1024),
    "import": Task(function="noteassist.services.imports.reading:read_upload", memory_mb=768, calls=50),
}
