"""Answering with a task, or, when the caller would wait, with what it made."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response

from noteassist import db
from noteassist.api import idempotency
from noteassist.api.answers import VARY, thing, to_json
from noteassist.api.prefer import preferred_wait
from noteassist.api.streams import current_share, is_over, leave_slot
from noteassist.errors import TaskNotDone
from noteassist.security.actors import Actor
from noteassist.services.tasks.reading import ENDED, get_state, get_task
from noteassist.services.tasks.telling import task_signal
from noteassist.signals import current_signals

# What a caller who waited is told, by the task's error; everything else is the fault of a service behind us.
STATUSES = {
    "ai_timeout": 504,
    "ai_unavailable": 503,
    "ai_rate_limited": 503,
    "ai_provider_away": 503,
    # Exports: the server's own trouble, which passes; what the caller can change; a bug.
    "disk_full": 503,
    "server_busy": 503,
    "export_interrupted": 503,
    "note_gone": 409,
    "storage_full": 409,
    "file_too_large": 413,
    "export_failed": 500,
}


def answer_task(
    actor: Actor,
    task_id: str,
    status: str,
    headers: Mapping[str, str],
    location_of: Callable[[dict[str, Any]], str],
) -> Response:
    """Answer 202 with where the task is, or 201 with its result when it ends while the caller waits.

    Raises TaskNotDone when it ends otherwise meanwhile.
    """
    seconds = preferred_wait()
    promise = _accepted(task_id, status, headers)
    if seconds is None:
        return promise
    if status not in ENDED:
        status = _status_after(actor, task_id, promise, seconds)
        if status not in ENDED:
            return promise
    task = get_task(actor, task_id)
    if task["result"] is None:
        # The answer that was kept for a repeated request was a promise that is broken now.
        db.after_rollback(idempotency.forget)
        raise _not_done(task)
    answer = thing(task["result"], 201, location=location_of(task["result"]))
    answer.headers.update(headers)
    answer.headers["Preference-Applied"] = f"wait={seconds}"
    return answer


def _accepted(task_id: str, status: str, headers: Mapping[str, str]) -> Response:
    body, own_headers = accepted(task_id, status)
    return Response(body, 202, own_headers | dict(headers), mimetype="application/json")


def accepted(task_id: str, status: str) -> tuple[bytes, dict[str, str]]:
    """Give the body and the headers that tell where a task is."""
    url = f"/api/tasks/{task_id}/"
    body = {"task_id": task_id, "status": status, "status_url": url, "events_url": f"{url}events/"}
    return to_json(body), {"Location": url, "Cache-Control": "no-store", "Vary": VARY}


def _status_after(actor: Actor, task_id: str, promise: Response, seconds: int) -> str:
    """Wait for the task to end, at most so many seconds; says how it is then."""
    give_back = current_share().take()
    if give_back is None or seconds == 0:
        if give_back is not None:
            give_back()
        return "queued"
    try:
        idempotency.keep(promise, is_final=False)
        db.checkpoint()
        leave_slot()
        return _wait(actor, task_id, time.monotonic() + seconds)
    finally:
        give_back()


def _wait(actor: Actor, task_id: str, until: float) -> str:
    signals = current_signals()
    with signals.listening(task_signal(task_id)) as heard:
        while True:
            state = get_state(actor, task_id)
            left = until - time.monotonic()
            if state.has_ended or left <= 0 or is_over():
                return state.status
            # Nobody holds a connection while nothing happens.
            db.checkpoint()
            signals.wait(heard, left)


def _not_done(task: Mapping[str, Any]) -> TaskNotDone:
    if task["status"] == "cancelled":
        return TaskNotDone(409, "task_cancelled", "The task was cancelled.", task["task_id"])
    error = task["error"] or {"code": "task_failed", "detail": "The result is gone."}
    return TaskNotDone(STATUSES.get(error["code"], 502), error["code"], error["detail"], task["task_id"])
