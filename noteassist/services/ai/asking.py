"""Asking an AI tool: the answer is found in the cache, an identical request is joined, or a task is made."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import bindparam, select

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import AiNotConfigured, EmailNotVerified, ServerBusy
from noteassist.models import Profile, Task
from noteassist.security.actors import Actor
from noteassist.services.ai import outputs, prompts
from noteassist.services.ai.keeping import Answer, Use, copy_parameters, copy_statements, keep
from noteassist.services.ai.providers import Link, chain_of
from noteassist.services.ai.quota import Allowance, reserve
from noteassist.services.tasks.creation import TYPES, create, insert_task, ring, task_values
from noteassist.services.tasks.telling import user_was_told
from noteassist.services.versions import begin_write

TRIES = 3

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


def ask(settings: Settings, actor: Actor, wish: Wish) -> Asked:
    """Ask a tool, in the open transaction.

    Raises AiNotConfigured, EmailNotVerified, QuotaExceeded.
    """
    chain = chain_of(settings)
    if not chain:
        raise AiNotConfigured
    if settings.require_verified_email and not actor.is_email_verified:
        raise EmailNotVerified
    args = _arguments(actor, wish)
    key = cache_key(chain[0], actor, wish.tool, args)
    args["cache_key"] = key
    if not settings.ratelimit_enabled and (asked := _made_or_served(actor, wish, args, key)) is not None:
        return asked
    begin_write(actor.user_id)
    for _ in range(TRIES):
        if (asked := _served(actor, wish, args, key) or _joined(actor, wish, args, key)) is not None:
            return asked
        allowance = reserve(settings, actor, wish.tool)
        if (task_id := create(wish.tool, args, user_id=actor.user_id, dedupe_key=key)) is not None:
            return Asked(task_id, "queued", allowance)
        # Somebody asked the same in this very moment.
    raise ServerBusy


def _made_or_served(actor: Actor, wish: Wish, args: Mapping[str, Any], key: str) -> Asked | None:
    """Make the task or answer from the cache, whichever it is, in one statement; None where neither can be.

    Nothing is counted here, so nobody has to wait for anybody: for servers without limits.
    """
    if wish.topic is not None:
        return None
    values = task_values(wish.tool, args, user_id=actor.user_id, dedupe_key=key)
    values |= copy_parameters(wish.tool, values["id"], key)
    statements = (insert_task(outputs.reusable_sql()), *copy_statements())
    made, served, *_ = db.together(statements, TYPES, values)
    if made:
        ring(wish.tool, values["id"])
    if served:
        user_was_told(actor.user_id)
    if made or served:
        return Asked(values["id"], "queued" if made else "succeeded", None)
    return None


def _arguments(actor: Actor, wish: Wish) -> dict[str, Any]:
    fields = dict(wish.fields)
    language = fields.get("language")
    if language is None:
        language = db.read_rows(_LANGUAGE, {"owner": actor.user_id})[0].language
        if wish.tool == "generate":
            fields["language"] = language
    args: dict[str, Any] = {"fields": fields, "language": language}
    return args | {"topic": dict(wish.topic)} if wish.topic else args


def cache_key(link: Link, actor: Actor, tool: str, args: Mapping[str, Any]) -> str:
    """Make the key of an answer: SHA-256 over provider, model, prompt version and input, in hexadecimal.

    What the offline provider generates quotes the student's own notes, so it is nobody else's.
    """
    owner = actor.user_id if (link.provider, tool) == ("offline", "generate") else 0
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
    values = task_values(wish.tool, args, user_id=actor.user_id)
    values |= copy_parameters(wish.tool, values["id"], key)
    served, *_ = db.together(copy_statements(), TYPES, values)
    if not served:
        return None
    user_was_told(actor.user_id)
    return Asked(values["id"], "succeeded", None)


def _served_over_topic(actor: Actor, wish: Wish, args: Mapping[str, Any], key: str) -> Asked | None:
    """Answer from the cache with a diff against the caller's own topic."""
    answer = outputs.find_reusable(key)
    if answer is None:
        return None
    values = task_values(wish.tool, args, user_id=actor.user_id)
    values |= copy_parameters(wish.tool, values["id"], key)
    served, *_ = db.together(copy_statements()[:1], TYPES, values)
    if not served:
        return None
    keep([Use(actor.user_id, values["id"], args)], Answer(**answer), cached=True)
    return Asked(values["id"], "succeeded", None)


def _joined(actor: Actor, wish: Wish, args: Mapping[str, Any], key: str) -> Asked | None:
    """Join an identical request that is under way."""
    leader = db.row(_LEADER, {"key": key})
    if leader is None:
        return None
    task_id = create(wish.tool, args, user_id=actor.user_id, joined_to=leader.id, is_cached=True)
    return None if task_id is None else Asked(task_id, "queued", None)
