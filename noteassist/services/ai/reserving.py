"""Making an AI task within its user's quota in one statement, on PostgreSQL.

The usual way takes a transaction of four: lock the user's row, count what was used, insert the task, commit. Here all
of it is one, and the user's version of data stands for the lock: every task that counts raises it (`begin_activity`).
What the statement counts is at least as new as the version that the guard has read. Was a task made since, then the
version is another one, also when this statement had to wait for the row: then it does nothing, and the usual way has
its turn.
"""

from collections.abc import Mapping
from typing import Any

from noteassist import db
from noteassist.config import Settings
from noteassist.models.ai import TOOLS
from noteassist.security.actors import Actor
from noteassist.services.ai.outputs import reusable_sql
from noteassist.services.ai.quota import UNDER_WAY_OR_DONE, WINDOW, Allowance, Quota
from noteassist.services.tasks.creation import TYPES, insert_wish

_RESERVE = """\
WITH used AS MATERIALIZED (
    SELECT
        count(*) AS total, min(created_at) AS oldest,
        count(*) FILTER (WHERE kind = 'generate') AS generated,
        min(created_at) FILTER (WHERE kind = 'generate') AS oldest_generated
    FROM tasks
    WHERE user_id = :owner AND created_at > :since AND kind IN ({tools}) AND status IN ({statuses}) AND NOT is_cached
),
caller AS (
    UPDATE users SET data_version = data_version + 1
    FROM used
    WHERE users.id = :owner AND users.data_version = :seen AND used.total < :most
        AND (:kind <> 'generate' OR used.generated < :most_generated) AND NOT EXISTS ({reusable})
    RETURNING used.*
),
made AS ({insert})
SELECT total, oldest, generated, oldest_generated FROM caller WHERE EXISTS (SELECT 1 FROM made)"""


@db.per_database
def _reserving() -> db.Prepared:
    names = {
        "tools": ", ".join(f"'{tool}'" for tool in TOOLS),
        "statuses": ", ".join(f"'{status}'" for status in UNDER_WAY_OR_DONE),
    }
    insert = insert_wish("EXISTS (SELECT 1 FROM caller)")
    statement = _RESERVE.format(**names, reusable=reusable_sql(), insert=insert)
    return db.prepare(statement, {**TYPES, "since": db.UtcDateTime()})


def reserve(settings: Settings, actor: Actor, tool: str, task: Mapping[str, Any]) -> Allowance | None:
    """Make a task with these parameters of `insert_wish`; gives what is left of the quota after it.

    None where nothing was made: the quota is used up, the answer is there, an identical request is under way, or the
    user has asked something else meanwhile; and always with SQLite, which has no such statement.
    """
    if not db.is_postgresql():
        return None
    now = db.utcnow()
    free = Quota.of(settings, actor.tier, now)
    limits = {"most": free.total.limit, "most_generated": free.generate.limit}
    values = {**task, **limits, "since": now - WINDOW, "seen": actor.data_version}
    for used in db.execute_first(_reserving(), values):
        counts = {"total": (used.total, used.oldest), "generate": (used.generated, used.oldest_generated)}
        return Quota.of(settings, actor.tier, now, **counts).of_tool(tool).after_one_more()
    return None
