"""What one run may use."""

from dataclasses import dataclass

from noteassist.config import Settings

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The bounds of one run, all of its processes together unless said otherwise."""

    wall_seconds: float
    """From its start to its end."""
    cpu_seconds: float
    """Of processor time."""
    memory_bytes: int
    """Of private and shared memory; also the most that one process may reserve for writing."""
    processes: int
    """Processes and threads at once, the first process of the sandbox and its interpreter included."""
    output_bytes: int
    """Kept of each of stdout and stderr; the rest is thrown away."""
    file_bytes: int = 16 * MIB
    """The longest file, and the size of each of the folders that it can write to, which lie in memory."""
    files: int = 10_000
    """In all of these folders."""
    flood_bytes: int = 16 * MIB
    """Written to stdout and stderr until the run is stopped for it."""
    open_files: int = 64
    """Of each process."""

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Give the limits that the operator chose."""
        return cls(
            wall_seconds=settings.sandbox_seconds,
            cpu_seconds=settings.sandbox_cpu_seconds,
            memory_bytes=settings.sandbox_memory_mib * MIB,
            processes=settings.sandbox_processes,
            output_bytes=settings.sandbox_output_kib * KIB,
        )
