"""RQ's own dashboard at `/admin/rq/`, behind the console's guard.

It comes without a guard, takes forms from any origin, changes things by GET, puts what it finds in Redis into pages
as HTML, and reads that by pickle. Each of these is closed here (docs/adr/0030-administration.md).
"""

import html
import re
import secrets
from collections.abc import Mapping
from functools import wraps
from typing import Any, cast

from flask import Flask, Response, g, request
from redis import RedisError
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer
from rq_dashboard import web
from werkzeug.exceptions import MethodNotAllowed

from noteassist import redis_clients
from noteassist.api.answers import to_json
from noteassist.api.limits import count_request
from noteassist.api.settings import current_settings
from noteassist.blueprints.console.readable import ReadableJob, ReadableQueue, ReadableWorker, requeue
from noteassist.blueprints.console.rendering import HEADERS, page, show_errors
from noteassist.config import Settings
from noteassist.errors import NotFound
from noteassist.security.console import admin_at_console, csrf_token, current_visit
from noteassist.security.guards import current_actor, current_origin
from noteassist.services.audit import Deed, record

SILENT_SECONDS = 3.0
POLL_MILLISECONDS = 15_000
# The dashboard's templates are compiled in the browser (`unsafe-eval`); what else is run has this answer's nonce.
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
OFF = "There is no Redis here: tasks run in the server itself, and no queue has to be looked after."
AWAY = "The queue's Redis does not answer just now. Tasks are done all the same; the workers look for them."
UNSAFE = {
    "delete_job_view": "queue.delete_job",
    "requeue_job_view": "queue.requeue_job",
    "requeue_all": "queue.requeue_all",
    "empty_queue": "queue.empty",
    "compact_queue": "queue.compact",
}
REGISTRIES = "queued|failed|deferred|started|finished|canceled|scheduled"
# What the parts of its addresses may be: it checks none of them.
ARGUMENTS: Mapping[str, str] = {
    "instance_number": "0",
    "queue_name": r"[A-Za-z0-9_.:-]{1,100}",
    "registry_name": REGISTRIES,
    "job_id": r"[A-Za-z0-9_-]{1,64}",
    "order": "asc|dsc",
    "per_page": r"[1-9][0-9]{0,2}",
    "page": r"[1-9][0-9]{0,6}",
}
# What a template of it escapes itself.
ESCAPED_LATER = {"list_jobs": frozenset({"description", "exc_info"})}

pages = web.blueprint


def admit() -> Response | None:
    """Let a request of an administrator through that makes sense; raises NotFound, MethodNotAllowed."""
    admin_at_console()
    endpoint = _endpoint()
    if endpoint in UNSAFE and request.method != "POST":
        raise MethodNotAllowed(valid_methods=["POST"])
    for name, value in (request.view_args or {}).items():
        if name in ARGUMENTS and value is not None and not re.fullmatch(ARGUMENTS[name], str(value)):
            raise NotFound
    if not current_settings().queue_redis_url:
        return page("queue_off.html", reason=OFF)
    g.nonce = secrets.token_urlsafe(16)
    return None


def _endpoint() -> str:
    return (request.endpoint or "").rpartition(".")[2]


def finish(answer: Response) -> Response:
    """Escape what scripts will put into pages as HTML, and say what the browser may run."""
    if answer.mimetype == "application/json" and answer.status_code == 200:
        answer.set_data(to_json(_escaped(answer.get_json(), ESCAPED_LATER.get(_endpoint(), frozenset()))))
    if answer.mimetype == "text/html" and "nonce" in g and "Content-Security-Policy" not in answer.headers:
        answer.headers.update(HEADERS)
        answer.headers["Content-Security-Policy"] = POLICY.format(nonce=g.nonce)
    return answer


def _escaped(value: Any, left: frozenset[str]) -> Any:
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, list):
        return [_escaped(item, left) for item in value]
    if isinstance(value, dict):
        return {
            html.escape(key): item if key in left else _escaped(item, left) for key, item in value.items()
        }
    return value


def _words() -> dict[str, Any]:
    """Give the templates what they need beside the dashboard's own words."""
    visit = current_visit()
    token = csrf_token(current_settings().secret_key, visit.cookie) if visit else ""
    return {"nonce": g.get("nonce", ""), "csrf_token": token, "visit": visit}


def _redis_away(_error: RedisError) -> Response:
    return page("queue_off.html", 503, reason=AWAY)


def _no_such_job(_error: NoSuchJobError) -> Response:
    return page("queue_off.html", 404, reason="This job is not in the queue any more.")


def _audited(action: str, view: Any) -> Any:
    """Write down what an administrator does to the queue."""

    @wraps(view)
    def audited(**arguments: Any) -> Any:
        target = str(arguments.get("job_id") or arguments.get("queue_name") or "")
        details = {"registry": arguments["registry_name"]} if "registry_name" in arguments else {}
        record(current_actor(), current_origin(), Deed(action, "queue", target, details))
        return view(**arguments)

    return audited


def _tame() -> None:
    """Put our own in the place of what the dashboard would ask and read."""
    web.Job, web.Queue, web.Worker, web.requeue_job = ReadableJob, ReadableQueue, ReadableWorker, requeue
    web.config.serializer = JSONSerializer
    # Its own connects anew for each request, to whatever the address names.
    pages.before_request_funcs[None] = [admit, count_request]
    pages.after_request(finish)
    pages.context_processor(_words)
    show_errors(pages)
    pages.register_error_handler(RedisError, _redis_away)
    pages.register_error_handler(NoSuchJobError, _no_such_job)


_tame()


def install_queue_pages(app: Flask, settings: Settings) -> None:
    """Mount the dashboard."""
    if settings.queue_redis_url:
        cast("Any", app).redis_conn = redis_clients.patient(settings.queue_redis_url, SILENT_SECONDS)
    # It shows this; the address itself is nobody's business.
    app.config["RQ_DASHBOARD_REDIS_URL"] = ("the queue",)
    # Three calls each time, which count like all others of the administrator.
    app.config["RQ_DASHBOARD_POLL_INTERVAL"] = POLL_MILLISECONDS
    app.register_blueprint(pages, url_prefix="/admin/rq")
    for name, action in UNSAFE.items():
        endpoint = f"{pages.name}.{name}"
        app.view_functions[endpoint] = _audited(action, app.view_functions[endpoint])
