"""Keeping answers: each caller gets an output and a record of its use, in the transaction that ends the task."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from noteassist import db
from noteassist.models import AiUsage, Profile
from noteassist.services.ai.offline import LABEL
from noteassist.services.ai.outputs import KEPT, REUSED, insert_outputs, reusable_sql
from noteassist.services.ai.titles import code_in
from noteassist.services.notifications import notify
from noteassist.services.search.dialects import copy_output_entry
from noteassist.services.tasks.creation import TYPES, insert_done
from noteassist.services.tasks.ending import NAMES

CONTEXT_LINES = 3
GIVEN = "SELECT 1 FROM given"


# An answer from the cache, copied within the database: a task that is done, the output, the record of its use.
_COPY_OUTPUT = """\
INSERT INTO ai_outputs (user_id, task_id, tool, title, content, language, programming_language, provider, model,
    cached, created_at, expires_at)
SELECT :user_id, :id, tool, title, content, language, programming_language, provider, model, :yes, :made_at, :expires_at
FROM given"""
_COPY_USAGE = """\
INSERT INTO ai_usage (user_id, task_id, tool, provider, model, cached, created_at)
SELECT :user_id, :id, tool, provider, model, :yes, :made_at FROM given"""
# The user's row is locked before the id is drawn, as everywhere: a watcher who has seen one id has missed none below.
_COPY_NOTIFICATION = """\
INSERT INTO notifications (user_id, type, title, message, action_id, created_at)
SELECT users.id, 'success', :headline, given.title, :about, :made_at
FROM users JOIN profiles ON profiles.user_id = users.id AND profiles.ai_completed JOIN given ON true
WHERE users.id = :user_id
{locked}"""
_NEW_VERSION = (
    "UPDATE users SET data_version = data_version + 1 WHERE id = :user_id AND EXISTS (SELECT 1 FROM given)"
)


@db.per_database
def copying(condition: str) -> db.Together:
    """Give the statements that answer from the cache, if a condition holds; the first makes the task."""
    statements = (
        insert_done(GIVEN),
        _COPY_OUTPUT,
        _COPY_USAGE,
        _COPY_NOTIFICATION.format(locked=db.row_lock("users")),
        _NEW_VERSION,
        copy_output_entry(),
    )
    return db.Together(statements, TYPES, _newest_answer(condition))


@db.per_database
def copying_of_task() -> db.Together:
    """Give the statement that makes the task alone, where there is an answer."""
    return db.Together([insert_done(GIVEN)], TYPES, _newest_answer())


def _newest_answer(condition: str = "") -> str:
    """Give the SELECT that finds the answer to copy, if a condition holds."""
    extra = f" AND {condition}" if condition else ""
    return f"{reusable_sql('*')}{extra} ORDER BY created_at DESC LIMIT 1"


def copy_parameters(tool: str, task_id: str, cache_key: str) -> dict[str, Any]:
    """Give the parameters of those statements beside the task's."""
    now = db.utcnow()
    times = {"oldest": now - REUSED, "made_at": now, "expires_at": now + KEPT}
    return times | {"cache_key": cache_key, "headline": headline(tool), "about": task_id}


def headline(tool: str) -> str:
    """Give the title of the notification that an answer is there."""
    return f"{NAMES[tool]} is ready"


@dataclass(frozen=True)
class Answer:
    """A text and where it comes from."""

    tool: str
    title: str
    content: str
    language: str
    programming_language: str | None
    provider: str
    model: str


@dataclass(frozen=True)
class Use:
    """One caller who gets an answer; `seconds` is how long they waited."""

    user_id: int
    task_id: str
    args: Mapping[str, Any]
    seconds: float = 0.0


def keep(
    uses: Sequence[Use],
    answer: Answer,
    *,
    cached: bool,
    tokens: int = 0,
    cache_key: str | None = None,
) -> None:
    """Keep an answer for its callers and tell them.

    The first one's is what it cost unless `cached`, the others cost nothing.
    With a `cache_key` the first one's output answers identical requests from now on.
    """
    # The first caller is the one who asked, unless nobody had to.
    costs = [tokens if number == 0 and not cached else None for number in range(len(uses))]
    pairs = list(zip(uses, costs, strict=True))
    insert_outputs([_output(use, answer, cost, cache_key) for use, cost in pairs])
    db.execute(insert(AiUsage), [_usage(use, answer, cost) for use, cost in pairs])
    wanted = _who_wants_to_know([use.user_id for use in uses])
    for use in uses:
        if use.user_id in wanted:
            notify(use.user_id, "success", headline(answer.tool), answer.title, use.task_id)


def _who_wants_to_know(user_ids: Sequence[int]) -> set[int]:
    wanted = select(Profile.user_id).where(Profile.user_id.in_(user_ids), Profile.ai_completed)
    return {row.user_id for row in db.rows(wanted)}


def _output(use: Use, answer: Answer, tokens: int | None, cache_key: str | None) -> dict[str, Any]:
    """Make the row of an output; `tokens` is None where it cost nothing."""
    own = {"user_id": use.user_id, "task_id": use.task_id, "response_time": round(use.seconds, 3)}
    cost = {"cached": tokens is None, "tokens_used": tokens or 0}
    reusable = {"cache_key": None if tokens is None else cache_key}
    return vars(answer) | own | cost | reusable | _over_topic(use, answer)


def _usage(use: Use, answer: Answer, tokens: int | None) -> dict[str, Any]:
    """Make the row of a use; `tokens` is None where it cost nothing."""
    return {
        "user_id": use.user_id,
        "task_id": use.task_id,
        "tool": answer.tool,
        "provider": answer.provider,
        "model": answer.model,
        "cached": tokens is None,
        "tokens": tokens or 0,
        "response_ms": round(use.seconds * 1000),
        "created_at": db.utcnow(),
    }


def _over_topic(use: Use, answer: Answer) -> dict[str, Any]:
    topic = use.args.get("topic")
    if topic is None:
        return {"topic_id": None, "topic_digest": None, "diff": None}
    new = replacement(answer.tool, answer.content)
    return {
        "topic_id": topic["id"],
        "topic_digest": topic["digest"],
        "diff": unified_diff(topic["text"], new, topic["name"]),
    }


def replacement(tool: str, content: str) -> str:
    """Give what of an output would stand in the topic: the code alone, or the text without the provider's note."""
    found = code_in(content) if tool == "code" else None
    return found[1] if found else content.removesuffix(LABEL).rstrip()


def unified_diff(old: str, new: str, name: str) -> str:
    """Make the unified diff from one text to another."""
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), f"{name} (now)", f"{name} (new)", lineterm="", n=CONTEXT_LINES
    )
    return "\n".join(lines)
