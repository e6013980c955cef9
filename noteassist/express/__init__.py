"""The express lane: what is asked most often is answered without Flask, for half of the processor time.

What asks for nothing special is answered here, by the schema, the guard, the limit and the service that its route
uses as well; what is left out is Flask's routing, contexts, hooks and response objects. Everything else goes on to
Flask, as if this were not here, before anything has been done for it:

    a Bearer token, and no query, Prefer, Idempotency-Key or X-API-Key
        |  else --------------------------------------------------------------------> Flask
    POST of an AI tool with a JSON body: asking.py
    GET of the list of notes, or of a note: reading.py
        |  else --------------------------------------------------------------------> Flask
    202, 200 or 304

An error that is named there is raised, and the front door answers it.
"""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIEnvironment

from sqlalchemy import exc

from noteassist import db, schema
from noteassist.api.limits import COUNTED, RequestLimits
from noteassist.config import Settings
from noteassist.errors import AppError
from noteassist.express.answer import Answer, Way
from noteassist.express.asking import Asking
from noteassist.express.reading import Reading
from noteassist.front import Front

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)

# A request with one of these has wishes that only its route knows.
SPECIAL_HEADERS = frozenset({"HTTP_PREFER", "HTTP_IDEMPOTENCY_KEY", "HTTP_X_API_KEY"})


class ExpressLane:
    """A WSGI application between the front door and Flask."""

    def __init__(
        self, app: "Flask", settings: Settings, limits: RequestLimits | None, front: Front | None
    ) -> None:
        """Stand before an application; `limits` counts requests where they are limited, `front` keeps answers."""
        self.app = app
        self.usual_way = app.wsgi_app
        self.ways: tuple[Way, ...] = (Asking(settings, limits), Reading(limits, front))

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        answer = self._answer(environ) if _is_plain(environ) else None
        if answer is None:
            return self.usual_way(environ, start)
        allowance = environ.get(COUNTED)
        told = answer.limit_headers or (allowance.headers if allowance is not None else {})
        start(answer.status, [*answer.headers, *told.items()])
        return answer.body

    def _answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Answer a request; None where it is Flask's. Raises AppError."""
        for way in self.ways:
            route = way.route_of(environ)
            if route is not None:
                break
        else:
            return None
        environ["noteassist.route"] = route
        with self.app.app_context():
            db.begin_request()
            try:
                schema.gate().require()
                return way.answer(environ)
            except AppError as error:
                if (allowance := environ.get(COUNTED)) is not None:
                    error.headers = {**allowance.headers, **error.headers}
                raise
            except exc.SQLAlchemyError as error:
                known = db.translated(error)
                if known is None:
                    # A mistake of ours, and rolled back: Flask's handlers report it.
                    return None
                # Not tried again: nobody knows whether a commit that was cut off has been done.
                log.warning("the database failed: %s", str(error).partition("\n")[0])
                raise known from error
            finally:
                db.end_request()


def _is_plain(environ: WSGIEnvironment) -> bool:
    """Say whether a request asks for nothing that only its route knows."""
    return (
        "HTTP_AUTHORIZATION" in environ
        and not environ.get("QUERY_STRING")
        and SPECIAL_HEADERS.isdisjoint(environ)
    )
