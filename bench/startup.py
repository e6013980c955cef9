"""Start and rest: how soon an embedded server is ready, and what it holds while nobody asks."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.figures import Spread
from bench.processes import Memory, tree_memory
from bench.servers import instance_folder, server_environment, serving

IDLE_SECONDS = 3.0
MOST_SECONDS = 2.0
MOST_RSS_MB = 150.0


@dataclass(frozen=True)
class Start:
    """All starts of a run, and the memory of the last one's processes."""

    empty_seconds: tuple[float, ...]
    migrated_seconds: tuple[float, ...]
    memory: tuple[Memory, ...]

    @property
    def empty(self) -> Spread:
        """Summarise the starts in an empty folder."""
        return Spread.of(self.empty_seconds)

    @property
    def migrated(self) -> Spread:
        """Summarise the starts in a folder that has its database already."""
        return Spread.of(self.migrated_seconds)

    @property
    def rss_mb(self) -> float:
        """Sum the resident memory; pages that processes share count once for each."""
        return sum(process.rss_mb for process in self.memory)

    @property
    def pss_mb(self) -> float:
        """Sum the fair shares: what would be free again without this server."""
        return sum(process.pss_mb for process in self.memory)

    def as_dict(self) -> dict[str, object]:
        """Give everything for the JSON file."""
        return {**asdict(self), "rss_mb": self.rss_mb, "pss_mb": self.pss_mb}


def run_start(rounds: int, report: Callable[[], None]) -> Start:
    """Start on SQLite in an empty folder, then again in the same one, several times."""
    empty, migrated = [], []
    memory: list[Memory] = []
    for _ in range(rounds):
        with instance_folder() as folder:
            environment = server_environment(folder)
            empty.append(start_once(environment, folder))
            report()
            with serving(environment, folder) as server:
                migrated.append(server.ready_seconds)
                time.sleep(IDLE_SECONDS)
                memory = tree_memory(server.pid)
            report()
    return Start(tuple(empty), tuple(migrated), tuple(memory))


def start_once(environment: dict[str, str], folder: Path) -> float:
    """Start and stop; give the seconds until it was ready."""
    with serving(environment, folder) as server:
        return server.ready_seconds
