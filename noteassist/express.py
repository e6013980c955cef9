"""The express lane: an AI tool is asked without Flask, for half of the processor time.

A request that asks for nothing special is answered here, by the schema, the limit and the service that its route
uses as well; what is left out is Flask's routing, contexts, hooks and response objects. Everything else goes on to
Flask, as if this were not here, before anything has been done for it:

    POST of an AI tool with a Bearer token and a JSON body, and no query, Prefer, Idempotency-Key or X-API-Key
        |  else --------------------------------------------------------------------> Flask
    token is ours            else NotAuthenticated
    body fits its schema     else --------------------------------------------------> Flask, which says what is wrong
    without limits: task is made, if the session lives, in one statement; when it was not, go on
    session lives            else NotAuthenticated, Forbidden
    request is counted       else TooManyRequests
    task is made, or the answer found, in one transaction      else QuotaExceeded, AiNotConfigured, ...
        |
    202

An error that is named here is raised, and the front door answers it.
"""

import logging
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIEnvironment

from marshmallow import Schema, ValidationError
from sqlalchemy import exc

from noteassist import db, schema
from noteassist.api.limits import COUNTED, RequestLimits
from noteassist.api.waiting import accepted
from noteassist.blueprints.ai_tools.schemas import CodeIn, GenerateIn, ImproveIn, SummarizeIn
from noteassist.config import Settings
from noteassist.errors import AppError
from noteassist.security.guards import read_actor
from noteassist.security.sessions import read_bearer
from noteassist.services.ai.asking import Asked, Wish, ask, ask_at_once, needs_one_statement

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)

# A request with one of these has wishes that only its route knows.
SPECIAL_HEADERS = frozenset({"HTTP_PREFER", "HTTP_IDEMPOTENCY_KEY", "HTTP_X_API_KEY"})


class ExpressLane:
    """A WSGI application between the front door and Flask."""

    def __init__(self, app: "Flask", settings: Settings, limits: RequestLimits | None) -> None:
        """Stand before an application; `limits` counts requests where they are limited."""
        self.app = app
        self.usual_way = app.wsgi_app
        self.settings = settings
        self.limits = limits
        shapes: dict[str, Schema] = {
            "generate": GenerateIn(),
            "improve": ImproveIn(),
            "summarize": SummarizeIn(),
            "code": CodeIn(),
        }
        self.tools = {f"/api/ai-tools/{tool}/": (tool, shape) for tool, shape in shapes.items()}

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        found = self.tools.get(environ["PATH_INFO"])
        if found is None or not _is_plain(environ):
            return self.usual_way(environ, start)
        environ["noteassist.route"] = environ["PATH_INFO"]
        with self.app.app_context():
            db.begin_request()
            try:
                asked = self._ask(environ, *found)
            except AppError as error:
                if (allowance := environ.get(COUNTED)) is not None:
                    error.headers = {**allowance.headers, **error.headers}
                raise
            finally:
                db.end_request()
        if asked is None:
            return self.usual_way(environ, start)
        body, headers = accepted(asked.task_id, asked.status)
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        if (allowance := asked.allowance or environ.get(COUNTED)) is not None:
            headers |= allowance.headers
        start("202 Accepted", list(headers.items()))
        return [body]

    def _ask(self, environ: WSGIEnvironment, tool: str, shape: Schema) -> Asked | None:
        """Ask a tool; None where Flask has to look at the request. Raises AppError."""
        try:
            schema.gate().require()
            bearer = read_bearer(environ["HTTP_AUTHORIZATION"], db.utcnow())
            wish = Wish(tool, shape.load(environ["noteassist.json"][0]))
            was_tried = needs_one_statement(self.settings, wish)
            if was_tried:
                asked = ask_at_once(self.settings, bearer, wish)
                if asked is not None:
                    environ["noteassist.user"] = bearer.user_id
                    return asked
            actor = read_actor(environ["HTTP_AUTHORIZATION"])
            environ["noteassist.user"] = actor.user_id
            if self.limits is not None:
                environ[COUNTED] = self.limits.count(actor)
            return db.in_transaction(partial(ask, self.settings, actor, wish, was_tried=was_tried))
        except ValidationError:
            return None
        except exc.SQLAlchemyError as error:
            known = db.translated(error)
            if known is None:
                # A mistake of ours, and rolled back: Flask's handlers report it.
                return None
            # Not tried again: nobody knows whether a commit that was cut off has been done.
            log.warning("the database failed: %s", str(error).partition("\n")[0])
            raise known from error


def _is_plain(environ: WSGIEnvironment) -> bool:
    """Say whether a request asks for nothing that only its route knows."""
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ["noteassist.json"] is not None
        and "HTTP_AUTHORIZATION" in environ
        and not environ.get("QUERY_STRING")
        and SPECIAL_HEADERS.isdisjoint(environ)
    )
