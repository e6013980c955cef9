"""Making tasks, in the transaction of what they are for."""

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import JSON, Boolean, String

from noteassist import bells, db
from noteassist.logs import REQUEST_ID, current_request_id
from noteassist.models.tasks import TaskId

# A task of nobody goes first. A user's next task has the turn after that user's last one, but never one that
# has passed already (start-time fair queueing; Goyal, Vin, Cheng 1996): a thousand tasks of one user take turns
# with everybody else's, however long each takes. Each turn is the first entry of an index: for min() and max()
# PostgreSQL would read a whole queue that was empty when it was last analyzed.
NEXT_TURN = """\
CASE WHEN :owner IS NULL THEN -1 ELSE {greater_of}(
        coalesce((
            SELECT turn + 1 FROM tasks WHERE user_id = :owner AND status = 'queued'
            ORDER BY user_id DESC, turn DESC LIMIT 1
        ), 0),
        coalesce(
            (SELECT turn FROM tasks WHERE status = 'running' AND turn >= 0 ORDER BY turn DESC LIMIT 1),
            (
                SELECT turn FROM tasks WHERE status = 'queued' AND joined_to IS NULL AND turn >= 0
                ORDER BY turn, created_at LIMIT 1
            ),
            0
        )
    ) END"""
INSERT_TASK = """\
INSERT INTO tasks (id, user_id, kind, args, status, turn, run_after, dedupe_key, joined_to, tick, is_cached, created_at)
SELECT
    :id, :user_id, :kind, :args, 'queued',
    {turn},
    {due}, :dedupe_key, :joined_to, :tick, :is_cached, {now}
WHERE NOT EXISTS ({obstacle})
ON CONFLICT DO NOTHING"""
INSERT_DONE = """\
INSERT INTO tasks (id, user_id, kind, args, status, progress, is_cached, run_after, created_at, started_at, finished_at)
SELECT :id, :user_id, :kind, :nothing, 'succeeded', 100, :yes, {now}, {now}, {now}, {now}
WHERE EXISTS ({reason})"""
NO_OBSTACLE = "SELECT 1 WHERE 1 = 0"

TYPES: Mapping[str, Any] = {
    "id": TaskId,
    "joined_to": TaskId,
    "args": JSON(),
    "nothing": JSON(),
    "is_cached": Boolean(),
    "yes": Boolean(),
    "user_id": db.Id,
    "owner": db.Id,
    "kind": String(),
    "dedupe_key": String(),
    "tick": String(),
    "cache_key": String(),
    "oldest": db.UtcDateTime(),
    "now": db.UtcDateTime(),
    "session": db.Id,
    "made_at": db.UtcDateTime(),
    "expires_at": db.UtcDateTime(),
}


@db.per_database
def insert_task(obstacle: str = NO_OBSTACLE) -> str:
    """Give the SQL that makes a task, unless the SELECT given as `obstacle` finds anything."""
    turn = NEXT_TURN.format(greater_of=db.greater_of())
    return INSERT_TASK.format(turn=turn, due=db.clock("delay"), now=db.clock(), obstacle=obstacle)


@db.per_database
def insert_done(reason: str) -> str:
    """Give the SQL that makes a task which has succeeded already, if the SELECT given as `reason` finds anything."""
    return INSERT_DONE.format(now=db.clock(), reason=reason)


def task_values(
    kind: str,
    args: Mapping[str, Any],
    *,
    user_id: int | None = None,
    delay: float = 0.0,
    dedupe_key: str | None = None,
    joined_to: str | None = None,
    tick: str | None = None,
    is_cached: bool = False,
) -> dict[str, Any]:
    """Give the parameters of a new task, with its new `id`; see `create`."""
    return {
        "id": str(uuid.uuid4()),
        "user_id": user_id,
        "owner": user_id,
        "kind": kind,
        "args": _marked(args),
        "delay": delay,
        "dedupe_key": dedupe_key,
        "joined_to": joined_to,
        "tick": tick,
        "is_cached": is_cached,
        "nothing": {},
        "yes": True,
    }


def _marked(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the id of the request that wants the task, for the log lines of those who do it."""
    request_id = current_request_id()
    return args if request_id is None else {**args, REQUEST_ID: request_id}


@db.per_database
def _making() -> db.Together:
    return db.Together([insert_task()], TYPES)


def create(kind: str, args: Mapping[str, Any], **options: Any) -> str | None:
    """Make a task, and ring for it once it is committed; gives its id.

    Options: `user_id`, whose it is; `delay`, in how many seconds it is due; `dedupe_key`, `tick`, `joined_to`,
    `is_cached` (see the model). None where a task under way has the same `dedupe_key`, or where this `tick` has
    been made before. A task that is `joined_to` another does no work of its own: it ends as that one does.
    """
    values = task_values(kind, args, **options)
    [made] = _making().run(values)
    if not made:
        return None
    if values["joined_to"] is None and values["delay"] <= 0:
        ring(kind, values["id"])
    return str(values["id"])


def ring(kind: str, task_id: str) -> None:
    """Ring the bell for a task, once it is committed."""
    db.after_commit(partial(bells.current_bell().ring, f"{kind} {task_id}"))
