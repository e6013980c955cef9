"""Answering what an AI tool was asked: the slow part, in a worker, outside of any transaction."""

import logging
import random
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from noteassist import db, metrics
from noteassist.models import AiCall, Task, User
from noteassist.services.ai import gates, outputs, prompts, spending
from noteassist.services.ai.base import (
    AnswerReader,
    BadAnswer,
    Completion,
    Deadline,
    ProviderAway,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    Question,
    QuestionRefused,
)
from noteassist.services.ai.keeping import Answer, Use, keep
from noteassist.services.ai.offline import Reference
from noteassist.services.ai.providers import Link, chain_of, provider_of
from noteassist.services.ai.references import related_notes
from noteassist.services.ai.titles import title_of
from noteassist.services.notifications import notify
from noteassist.services.tasks.failures import Fail, TryLater
from noteassist.services.tasks.runs import Outcome, TaskRun

log = logging.getLogger(__name__)

# A model that answers badly again and again will go on to.
BAD_ANSWERS = 3
# How long a task may wait for a provider before its user is told that nothing will come.
PATIENCE_SECONDS = 3600.0
# What users are told instead of a provider's own words, which stand in the log.
TOLD = {
    ProviderMisconfigured.code: "AI tools are not available just now; the administrators have been told.",
    QuestionRefused.code: "The model does not take this; it may be too long.",
}


@dataclass
class Trouble:
    """Why a provider of the chain did not answer, and in how many seconds it may."""

    link: Link
    error: ProviderError
    seconds: float | None = None


def give_answer(run: TaskRun) -> Outcome:
    """Give the answer, from the cache or from the first provider of the chain that has one.

    Raises TryLater, Fail, LostLease.
    """
    key = run.task.args.get("cache_key")
    if key is not None and (found := outputs.find_reusable(key)) is not None:
        return Outcome(effect=partial(_keep, run, Answer(**found), None, None))
    chain = chain_of(run.settings)
    if not chain:
        raise Fail("ai_unavailable", "AI tools are not set up on this server any more.")
    question = _question(run, chain)
    troubles: list[Trouble] = []
    for link in chain:
        try:
            completion = _ask(run, link, question)
        except ProviderError as error:
            troubles.append(_noted(run, link, error))
            continue
        made = _answer_of(question, link, completion)
        # What a fallback said is not what the first provider would: it answers nobody else.
        reusable = key if link == chain[0] else None
        return Outcome(effect=partial(_keep, run, made, reusable, completion))
    raise _verdict(run, troubles)


def _question(run: TaskRun, chain: Sequence[Link]) -> Question:
    task = run.task
    fields = task.args["fields"]
    references: tuple[Reference, ...] = ()
    # Only where the answer is this student's alone: as a fallback's it would also be that of those who joined.
    if task.kind == "generate" and task.user_id and chain[0].provider == "offline":
        references = related_notes(task.user_id, fields["topic"])
    return Question(task.kind, fields, task.args["language"], prompts.render(task.kind, fields), references)


def _ask(run: TaskRun, link: Link, question: Question) -> Completion:
    """Have one provider answer; what it writes is told on the way. Raises ProviderError, LostLease."""
    if not spending.is_free(run.settings, link) and spending.is_capped(run.settings):
        raise CapReached(spending.seconds_left(), "capped")
    gate = gates.gate_of(link)
    if gate.seconds > 0:
        raise _closed(gate)
    run.progress(5, f"{link.provider} is being asked.")
    reader, begun = AnswerReader(), time.monotonic()
    outcome = "lost"
    try:
        provider = provider_of(run.settings, link)
        # Closed here and now when it is left early: the SDK's client may lock up when the garbage collector does it.
        with closing(provider.stream(question, Deadline(run.settings.ai_deadline))) as pieces:
            for piece in pieces:
                if text := reader.take(piece):
                    run.write(text)
        run.flush()
        completion = reader.completion()
        outcome = "ok"
    except ProviderError as error:
        outcome = error.code
        run.drop()
        raise
    finally:
        _record_call(run, link, outcome, reader, time.monotonic() - begun)
    if gate.failures or gate.reason:
        gates.note_success(link)
    return completion


class StillMisconfigured(ProviderMisconfigured):
    """It was found before that nothing works; nobody asks again before the gate opens."""


class GateClosed(ProviderError):
    """The provider is not to be asked for `seconds`, for a `reason` that was found before."""

    def __init__(self, seconds: float, reason: str) -> None:
        self.seconds, self.reason = seconds, reason
        super().__init__("The AI provider is left alone for a moment.")


class CapReached(GateClosed):
    """What the server may spend today is spent."""


def _closed(gate: gates.Gate) -> ProviderError:
    if gate.reason == gates.MISCONFIGURED:
        return StillMisconfigured("The AI provider refuses our key or model.")
    return GateClosed(gate.seconds, gate.reason)


def _record_call(run: TaskRun, link: Link, outcome: str, reader: AnswerReader, seconds: float) -> None:
    row = {
        "user_id": run.task.user_id,
        "task_id": run.task.id,
        "attempt": run.task.attempt,
        "provider": link.provider,
        "model": link.model,
        "outcome": outcome,
        "prompt_tokens": reader.usage.prompt_tokens,
        "completion_tokens": reader.usage.completion_tokens,
        "duration_ms": round(seconds * 1000),
        "created_at": db.utcnow(),
    }
    metrics.AI_CALLS.labels(link.provider, link.model, outcome).inc()
    try:
        with db.transaction():
            db.execute(insert(AiCall).values(**row))
        spending.note_call(run.settings, link, reader.usage.prompt_tokens, reader.usage.completion_tokens)
    except SQLAlchemyError as error:
        # What was paid for is in the log at least.
        log.warning("a call could not be recorded: %s %s", type(error).__name__, row)


