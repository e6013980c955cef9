"""What is noted of every request: a line in the log, and its metrics."""

import logging
import time
from wsgiref.types import WSGIEnvironment

from flask import request

from noteassist import db, logs, metrics

log = logging.getLogger("noteassist.access")

# Routes of requests that never came to one: answered by the front door, or to a path that there is not.
FRONT_DOOR, NO_ROUTE = "(front door)", "(none)"
LONGEST_PATH = 200


def begin_request(environ: WSGIEnvironment) -> None:
    """Begin to watch a request that may take a while: its log lines carry its id, and its statements are counted."""
    environ["noteassist.is_watched"] = True
    logs.begin_context(request_id=environ["noteassist.request_id"])
    db.begin_counting()


def end_request(environ: WSGIEnvironment, begun: float, *, is_logged: bool) -> None:
    """Note how a request was answered that began then (`time.perf_counter`)."""
    seconds = time.perf_counter() - begun
    is_watched = "noteassist.is_watched" in environ
    statements = db.statements_counted() if is_watched else 0
    route, method = environ.get("noteassist.route", FRONT_DOOR), environ["REQUEST_METHOD"]
    status = environ.get("noteassist.status", "500")
    metrics.request_answered(route, method, status, seconds, statements)
    if not is_logged:
        return
    if not is_watched:
        begin_request(environ)
    fields = {
        "method": method,
        "route": route,
        "path": environ["PATH_INFO"][:LONGEST_PATH],
        "status": int(status),
        "milliseconds": round(seconds * 1000, 2),
        "statements": statements,
        "user_id": environ.get("noteassist.user"),
        "client": environ["noteassist.client"],
    }
    log.info("request", extra=fields)


def note_route() -> None:
    """Note the rule of this request's route: never its path, of which there are endlessly many."""
    rule = request.url_rule
    request.environ["noteassist.route"] = NO_ROUTE if rule is None else rule.rule
