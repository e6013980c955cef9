"""Asking an AI tool: the answer is found in the cache, an identical request is joined, or a task is made."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from sqlalchemy import bindparam, select

from noteassist import bells, db, metrics
from noteassist.config import Settings
from noteassist.errors import AiNotConfigured, EmailNotVerified, ServerBusy
from noteassist.models import Profile, Task
from noteassist.security.actors import Actor
from noteassist.security.sessions import FROM_LIVE_SESSION, Bearer
from noteassist.services.ai import outputs, prompts, spending
from noteassist.services.ai.keeping import Answer, Use, copy_parameters, copying, copying_of_task, keep
from noteassist.services.ai.providers import Link, chain_of
from noteassist.services.ai.quota import Allowance, exceeded, read_allowance
from noteassist.services.ai.reserving import reserve
from noteassist.services.tasks.creation import (
    TYPES,
    create,
    insert_wish,
    marked,
    new_task_id,
    ring,
    task_values,
)
from noteassist.services.tasks.telling import user_was_told
from noteassist.services.versions import begin_activity

TRIES = 3

_IF_ALIVE = f"EXISTS (SELECT 1 {FROM_LIVE_SESSION})"  # our own SQL
_LANGUAGE = db.Prepared(select(Profile.language).where(Profile.user_id == bindparam("owner")))
_LEADER = (
    select(Task.id)
    .where(
        Task.dedupe_key == bindparam("key"),
        Task.status.in_(("queued", "running")),
        Task.joined_to.is_(None),
    )
    # Not to end before we have joined it, or we would wait for ever.
    .with_for_update(read=True)
)


@dataclass(frozen=True)
class Asked:
    """What became of a request: its task, and what is left of the caller's quota (None: nothing was used)."""

    task_id: str
    status: str
    allowance: Allowance | None


@dataclass(frozen=True)
class Wish:
    """What a tool is to do: `fields` as the tool knows them; `topic` is what it is made over, if anything."""

    tool: str
    fields: Mapping[str, str | None]
    topic: Mapping[str, Any] | None = None


def ask(settings: Settings, actor: Actor, wish: Wish, *, was_tried: bool = False) -> Asked:
    """Ask a tool, in the open transaction; `was_tried`: making a task has just come to nothing (`ask_at_once`).

    Raises AiNotConfigured, EmailNotVerified, QuotaExceeded, SpendingCapReached.
    """
    chain = chain_of(settings)
    if not chain:
        raise AiNotConfigured
    if settings.require_verified_email and not actor.is_email_verified:
        raise EmailNotVerified
    args = _arguments(actor, wish)
    key = cache_key(chain[0], actor.user_id, wish.tool, args)
    args["cache_key"] = key
    is_capped = spending.must_wait(settings, chain)
    if not is_capped:
        asked = _at_once(settings, actor, wish, args, key, was_tried=was_tried)
        if asked is not None:
            return asked
    begin_activity(actor.user_id)
    for _ in range(TRIES):
        allowance = read_allowance(settings, actor, wish.tool)
        is_allowed = not is_capped and (allowance is None or allowance.remaining > 0)
        if is_allowed and (task_id := _made(actor.user_id, wish.tool, args, key)) is not None:
            return Asked(task_id, "queued", None if allowance is None else allowance.after_one_more())
        # What is there already costs nothing, so it is given beyond the quota too.
        if (asked := _served(actor, wish, args, key) or _joined(actor, wish, args, key)) is not None:
            return asked
        if is_capped:
            raise spending.refusal()
        if allowance is not None and not is_allowed:
            raise exceeded(allowance)
        # What stood in the way is gone in this very moment.
    raise ServerBusy


def needs_one_statement(settings: Settings, wish: Wish) -> bool:
    """Say whether nothing has to be known of the caller but that their session lives."""
    is_open = not settings.ratelimit_enabled and not settings.require_verified_email
    is_open = is_open and settings.ai_daily_spend_cap is None
    return is_open and bool(chain_of(settings)) and wish.fields.get("language") is not None


def ask_at_once(settings: Settings, bearer: Bearer, wish: Wish) -> Asked | None:
    """Ask a tool in one statement, or have it answered from the cache by a second one; each is a transaction.

    Both also look whether the caller's session lives. Only where `needs_one_statement`. None where neither did
    anything: then nothing has happened, and `ask` says why.
    """
    args: dict[str, Any] = {"fields": dict(wish.fields), "language": wish.fields["language"]}
    key = cache_key(chain_of(settings)[0], bearer.user_id, wish.tool, args)
    args["cache_key"] = key
    session = {"session": bearer.session_id, "now": db.utcnow()}
    values = _task(bearer.user_id, wish.tool, args, key) | session
    if db.execute_alone(_making(f" AND {_IF_ALIVE}"), values):
        db.do_afterwards(partial(bells.current_bell().ring, f"{wish.tool} {values['id']}"))
        return Asked(values["id"], "queued", None)
    return db.in_transaction(partial(_copied, bearer.user_id, wish.tool, args, key, _IF_ALIVE, session))


