"""Tasks as tests make them, move them in time, and find them again."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, text, update

from noteassist import db
from noteassist.app import NoteAssist
from noteassist.models import AiGate, AiOutput, AiUsage, Notification, Task
from noteassist.services.tasks import creation, lifecycle
from noteassist.services.tasks.lifecycle import Claimed

KIND = "improve"


def make(app: NoteAssist, kind: str = KIND, **options: Any) -> str:
    """Make a task, which must be made; gives its id."""
    task_id = try_to_make(app, kind, **options)
    assert task_id is not None
    return task_id


def try_to_make(app: NoteAssist, kind: str = KIND, **options: Any) -> str | None:
    """Make a task; gives its id, or None where it was not made."""
    with app.app_context(), db.transaction():
        return creation.create(kind, {}, **options)


def claim(app: NoteAssist, kinds: Sequence[str] = (KIND,), **options: Any) -> Claimed | None:
    """Take the task whose turn it is."""
    with app.app_context():
        return lifecycle.claim("a worker of the tests", kinds, **options)


def claimed(app: NoteAssist, kinds: Sequence[str] = (KIND,)) -> Claimed:
    """Take a task, of which there must be one."""
    task = claim(app, kinds)
    assert task is not None
    return task


def change(app: NoteAssist, *changes: Any, **values: Any) -> None:
    """Change the columns of the tasks for which these conditions hold."""
    with app.app_context(), db.transaction():
        db.execute(update(Task).where(*changes).values(**values))


def expire_leases(app: NoteAssist) -> None:
    """Let the lease of every running task be over."""
    change(app, Task.status == "running", lease_until=db.utcnow() - timedelta(seconds=1))


def make_due(app: NoteAssist) -> None:
    """Let every queued task be due."""
    change(app, Task.status == "queued", run_after=db.utcnow() - timedelta(seconds=1))


def open_gates(app: NoteAssist) -> None:
    """Let the time of every closed gate be over."""
    with app.app_context(), db.transaction():
        db.execute(update(AiGate).values(closed_until=db.utcnow() - timedelta(seconds=1)))


def rows(app: NoteAssist, statement: Any) -> Sequence[Any]:
    """Read rows."""
    with app.app_context():
        return db.read_rows(text(statement) if isinstance(statement, str) else statement)


def state(app: NoteAssist, task_id: str) -> Any:
    """Give the row of a task."""
    (found,) = rows(app, select(*Task.__table__.c).where(Task.id == task_id))
    return found


def states(app: NoteAssist, ids: Sequence[str]) -> list[str]:
    """Give the status of each of these tasks."""
    return [state(app, task_id).status for task_id in ids]


def made_for(app: NoteAssist, task_id: str) -> tuple[int, int, int]:
    """Count the outputs, the uses and the notifications of a task."""
    counts = [
        rows(app, select(func.count()).where(column == task_id))[0][0]
        for column in (AiOutput.task_id, AiUsage.task_id, Notification.action_id)
    ]
    return counts[0], counts[1], counts[2]


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until something holds; gives it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(0.02)
    return found
