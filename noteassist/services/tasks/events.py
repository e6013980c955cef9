"""What happens while a task runs: written by the worker that holds it, told to whoever watches."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, text

from noteassist import db
from noteassist.models import Task, TaskEvent
from noteassist.models.tasks import TaskId
from noteassist.services.tasks.failures import LostLease
from noteassist.services.tasks.lifecycle import LONGEST_MESSAGE, Claimed
from noteassist.services.tasks.telling import something_happened

BATCH = 500

_RECORD = """\
INSERT INTO task_events (task_id, attempt, kind, data, created_at)
SELECT id, attempt, :kind, :data, {now} FROM tasks
WHERE id = :id AND attempt = :attempt AND status = 'running'
RETURNING id"""
_PROGRESS = """\
UPDATE tasks SET progress = :progress, message = :message
WHERE id = :id AND attempt = :attempt AND status = 'running'"""

_SINCE = db.Prepared(
    select(TaskEvent.id, TaskEvent.kind, TaskEvent.attempt, TaskEvent.data)
    .where(TaskEvent.task_id == bindparam("task", type_=TaskId), TaskEvent.id > bindparam("after"))
    .order_by(TaskEvent.id)
    .limit(BATCH)
)


def record_text(task: Claimed, written: str) -> None:
    """Keep text that the model has written; raises LostLease."""
    with db.transaction():
        _record(task, "token", {"text": written})
        something_happened(task.id)


def record_progress(task: Claimed, progress: int, message: str) -> None:
    """Keep how far a task is, in per cent, and what it is at; raises LostLease."""
    message = message[:LONGEST_MESSAGE]
    with db.transaction():
        _record(task, "progress", {"progress": progress, "message": message})
        statement = text(_PROGRESS).bindparams(bindparam("id", type_=TaskId))
        values = {"id": task.id, "attempt": task.attempt, "progress": progress, "message": message}
        db.execute(statement, values)
        something_happened(task.id)


def _record(task: Claimed, kind: str, content: Mapping[str, Any]) -> None:
    values = {"id": task.id, "attempt": task.attempt, "kind": kind, "data": content}
    if db.execute(_record_statement(), values).one_or_none() is None:
        raise LostLease


@db.per_database
def _record_statement() -> Any:
    binds = (bindparam("id", type_=TaskId), bindparam("data", type_=Task.args.type))
    return text(_RECORD.format(now=db.clock())).bindparams(*binds).columns(TaskEvent.id)


def events_since(task_id: str, after: int) -> Sequence[db.AnyRow]:
    """Read up to 500 events of a task with ids over `after`, in order."""
    return db.read_rows(_SINCE, {"task": task_id, "after": after})
