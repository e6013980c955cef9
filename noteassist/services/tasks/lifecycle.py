"""A task's way from claim to end, seen from the worker.

Whoever claims a task holds its lease and an attempt number. Everything written later names both: when the lease
was lost, nothing is found to write to, and LostLease is raised. All times are the database's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, text, tuple_, update

from noteassist import db
from noteassist.models import Task
from noteassist.models.tasks import TaskId
from noteassist.services.tasks import telling
from noteassist.services.tasks.failures import LostLease

LEASE_SECONDS = 6.0
LONGEST_MESSAGE = 255

_CLAIM = """\
WITH one AS MATERIALIZED (
    SELECT id FROM tasks
    WHERE status = 'queued' AND joined_to IS NULL AND run_after <= {now} AND kind IN ({kinds}) {only_idle}
    ORDER BY turn, created_at LIMIT 1 {skip_locked}
)
UPDATE tasks SET status = 'running', attempt = attempt + 1, lease_until = {lease}, worker = :worker,
    started_at = coalesce(started_at, {now}), waiting_for = NULL
WHERE id IN (SELECT id FROM one)
RETURNING id, user_id, kind, args, attempt, failures, created_at"""
# Nobody is one user too: a mail server that says nothing must not hold every slot.
_ONLY_IDLE = """AND NOT EXISTS (
        SELECT 1 FROM tasks AS other
        WHERE other.status = 'running' AND coalesce(other.user_id, 0) = coalesce(tasks.user_id, 0))"""
_HELD = "id = :id AND attempt = :attempt AND status = 'running'"
_AGAIN = """\
UPDATE tasks SET status = 'queued', lease_until = NULL, worker = NULL, run_after = {due},
    failures = failures + :failed, waiting_for = :waiting_for, message = :message
WHERE {held}
RETURNING id"""
_END = """\
UPDATE tasks SET status = :status, lease_until = NULL, finished_at = {now}, waiting_for = NULL,
    progress = {greater_of}(progress, :progress),
    result = :result, error_code = :code, error_detail = :detail, message = :message
WHERE {held}
RETURNING id"""


@dataclass(frozen=True)
class Claimed:
    """A task that this worker may work on now."""

    id: str
    user_id: int | None
    kind: str
    args: Mapping[str, Any]
    attempt: int
    failures: int
    created_at: datetime


def claim(worker: str, kinds: Sequence[str], *, only_idle_users: bool = False) -> Claimed | None:
    """Take the task whose turn it is, of the `kinds` this worker knows; None when none is due.

    `only_idle_users` leaves out users of whom a task is running already.
    """
    statement = _claim_statement(tuple(kinds), only_idle_users)
    with db.transaction():
        found = db.execute(statement, {"worker": worker[:80], "lease": LEASE_SECONDS}).one_or_none()
    return None if found is None else claimed(found)


def claimed(row: db.AnyRow) -> Claimed:
    """Read a claimed task from the columns that claiming returns."""
    task_id, user_id, kind, args, attempt, failures, created_at = row
    return Claimed(task_id, user_id, kind, args, attempt, failures, created_at)


@db.per_database
def _claim_statement(kinds: tuple[str, ...], only_idle: bool) -> Any:
    listed = ", ".join(f"'{kind}'" for kind in kinds)  # our own names
    sql = _CLAIM.format(
        now=db.clock(),
        lease=db.clock("lease"),
        kinds=listed,
        only_idle=_ONLY_IDLE if only_idle else "",
        skip_locked=db.skip_locked(),
    )
    columns = (
        Task.id,
        Task.user_id,
        Task.kind,
        Task.args,
        Task.attempt,
        Task.failures,
        Task.created_at,
    )
    return text(sql).columns(*columns)


def renew(held: Sequence[tuple[str, int]]) -> set[str]:
    """Renew the leases of tasks, given with their attempts; gives the ids that are still ours."""
    if not held:
        return set()
    ours = (Task.status == "running") & tuple_(Task.id, Task.attempt).in_(list(held))
    # One that is being ended is locked, perhaps for long, and needs no lease: the others must not wait for it.
    free = select(Task.id).where(ours).with_for_update(skip_locked=True)
    lease = text(db.clock("lease")).bindparams(lease=LEASE_SECONDS)
    with db.transaction():
        db.execute(update(Task).where(Task.id.in_(free)).values(lease_until=lease))
    return {row.id for row in db.read_rows(select(Task.id).where(ours))}


def try_again(
    task: Claimed,
    *,
    delay: float,
    message: str,
    failed: bool,
    waiting_for: str | None = None,
) -> None:
    """Put a task back into the queue, due in `delay` seconds; `failed` counts a failure. Raises LostLease."""
    values = {"delay": delay, "failed": int(failed), "waiting_for": waiting_for}
    with db.transaction():
        statement = _held_update(_AGAIN)
        _require(db.execute(statement, _fence(task) | values | {"message": message[:LONGEST_MESSAGE]}))
        telling.something_happened(task.id)


def end(
    task: Claimed,
    status: str,
    *,
    result: Mapping[str, Any] | None = None,
    code: str | None = None,
    detail: str | None = None,
    message: str = "",
) -> None:
    """End a task, in the open transaction of its effect; raises LostLease, which rolls that back."""
    progress = 100 if status == "succeeded" else 0
    values = {"status": status, "result": result, "code": code, "detail": detail, "progress": progress}
    statement = _held_update(_END)
    _require(db.execute(statement, _fence(task) | values | {"message": message[:LONGEST_MESSAGE]}))


@db.per_database
def _held_update(template: str) -> Any:
    sql = template.format(now=db.clock(), due=db.clock("delay"), held=_HELD, greater_of=db.greater_of())
    binds = [bindparam("id", type_=TaskId)]
    if ":result" in sql:
        binds.append(bindparam("result", type_=Task.result.type))
    return text(sql).bindparams(*binds).columns(Task.id)


def _fence(task: Claimed) -> dict[str, Any]:
    return {"id": task.id, "attempt": task.attempt}


def _require(result: Any) -> None:
    if result.one_or_none() is None:
        raise LostLease
