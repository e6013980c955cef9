"""The end of a task for everybody who waits for it: its owner, and those whose tasks are joined to it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from noteassist import db
from noteassist.errors import Conflict, NotFound
from noteassist.models import Task
from noteassist.models.tasks import TaskId
from noteassist.security.actors import Actor
from noteassist.services.notifications import notify
from noteassist.services.tasks import lifecycle
from noteassist.services.tasks.lifecycle import Claimed
from noteassist.services.tasks.telling import something_happened
from noteassist.services.versions import begin_activity

UNDER_WAY = ("queued", "running")
NAMES = {
    "generate": "Your explanation",
    "improve": "Your improved text",
    "summarize": "Your summary",
    "code": "Your code",
    "export": "Your export",
    "import": "Your import",
    "drive_upload": "Your upload to Google Drive",
    "drive_import": "Your import from Google Drive",
}


def followers_of(task_id: str) -> Sequence[db.AnyRow]:
    """Read the tasks under way that are joined to this one: `id`, `user_id`, `args`, `created_at`, oldest first."""
    columns = (Task.id, Task.user_id, Task.args, Task.created_at)
    joined = (Task.joined_to == bindparam("leader", type_=TaskId)) & Task.status.in_(UNDER_WAY)
    return db.rows(select(*columns).where(joined).order_by(Task.created_at, Task.id), {"leader": task_id})


def begin_end(task: Claimed, status: str, **outcome: Any) -> list[db.AnyRow]:
    """End a task in the open transaction, before its effect is written; gives the tasks joined to it.

    Every user's data is versioned first, in one order, so that two ends do not wait for each other. From here
    on nobody can join: whoever tries finds the task ended. Raises LostLease.
    """
    expected = {row.user_id for row in followers_of(task.id)} | {task.user_id}
    for user_id in sorted(user for user in expected if user is not None):
        begin_activity(user_id)
    lifecycle.end(task, status, **outcome)
    followers = list(followers_of(task.id))
    for user_id in {row.user_id for row in followers} - expected:
        begin_activity(user_id)
    _end_followers(followers, status, outcome)
    for task_id in (task.id, *(row.id for row in followers)):
        something_happened(task_id)
    return followers


def _end_followers(followers: Sequence[db.AnyRow], status: str, outcome: Mapping[str, Any]) -> None:
    if followers:
        values = {
            "status": status,
            "finished_at": db.utcnow(),
            "progress": 100 if status == "succeeded" else 0,
            "error_code": outcome.get("code"),
            "error_detail": outcome.get("detail"),
        }
        ids = [row.id for row in followers]
        # But for one that was cancelled meanwhile.
        still = Task.id.in_(ids) & Task.status.in_(UNDER_WAY)
        db.execute(update(Task).where(still).values(**values))


def fail(task: Claimed, code: str, detail: str, give_up: Callable[[], None] | None = None) -> None:
    """End a task as failed, with those joined to it, and tell their owners, in the open transaction.

    `give_up` is what else there is to be said of it. Raises LostLease.
    """
    followers = begin_end(task, "failed", code=code, detail=detail)
    if give_up is not None:
        give_up()
    concerned = [(task.id, task.user_id), *((row.id, row.user_id) for row in followers)]
    for task_id, user_id in concerned:
        if user_id is not None:
            title = f"{NAMES.get(task.kind, 'A task')} could not be made"
            notify(user_id, "error", title, detail, task_id)


def cancel(actor: Actor, task_id: str) -> None:
    """Cancel my task, queued or running; raises NotFound, and Conflict where it has ended.

    What a worker makes of it afterwards is refused. If others joined it, the oldest of theirs does the work.
    """
    cancel_of(actor.user_id, task_id)


def cancel_of(owner: int | None, task_id: str) -> None:
    """Cancel a task of somebody's, or one of nobody; see `cancel`."""
    if owner is not None:
        begin_activity(owner)
    own = (Task.user_id.is_(None) if owner is None else Task.user_id == owner) & (Task.id == task_id)
    found = db.row(select(Task.status, Task.kind, Task.dedupe_key).where(own))
    if found is None:
        raise NotFound
    values = {"status": "cancelled", "finished_at": db.utcnow(), "lease_until": None, "waiting_for": None}
    stopped = update(Task).where(own, Task.status.in_(UNDER_WAY)).values(**values).returning(Task.id)
    if db.execute(stopped).one_or_none() is None:
        raise Conflict("This task has ended.", code="task_ended")
    release_followers(task_id, found.dedupe_key)
    something_happened(task_id)
    if owner is not None:
        notify(owner, "info", f"{NAMES.get(found.kind, 'A task')} was cancelled", "", task_id)


def release_followers(task_id: str, dedupe_key: str | None) -> None:
    """Let the oldest task that is joined to this one do the work itself, and the others join that one."""
    followers = followers_of(task_id)
    # From now on it costs a call of its own.
    alone = {"joined_to": None, "dedupe_key": dedupe_key, "is_cached": False}
    waiting = [row.id for row in followers]
    while waiting:
        first = waiting.pop(0)
        promoted = update(Task).where(Task.id == first, Task.status.in_(UNDER_WAY)).values(**alone)
        # One that was cancelled in this very moment does no work; the next one does.
        if db.execute(promoted).rowcount:
            db.execute(update(Task).where(Task.id.in_(waiting)).values(joined_to=first))
            break
    for follower in followers:
        something_happened(follower.id)
