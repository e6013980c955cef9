"""What is asked of a run, and what it came to."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.chaos import Record
from tests.soak.checks import Findings

KILLS = ("kill_worker", "kill_worker_family", "kill_web", "kill_server", "kill_server_process")
RESTARTS = ("start_redis", "start_postgres", "restart_postgres", "start_model", "replace_worker")
FREEZES = ("freeze_redis", "freeze_postgres", "freeze_worker")


@dataclass(frozen=True)
class Options:
    """What the caller wants."""

    mode: str = "full"
    tasks: int = 500
    quick: bool = False
    # Where logs and data are kept; a temporary folder that is removed where this is None.
    folder: Path | None = None
    show: Callable[[str], None] = print


@dataclass
class Result:
    """What a run came to."""

    mode: str
    seed: int
    tasks: int = 0
    kills: int = 0
    flushes: int = 0
    restarts: int = 0
    freezes: int = 0
    faults: int = 0
    retries: int = 0
    seconds: float = 0.0
    tracebacks: int = 0
    findings: Findings = field(default_factory=Findings)
    # The longest waits after a kill: task, when it was killed, seconds.
    waits: list[Any] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    log: list[Any] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Say whether nothing was found."""
        return self.findings.is_clean

    def as_json(self) -> dict[str, Any]:
        """Give everything for a file."""
        return asdict(self) | {"is_clean": self.is_clean}


def counts(record: Record, outcomes: Mapping[str, int]) -> dict[str, Any]:
    """Count what was done to the servers, and what the model did."""
    return {
        "kills": record.count(*KILLS),
        "flushes": record.count("flush"),
        "restarts": record.count(*RESTARTS),
        "freezes": record.count(*FREEZES),
        "faults": sum(outcomes.values()) - outcomes.get("answered", 0),
        "outcomes": dict(outcomes),
        "log": record.log,
    }