def _noted(run: TaskRun, link: Link, error: ProviderError) -> Trouble:
    """Let the provider's gate know what happened."""
    if isinstance(error, GateClosed):
        return Trouble(link, error, error.seconds)
    log.warning("task %s: %s did not answer: %s", run.task.id, link.provider, error)
    if isinstance(error, ProviderBusy):
        gates.close_gate(gates.key_of(link), error.seconds, gates.RATE_LIMITED)
        return Trouble(link, error, error.seconds)
    if isinstance(error, ProviderMisconfigured) and not isinstance(error, StillMisconfigured):
        key = gates.key_of(link) if error.of_model else link.provider
        if gates.close_gate(key, gates.MISCONFIGURED_SECONDS, gates.MISCONFIGURED):
            _alert_administrators(link, error)
        return Trouble(link, error)
    if isinstance(error, ProviderAway):
        gates.note_failure(link.provider)
    return Trouble(link, error)


def _alert_administrators(link: Link, error: ProviderError) -> None:
    log.error("AI is not available: %s", error)
    admins = select(User.id).where(User.role == "admin", User.is_active)
    when = db.utcnow().strftime("%Y-%m-%dT%H:%M")
    for admin in db.read_rows(admins):
        with db.transaction():
            notify(admin.id, "error", "AI tools do not work", str(error), f"{link.provider}:{when}")


def _verdict(run: TaskRun, troubles: Sequence[Trouble]) -> TryLater | Fail:
    """Decide what becomes of the task when nobody answered: the first provider's trouble says most."""
    if any(isinstance(trouble.error, CapReached) for trouble in troubles):
        # Whatever else is wrong, nothing can be asked before tomorrow that is not asked in vain now.
        return _until_tomorrow(troubles)
    waits = [trouble.seconds for trouble in troubles if trouble.seconds is not None]
    age = (db.utcnow() - run.task.created_at).total_seconds()
    if waits:
        if age + min(waits) > PATIENCE_SECONDS:
            return Fail("ai_rate_limited", "The AI provider takes no more questions for now.")
        detail = "The AI provider asks for a pause; this will be tried again."
        # Not all at once when the gate opens.
        delay = min(waits) + random.uniform(0.2, 2.0)
        return TryLater("ai_rate_limited", detail, delay=delay, waiting_for="provider", counts=False)
    errors = [trouble.error for trouble in troubles]
    passing = [error for error in errors if isinstance(error, ProviderAway)]
    if passing:
        return TryLater(passing[0].code, str(passing[0]), waiting_for="provider")
    bad = [error for error in errors if isinstance(error, BadAnswer)]
    if bad and _bad_answers_to(run.task.id) < BAD_ANSWERS:
        return TryLater(bad[0].code, str(bad[0]))
    refused = [error for error in errors if isinstance(error, QuestionRefused)]
    first = (bad or refused or errors)[0]
    return Fail(first.code, TOLD.get(first.code, str(first)))


def _until_tomorrow(troubles: Sequence[Trouble]) -> TryLater:
    detail = "This server has spent today what it may spend on AI calls; this goes on tomorrow (UTC)."
    waits = [trouble.seconds for trouble in troubles if trouble.seconds is not None]
    delay = min(waits) + random.uniform(0.2, 2.0)
    return TryLater("ai_spending_cap_reached", detail, delay=delay, waiting_for="provider", counts=False)


def _bad_answers_to(task_id: str) -> int:
    """Count the bad answers that a task has had, this one included."""
    bad = (AiCall.task_id == task_id) & (AiCall.outcome == BadAnswer.code)
    return int(db.read_rows(select(func.count()).select_from(AiCall).where(bad))[0][0])


def _answer_of(question: Question, link: Link, completion: Completion) -> Answer:
    fields = question.fields
    return Answer(
        tool=question.tool,
        title=title_of(question.tool, fields, completion.text),
        content=completion.text,
        language=question.language,
        programming_language=fields.get("programming_language"),
        provider=link.provider,
        model=link.model,
    )


def _keep(
    run: TaskRun,
    made: Answer,
    cache_key: str | None,
    completion: Completion | None,
    followers: Sequence[db.AnyRow],
) -> None:
    """Keep the answer for the task's owner and for those who joined."""
    task = run.task
    if task.user_id is None:
        return
    now = db.utcnow()
    callers: list[tuple[Any, ...]] = [(task.user_id, task.id, task.args, task.created_at)]
    callers += [(row.user_id, row.id, row.args, row.created_at) for row in followers]
    uses = [
        Use(user_id, task_id, args, max(0.0, (now - created_at).total_seconds()))
        for user_id, task_id, args, created_at in callers
    ]
    tokens = completion.usage.total if completion else 0
    source = "cache" if completion is None else "model"
    db.after_commit(metrics.AI_ANSWERS.labels(source).inc)
    db.after_commit(partial(metrics.AI_ANSWERS.labels("joined").inc, len(followers)))
    if completion is None:
        db.execute(update(Task).where(Task.id == task.id).values(is_cached=True))
    keep(uses, made, cached=completion is None, tokens=tokens, cache_key=cache_key)
