"""The application factory."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

from flask import Flask, Request, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, RequestRedirect, ValidationError

from noteassist import connections, db, observing, schema
from noteassist.api.answers import compressed
from noteassist.api.errors import register_errors, to_path_with_slash
from noteassist.api.idempotency import once, requested_key
from noteassist.api.limits import RequestLimits, install_limits
from noteassist.api.schemas import LARGEST_ID
from noteassist.api.shared_cache import install_cache
from noteassist.api.streams import install_streams
from noteassist.bells import install_bell
from noteassist.blueprints import BLUEPRINTS
from noteassist.blueprints.console import CONSOLE, install_queue_pages
from noteassist.bodies import LARGEST_BODY
from noteassist.config import Settings
from noteassist.door import FrontDoor
from noteassist.express import ExpressLane
from noteassist.extensions import api, jwt
from noteassist.freshness import install_freshness
from noteassist.front import Front
from noteassist.redis_scripts import Scripts
from noteassist.security import tokens
from noteassist.signals import install_signals

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_WITHOUT_SCHEMA = frozenset({"system.health", "system.readiness", "system.metrics"})


class IdConverter(BaseConverter):
    """An id in a path: digits, at most what a 64-bit column holds; anything else is no such path."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """Read the id; raises ValidationError, which routing turns into a 404."""
        number = int(value)
        if not 1 <= number <= LARGEST_ID:
            raise ValidationError
        return number


class NoteAssist(Flask):
    """Flask plus one rule: a request that may write is one transaction."""

    def dispatch_request(self, *args: Any) -> ResponseReturnValue:
        """Answer a request; a raised error rolls everything back that it did."""
        if request.method in SAFE_METHODS:
            return super().dispatch_request(*args)

        def answer() -> Response:
            return self.make_response(super(NoteAssist, self).dispatch_request(*args))

        key = requested_key()
        return db.in_transaction(answer if key is None else lambda: once(key, answer))

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Take each function as it is: none of ours is a coroutine, and Flask would look at a dozen a request."""
        return func

    def raise_routing_exception(self, request: Request) -> NoReturn:
        """Refuse what no route takes; a path without its last slash is sent to the one with it."""
        if isinstance(request.routing_exception, RequestRedirect):
            raise HTTPException(response=to_path_with_slash(request.routing_exception))
        super().raise_routing_exception(request)


def create_app(settings: Settings) -> NoteAssist:
    """Make the application for these settings; touches neither the database nor the network."""
    app = NoteAssist("noteassist", static_folder=None)
    app.config.update(_flask_config(settings))
    app.url_map.converters["id"] = IdConverter
    app.url_map.merge_slashes = False
    db.db.init_app(app)
    jwt.init_app(app)
    api.init_app(app)
    schema.install_gate(app, settings)
    install_bell(app, settings)
    install_signals(app, settings)
    install_streams(app, settings)
    install_cache(app, settings)
    with app.app_context():
        connections.install(db.db.engine, db.direct())
        db.watch((db.db.engine, db.direct()), settings.slow_query_ms / 1000 or None)
    app.before_request(observing.note_route)
    app.before_request(db.begin_request)
    app.before_request(_require_schema)
    app.teardown_request(_end_request)
    scripts = Scripts(settings.redis_url) if settings.redis_url else None
    freshness = install_freshness(app, scripts, tokens.derived_key(settings.secret_key, "facts"))
    limits = RequestLimits(settings, scripts) if settings.ratelimit_enabled else None
    # What is registered first is done last with an answer: it is kept as it is sent.
    front = Front(app, settings, limits, freshness) if settings.front_cache_mb else None
    app.after_request(compressed)
    register_errors(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    # Pages are no part of the documented API.
    for pages in CONSOLE:
        app.register_blueprint(pages)
    install_queue_pages(app, settings)
    install_limits(app, settings, limits)
    app.wsgi_app = FrontDoor(ExpressLane(app, settings, limits, front), settings, front)  # type: ignore[method-assign]  # Flask's own advice
    return app


def _flask_config(settings: Settings) -> dict[str, Any]:
    engine_options = connections.engine_options(settings)
    return {
        "SETTINGS": settings,
        "MAX_CONTENT_LENGTH": LARGEST_BODY,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options,
        # All that the application does runs here, and its transactions are begun by name (noteassist/db/held.py).
        # The default engine is for migrations: nothing else takes a connection of it.
        "SQLALCHEMY_BINDS": {
            "direct": {
                "url": settings.database_url,
                "isolation_level": "AUTOCOMMIT",
                # Who gives a connection back has ended its transaction.
                "pool_reset_on_return": None,
                **engine_options,
            }
        },
        "JWT_SECRET_KEY": tokens.derived_key(settings.secret_key, "access-token"),
        "JWT_ALGORITHM": "HS256",
        "JWT_ENCODE_ISSUER": tokens.ISSUER,
        "JWT_DECODE_ISSUER": tokens.ISSUER,
        "JWT_ENCODE_AUDIENCE": tokens.AUDIENCE,
        "JWT_DECODE_AUDIENCE": tokens.AUDIENCE,
        "JWT_ENCODE_NBF": False,
        "JWT_TOKEN_LOCATION": ["headers"],
        "JWT_COOKIE_CSRF_PROTECT": False,
        "JWT_DECODE_LEEWAY": timedelta(seconds=10),
        "JWT_ACCESS_TOKEN_EXPIRES": timedelta(minutes=settings.access_token_minutes),
        "API_TITLE": "NoteAssist",
        "API_VERSION": "1",
        "OPENAPI_VERSION": "3.1.0",
        "PROPAGATE_EXCEPTIONS": False,
    }


def _require_schema() -> None:
    if request.endpoint not in OPEN_WITHOUT_SCHEMA:
        schema.gate().require()


def _end_request(_error: BaseException | None) -> None:
    db.end_request()
