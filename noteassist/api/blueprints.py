"""Blueprints that cannot forget their guard, and the documentation of what every route can answer."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, cast

import flask
import flask_smorest
from flask import Request, request
from marshmallow import Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser

from noteassist.api.limits import count_request
from noteassist.api.schemas import EmptyQuery
from noteassist.errors import MalformedRequest
from noteassist.security.guards import anyone, signed_in
from noteassist.security.permissions import Scope

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "description": "The same key with the same request within 24 h gives the first answer again.",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag you have; 412 when it has changed since.",
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag you have; 304 when it is still the same.",
}

PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "`wait=20` waits up to so many seconds (at most 30) for the result, which then comes as 201.",
}
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[0-9]{0,18}$"},
    "description": "The id of the last event you have; the stream goes on after it.",
}


class StrictParser(FlaskParser):
    """Refuses what webargs would forgive: unknown and repeated query parameters."""

    # None: the schema's own rule, which is to refuse.
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"json": None, "query": None}  # noqa: RUF012  # webargs' own

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Take the body as the front door parsed it."""
        body = req.environ.get("noteassist.json")
        if body is None:
            raise MalformedRequest("A JSON body is required.", code="malformed_json")
        return body[0]

    def load_querystring(self, req: Request, schema: Schema) -> dict[str, Any]:
        """Take each parameter once, except those declared as lists."""
        values: dict[str, Any] = {}
        for name, given in req.args.lists():
            if isinstance(schema.fields.get(name), fields.List):
                values[name] = given
            elif len(given) > 1:
                raise ValidationError({name: ["Give this parameter once."]})
            else:
                values[name] = given[0]
        return values


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    """A blueprint that cannot exist without saying who may call it."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, module: str, *, guard: Callable[[], None], **options: Any) -> None:
        super().__init__(name, module, **options)
        self.guard = guard
        self.before_request(guard)
        self.before_request(count_request)

    def page(self, rule: str, *, method: str = "GET") -> Callable[..., Any]:
        """Register a route that is for people and not part of the documented API."""

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            # Flask's own method: flask-smorest's would put the route into the document, without answers.
            flask.Blueprint.add_url_rule(self, rule, view_func=view, methods=[method])
            return view

        return decorate

    def takes(self, schema: type[Schema], *, location: str = "json") -> Callable[..., Any]:
        """Declare and check what a route takes: a body, or with `location="query"` its parameters."""
        one = schema()
        refusals = (400, 413, 415) if location == "json" else (400,) if "cursor" in one.fields else ()

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            checked: Any = self.arguments(one, location=location)(view)
            checked.refusals = refusals
            return cast("Callable[..., Any]", checked)

        return decorate

    def gives(
        self,
        status: int,
        schema: type[Schema] | None = None,
        *,
        refusals: Sequence[int] = (),
        headers: Sequence[Mapping[str, Any]] = (),
        has_query: bool = False,
        also: Mapping[int, type[Schema]] | None = None,
        scope: Scope | None = None,
    ) -> Callable[..., Any]:
        """Declare what a route answers, and `also` may; unless it `has_query`, it refuses every query parameter.

        An API key needs the `scope`; without one that is `read` for GET and `write` for the rest.

        What holds for all routes of its kind is added here, and written out by openapi.py: the document costs
        a request nothing.
        """
        is_open = self.guard is anyone
        common = {422, 429, 503, *(() if is_open else (401, 403)), *((412,) if IF_MATCH in headers else ())}

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            refused = sorted({*common, *refusals, *getattr(view, "refusals", ())})
            documented = self.response(status, schema)(view if has_query else _without_query(view))
            for other, other_schema in (also or {}).items():
                documented = self.alt_response(other, schema=other_schema)(documented)
            if IF_NONE_MATCH in headers:
                documented = self.alt_response(304)(documented)
            needed = self._scope_of(view, scope)
            rules = {
                "security": [] if is_open else _security(needed),
                "x-headers": list(headers),
                "x-refusals": refused,
            }
            documented = self.doc(**rules)(documented)
            documented.scope = needed
            return cast("Callable[..., Any]", documented)

        return decorate

    def _scope_of(self, view: Callable[..., Any], scope: Scope | None) -> Scope:
        """Give the scope that the guard asks of an API key."""
        if self.guard is not signed_in:
            return Scope.PERSON
        return scope or (Scope.READ if view.__name__ == "get" else Scope.WRITE)


def _security(scope: Scope) -> list[dict[str, list[str]]]:
    return [{"bearer": []}] if scope == Scope.PERSON else [{"bearer": []}, {"apiKey": [scope.value]}]


def _without_query(view: Callable[..., Any]) -> Callable[..., Any]:
    schema = EmptyQuery()

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if request.args:
            Blueprint.ARGUMENTS_PARSER.parse(schema, request, location="query")
        return view(*args, **kwargs)

    return checked
