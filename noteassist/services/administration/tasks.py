"""Everybody's tasks, as administrators see, replay and cancel them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, literal_column, select, text
from sqlalchemy.exc import IntegrityError

from noteassist import db
from noteassist.errors import Conflict, NotFound
from noteassist.models import Notification, Task, User
from noteassist.models.tasks import TaskId
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor, Origin
from noteassist.services.audit import Deed, record
from noteassist.services.tasks import ending
from noteassist.services.tasks.creation import NEXT_TURN, ring
from noteassist.services.tasks.telling import something_happened
from noteassist.services.versions import begin_activity

NEWEST_FIRST = Order((Task.created_at, Task.id), descending=True)
# What somebody was promised, and nobody may stop.
UNSTOPPABLE = frozenset({"account_erasure"})
_SHOWN = (
    Task.id,
    Task.kind,
    Task.status,
    Task.user_id,
    Task.attempt,
    Task.failures,
    Task.progress,
    Task.message,
    Task.waiting_for,
    Task.run_after,
    Task.joined_to,
    Task.error_code,
    Task.error_detail,
    Task.started_at,
    Task.finished_at,
)
_FROM = select(*_SHOWN, User.email, *NEWEST_FIRST.columns).outerjoin(User, User.id == Task.user_id)
_ONE = db.Prepared(_FROM.where(Task.id == bindparam("task", type_=TaskId)))
# The same row once more. Its attempts go on being numbered, so whoever still holds an old one is refused, and what
# the work leaves behind once is tied to the task's id as before.
_AGAIN = """\
UPDATE tasks SET status = 'queued', turn = {turn}, failures = 0, run_after = {now}, lease_until = NULL, worker = NULL,
    joined_to = NULL, is_cached = :no, progress = 0, message = '', waiting_for = NULL, result = NULL,
    error_code = NULL, error_detail = NULL, finished_at = NULL
WHERE id = :id AND status IN ('failed', 'cancelled')
RETURNING id"""


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks are wanted; None is all."""

    status: str | None = None
    kind: str | None = None
    user_id: int | None = None


def list_tasks(page: PageRequest, wanted: TaskFilter) -> Page:
    """List everybody's tasks and those of nobody, newest first."""
    values = {"kind": wanted.kind, "user_id": wanted.user_id}
    given = {name: value for name, value in values.items() if value is not None}
    return fetch_page(_listing, (wanted.status, frozenset(given)), NEWEST_FIRST, page, _present, given)


def _listing(status: str | None, names: frozenset[str]) -> db.AnySelect:
    statement = _FROM
    if status is not None:
        # Written out, so that the index of failed tasks is found; it is one of five words.
        statement = statement.where(Task.status == literal_column(f"'{status}'"))
    for name in sorted(names):
        statement = statement.where(getattr(Task, name) == bindparam(name))
    return statement


def _present(row: db.AnyRow) -> dict[str, Any]:
    error = {"code": row.error_code, "detail": row.error_detail or ""} if row.error_code else None
    fields = ("kind", "status", "attempt", "failures", "progress", "message", "waiting_for", "joined_to")
    return {
        "task_id": row.id,
        **{name: getattr(row, name) for name in fields},
        "user": None if row.user_id is None else {"id": row.user_id, "email": row.email},
        "error": error,
        "next_try_at": row.run_after if row.status == "queued" else None,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }


def get_task(task_id: str) -> dict[str, Any]:
    """Show a task; raises NotFound."""
    found = db.row(_ONE, {"task": task_id})
    if found is None:
        raise NotFound
    return _present(found)


def retry_task(actor: Actor, origin: Origin, task_id: str) -> dict[str, Any]:
    """Have a task that failed or was cancelled done once more; raises NotFound, Conflict."""
    before = get_task(task_id)
    owner = before["user"]["id"] if before["user"] else None
    if owner is not None:
        begin_activity(owner)
    try:
        again = db.execute(_again(), {"id": task_id, "owner": owner, "no": False}).one_or_none()
    except IntegrityError as error:
        raise Conflict("The same work is under way in another task.", code="task_under_way") from error
    if again is None:
        raise Conflict("Only a task that failed or was cancelled can be done again.", code="task_not_ended")
    if owner is not None:
        # What its owner was told is not true any more; how it ends now will be told again.
        told = (Notification.user_id == owner) & (Notification.action_id == task_id)
        db.execute(delete(Notification).where(told))
    return _changed(actor, origin, "task.retry", before)


@db.per_database
def _again() -> Any:
    sql = _AGAIN.format(turn=NEXT_TURN.format(greater_of=db.greater_of()), now=db.clock())
    types = (bindparam("id", type_=TaskId), bindparam("owner", type_=db.Id))
    return text(sql).bindparams(*types).columns(Task.id)


def cancel_task(actor: Actor, origin: Origin, task_id: str) -> dict[str, Any]:
    """Cancel anybody's task; raises NotFound, Conflict where it has ended or must not be stopped."""
    before = get_task(task_id)
    if before["kind"] in UNSTOPPABLE:
        raise Conflict("Somebody was promised that this is done.", code="task_unstoppable")
    ending.cancel_of(before["user"]["id"] if before["user"] else None, task_id)
    return _changed(actor, origin, "task.cancel", before)


def _changed(actor: Actor, origin: Origin, action: str, before: dict[str, Any]) -> dict[str, Any]:
    after = get_task(before["task_id"])
    if action == "task.retry":
        ring(before["kind"], before["task_id"])
        something_happened(before["task_id"])
    details = {
        "kind": before["kind"],
        "user_id": before["user"]["id"] if before["user"] else None,
        "before": {"status": before["status"]},
        "after": {"status": after["status"]},
    }
    record(actor, origin, Deed(action, "task", before["task_id"], details))
    return after
