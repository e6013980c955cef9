"""Making tasks, in the transaction of what they are for."""

import os
import time
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
    :id, :owner, :kind, :args, 'queued',
    {turn},
    {due}, :dedupe_key, :joined_to, :tick, :is_cached, {now}
WHERE true
ON CONFLICT DO NOTHING"""
# The same for what is asked of AI tools, and nothing else: the key of the answer is that of the task.
INSERT_WISH = """\
INSERT INTO tasks (id, user_id, kind, args, turn, run_after, dedupe_key, created_at)
SELECT
    :id, :owner, :kind, :args,
    {turn},
    {now}, :cache_key, {now}
WHERE {condition}
ON CONFLICT (dedupe_key) WHERE status IN ('queued', 'running') AND joined_to IS NULL DO NOTHING
RETURNING 1"""
INSERT_DONE = """\
INSERT INTO tasks (id, user_id, kind, args, status, progress, is_cached, run_after, created_at, started_at, finished_at)
SELECT :id, :user_id, :kind, :nothing, 'succeeded', 100, :yes, {now}, {now}, {now}, {now}
WHERE EXISTS ({reason})"""

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
def insert_task() -> str:
    """Give the SQL that makes a task, unless one of the same key is under way or its tick has come already."""
    return INSERT_TASK.format(turn=_next_turn(), due=db.clock("delay"), now=db.clock())


@db.per_database
def insert_wish(condition: str) -> str:
    """Give the SQL that makes a task with the key :cache_key, if a condition holds and none with it is under way."""
    return INSERT_WISH.format(turn=_next_turn(), now=db.clock(), condition=condition)


@db.per_database
def insert_done(reason: str) -> str:
    """Give the SQL that makes a task which has succeeded already, if the SELECT given as `reason` finds anything."""
    return INSERT_DONE.format(now=db.clock(), reason=reason)


def _next_turn() -> str:
    return NEXT_TURN.format(greater_of=db.greater_of())


def new_task_id() -> str:
    """Make a task's id: a UUID of version 7 (RFC 9562), the time to a quarter of a microsecond and 62 random bits.

    Ids of one time lie side by side in an index: an insert touches one page that the one before has touched too. Those
    of one process are in the order of their making (section 6.2, method 3).
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    moment, fraction, chance = f"{milliseconds:012x}", f"{rest * 4096 // 1_000_000:03x}", os.urandom(8).hex()
    variant = "89ab"[int(chance[0], 16) % 4]
    return f"{moment[:8]}-{moment[8:]}-7{fraction}-{variant}{chance[1:4]}-{chance[4:]}"


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
        "id": new_task_id(),
        "user_id": user_id,
        "owner": user_id,
        "kind": kind,
        "args": marked(args),
        "delay": delay,
        "dedupe_key": dedupe_key,
        "joined_to": joined_to,
        "tick": tick,
        "is_cached": is_cached,
        "nothing": {},
        "yes": True,
    }


def marked(args: Mapping[str, Any]) -> Mapping[str, Any]:
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