def _at_once(
    settings: Settings, actor: Actor, wish: Wish, args: Mapping[str, Any], key: str, *, was_tried: bool
) -> Asked | None:
    """Make the task, or without limits answer from the cache, in one statement each; None where neither can be."""
    if settings.ratelimit_enabled:
        values = _task(actor.user_id, wish.tool, args, key)
        if (allowance := reserve(settings, actor, wish.tool, values)) is None:
            return None
        ring(wish.tool, values["id"])
        return Asked(values["id"], "queued", allowance)
    # Nothing is counted, so nobody has to wait for anybody.
    if not was_tried and (task_id := _made(actor.user_id, wish.tool, args, key)) is not None:
        return Asked(task_id, "queued", None)
    return None if wish.topic is not None else _served(actor, wish, args, key)


@db.per_database
def _making(further_condition: str = "") -> db.Prepared:
    condition = f"NOT EXISTS ({outputs.reusable_sql()}){further_condition}"
    return db.prepare(insert_wish(condition), TYPES)


def _task(user_id: int, tool: str, args: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {
        "id": new_task_id(),
        "owner": user_id,
        "kind": tool,
        "args": marked(args),
        "cache_key": key,
        "oldest": db.utcnow() - outputs.REUSED,
    }


def _made(user_id: int, tool: str, args: Mapping[str, Any], key: str) -> str | None:
    """Make a task, unless the answer is there or somebody is at it; gives its id."""
    values = _task(user_id, tool, args, key)
    if not db.execute_first(_making(), values):
        return None
    ring(tool, values["id"])
    return str(values["id"])


def _arguments(actor: Actor, wish: Wish) -> dict[str, Any]:
    fields = dict(wish.fields)
    language = fields.get("language")
    if language is None:
        language = db.read_rows(_LANGUAGE, {"owner": actor.user_id})[0].language
        if wish.tool == "generate":
            fields["language"] = language
    args: dict[str, Any] = {"fields": fields, "language": language}
    return args | {"topic": dict(wish.topic)} if wish.topic else args


def cache_key(link: Link, user_id: int, tool: str, args: Mapping[str, Any]) -> str:
    """Make the key of an answer: SHA-256 over provider, model, prompt version and input, in hexadecimal.

    What the offline provider generates quotes the student's own notes, so it is nobody else's.
    """
    owner = user_id if (link.provider, tool) == ("offline", "generate") else 0
    parts = [
        link.provider,
        link.model,
        prompts.version_of(tool),
        tool,
        args["fields"],
        args["language"],
        owner,
    ]
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _served(actor: Actor, wish: Wish, args: Mapping[str, Any], key: str) -> Asked | None:
    """Answer from the cache: a task that has succeeded already, with its own output and usage."""
    if wish.topic is not None:
        return _served_over_topic(actor, wish, args, key)
    return _copied(actor.user_id, wish.tool, args, key)


def _copied(
    user_id: int,
    tool: str,
    args: Mapping[str, Any],
    key: str,
    condition: str = "",
    parameters: Mapping[str, Any] | None = None,
) -> Asked | None:
    """Copy an answer that is there for a caller; None where there is none, or the condition does not hold."""
    values = task_values(tool, args, user_id=user_id) | dict(parameters or {})
    values |= copy_parameters(tool, values["id"], key)
    served, *_ = copying(condition).run(values)
    if not served:
        return None
    user_was_told(user_id)
    db.after_commit(metrics.AI_ANSWERS.labels("cache").inc)
    return Asked(values["id"], "succeeded", None)


def _served_over_topic(actor: Actor, wish: Wish, args: Mapping[str, Any], key: str) -> Asked | None:
    """Answer from the cache with a diff against the caller's own topic."""
    answer = outputs.find_reusable(key)
    if answer is None:
        return None
    values = task_values(wish.tool, args, user_id=actor.user_id)
    values |= copy_parameters(wish.tool, values["id"], key)
    [served] = copying_of_task().run(values)
    if not served:
        return None
    keep([Use(actor.user_id, values["id"], args)], Answer(**answer), cached=True)
    db.after_commit(metrics.AI_ANSWERS.labels("cache").inc)
    return Asked(values["id"], "succeeded", None)


def _joined(actor: Actor, wish: Wish, args: Mapping[str, Any], key: str) -> Asked | None:
    """Join an identical request that is under way."""
    leader = db.row(_LEADER, {"key": key})
    if leader is None:
        return None
    task_id = create(wish.tool, args, user_id=actor.user_id, joined_to=leader.id, is_cached=True)
    return None if task_id is None else Asked(task_id, "queued", None)
