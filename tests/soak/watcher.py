"""Watching the tasks in the database ten times a second: who works on what, and how long killed work lies."""

import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, create_engine, exc, text

from tests.soak.chaos import Kill

LOOK_SECONDS = 0.1
ENDED = frozenset({"succeeded", "failed", "cancelled"})
_ALL = text("SELECT id, attempt, status, worker FROM tasks WHERE user_id IS NOT NULL")
_UNDER_WAY = text("SELECT count(*) FROM tasks WHERE status IN ('queued', 'running')")


@dataclass(frozen=True)
class Sight:
    """How a task was when it was first seen like that."""

    at: float
    attempt: int
    status: str
    pid: int | None


@dataclass(frozen=True)
class Wait:
    """How long a task lay after its worker was killed; None where nobody ever took it up."""

    task_id: str
    killed_at: float
    seconds: float | None


def engine_of(url: str) -> Engine:
    """Make an engine that reads outside of transactions."""
    options = {} if url.startswith("sqlite") else {"connect_args": {"connect_timeout": 3}}
    address = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(address, isolation_level="AUTOCOMMIT", pool_pre_ping=True, **options)


def pid_of(worker: str | None) -> int | None:
    """Read the process id in the name of a worker: `host:pid:random`."""
    return int(worker.split(":")[-2]) if worker else None


class Watcher:
    """Keeps the history of every task, in a thread."""

    def __init__(self, url: str) -> None:
        self.engine = engine_of(url)
        self.history: dict[str, list[Sight]] = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin."""
        self.thread.start()

    def stop(self) -> None:
        """End, after a last look."""
        self.stopping.set()
        self.thread.join(10)
        self.engine.dispose()

    def _watch(self) -> None:
        while not self.stopping.wait(LOOK_SECONDS):
            try:
                self._look()
            except exc.SQLAlchemyError:
                self.engine.dispose()

    def _look(self) -> None:
        with self.engine.connect() as connection:
            rows = connection.execute(_ALL).all()
        now = time.monotonic()
        for task_id, attempt, status, worker in rows:
            sights = self.history.setdefault(str(task_id), [])
            pid = pid_of(worker) if status == "running" else None
            if not sights or (sights[-1].attempt, sights[-1].status, sights[-1].pid) != (
                attempt,
                status,
                pid,
            ):
                sights.append(Sight(now, attempt, status, pid))

    def count_under_way(self) -> int | None:
        """Count the tasks that have not ended; None where the database does not say."""
        try:
            with self.engine.connect() as connection:
                return int(connection.execute(_UNDER_WAY).scalar_one())
        except exc.SQLAlchemyError:
            return None


def waits(
    history: Mapping[str, Sequence[Sight]], kills: Sequence[Kill], outages: Sequence[tuple[float, float]]
) -> list[Wait]:
    """Say how long each task lay that was seen with a worker just before that one was killed.

    What was cancelled or ended by its own attempt meanwhile did not wait. Taken off is the time of other outages,
    but not of the one that the kill itself began.
    """
    found = []
    for kill in kills:
        others = [outage for outage in outages if outage[0] != kill.at]
        for task_id, sights in history.items():
            before = [sight for sight in sights if sight.at <= kill.at]
            if before and before[-1].status == "running" and before[-1].pid in kill.pids:
                later = [sight for sight in sights if sight.at > kill.at]
                found += _waits_after(task_id, kill, before[-1].attempt, later, others)
    return found


def _waits_after(
    task_id: str,
    kill: Kill,
    attempt: int,
    later: Sequence[Sight],
    outages: Sequence[tuple[float, float]],
) -> list[Wait]:
    taken = next((sight for sight in later if sight.attempt > attempt), None)
    if taken is None:
        has_ended = any(sight.status in ENDED for sight in later)
        return [] if has_ended else [Wait(task_id, kill.at, None)]
    away = sum(overlap(kill.at, taken.at, *outage) for outage in merged(outages))
    return [Wait(task_id, kill.at, taken.at - kill.at - away)]


def merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Put spans of time together that have a moment in common."""
    found: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def overlap(begin: float, end: float, other_begin: float, other_end: float) -> float:
    """Give the seconds that two spans of time have in common."""
    return max(0.0, min(end, other_end) - max(begin, other_begin))


def plain_id(task_id: object) -> str:
    """Write a task id the way the API does, whatever the database makes of it."""
    return str(uuid.UUID(str(task_id)))
