"""Looking after tasks that nobody holds any more, periodic work, and what has had its time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import aliased

from noteassist import db
from noteassist.models import Task, TaskEvent
from noteassist.services.tasks.creation import create
from noteassist.services.tasks.ending import UNDER_WAY
from noteassist.services.tasks.lifecycle import Claimed, claimed
from noteassist.services.tasks.telling import something_happened

EVENTS_KEPT = timedelta(days=1)
TASKS_KEPT = timedelta(days=35)
INTERNAL_TASKS_KEPT = timedelta(days=2)
MOST_DUE = 1000
ALONE: dict[str, Any] = {"joined_to": None, "dedupe_key": None, "is_cached": False}

_DUE = """\
SELECT count(*) FROM (
    SELECT 1 FROM tasks
    WHERE status = 'queued' AND joined_to IS NULL AND run_after <= {now} LIMIT {limit}
) AS due"""
_LONGEST_WAIT = """\
SELECT {waits} FROM tasks
WHERE status = 'queued' AND joined_to IS NULL AND run_after <= {now} ORDER BY run_after LIMIT 1"""
_BY_STATUS = db.Prepared(
    select(Task.status, func.count().label("number")).where(Task.status.in_(UNDER_WAY)).group_by(Task.status)
)
_LOST = """\
SELECT 1 FROM tasks WHERE status = 'running' AND lease_until < {now} LIMIT 1"""
_TAKE_BACK = """\
UPDATE tasks SET status = 'queued', lease_until = NULL, worker = NULL, run_after = {now},
    failures = failures + 1, message = 'The worker went away; another one takes over.'
WHERE id IN (
    SELECT id FROM tasks WHERE status = 'running' AND lease_until < {now} ORDER BY lease_until LIMIT 100 {skip_locked}
)
RETURNING id, user_id, kind, args, attempt, failures, created_at"""


@db.per_database
def _statement(template: str) -> Any:
    statement = text(
        template.format(
            now=db.clock(), skip_locked=db.skip_locked(), limit=MOST_DUE, waits=db.seconds_until("run_after")
        )
    )
    columns = (Task.id, Task.user_id, Task.kind, Task.args, Task.attempt, Task.failures, Task.created_at)
    return statement.columns(*columns) if "RETURNING" in template else statement


def count_due() -> int:
    """Count the tasks that could be worked on now, up to 1,000."""
    return int(db.read_rows(_statement(_DUE))[0][0])


def count_under_way() -> tuple[int, int]:
    """Count the tasks that wait, and those that are worked on."""
    found = {row.status: int(row.number) for row in db.read_rows(_BY_STATUS)}
    return found.get("queued", 0), found.get("running", 0)


def longest_wait() -> float:
    """Give for how many seconds the oldest due task has been waiting, 0 when none is due."""
    found = db.read_rows(_statement(_LONGEST_WAIT))
    return max(0.0, -float(found[0][0])) if found else 0.0


def has_lost_leases() -> bool:
    """Say whether a lease has run out."""
    return bool(db.read_rows(_statement(_LOST)))


def take_back() -> list[Claimed]:
    """Queue the tasks again whose lease has run out, in the open transaction; each counts a failure."""
    found = db.execute(_statement(_TAKE_BACK)).all()
    for row in found:
        something_happened(row.id)
    return [claimed(row) for row in found]


def free_followers() -> int:
    """Let tasks work for themselves whose leader has ended without them; gives their number."""
    leader = aliased(Task)
    ended = select(leader.id).where(leader.id == Task.joined_to, leader.status.not_in(UNDER_WAY))
    orphans = (Task.status == "queued") & Task.joined_to.is_not(None) & ended.exists()
    return db.execute(update(Task).where(orphans).values(**ALONE)).rowcount


def tick(kind: str, number: int) -> bool:
    """Make the task of one occasion of periodic work; says whether it had not been made yet."""
    return create(kind, {}, tick=f"{kind}:{number}") is not None


def forget_old_tasks() -> int:
    """Delete events and tasks that have had their time; gives the number of rows."""
    now = db.utcnow()
    internal = Task.user_id.is_(None) & (Task.finished_at < now - INTERNAL_TASKS_KEPT)
    ended_events = select(Task.id).where(Task.finished_at < now - EVENTS_KEPT)
    statements: Sequence[Any] = (
        delete(TaskEvent).where(TaskEvent.task_id.in_(ended_events)),
        delete(Task).where(Task.finished_at < now - TASKS_KEPT),
        delete(Task).where(internal),
    )
    return sum(db.execute(statement).rowcount for statement in statements)
