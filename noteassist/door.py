"""The front door, before all else: request ids, CORS, slots, and the headers of every answer."""

import ipaddress
import re
import secrets
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import orjson

from noteassist import observing
from noteassist.bodies import METHODS_WITHOUT_BODY, REFUSAL, gate_body, is_large, is_small
from noteassist.config import Network, Settings
from noteassist.errors import (
    PROBLEM_MEDIA_TYPE,
    AppError,
    BodyTooSlow,
    problem,
)
from noteassist.front import Front
from noteassist.slots import Slot, Slots
from noteassist.slow_bodies import OTHER_BODIES, SMALL_BODIES

API_VERSION = "1"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
EXPOSED_HEADERS = (
    "API-Version, Content-Disposition, ETag, Idempotent-Replayed, Location, Preference-Applied, "
    "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-ID"
)
ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, "
    "X-API-Key, X-Request-ID"
)
CSP_HEADER = (
    "Content-Security-Policy",
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
)

# Headers that say more when they come twice.
REPEATABLE = frozenset({"vary"})

# Answered even while every slot is taken, by the threads that the server has beyond its slots.
HEALTH_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
SLOT_SECONDS = 0.5

# Where granian's own way to answer a request is found (`server.show_protocol`), and what it takes the answer from.
PROTOCOL = "granian.protocol"
RESPONSE = "granian.response"

Headers = list[tuple[str, str]]


class FrontDoor:
    """A WSGI application around Flask's; what it refuses never reaches a view.

    Of the server's threads, WEB_THREADS at a time are inside the application. Whoever waits half a second for that
    is refused, and health does not need it: a database that holds things up does not make the server look dead.
    Bodies are read before, so many that slow clients keep nobody out; who comes when all are taken is refused at once.
    """

    def __init__(self, application: WSGIApplication, settings: Settings, front: Front | None) -> None:
        """Stand before an application; `front` answers what it knows without it."""
        self.application = application
        self.front = front
        self.origins = frozenset(settings.cors_origins)
        self.proxies = settings.trusted_proxies
        self.is_logged = settings.access_log
        self.small_bodies = Slots(SMALL_BODIES)
        self.other_bodies = Slots(OTHER_BODIES)
        self.workers = Slots(settings.web_threads)
        # Each upload may hold several times its size in memory.
        self.uploads = Slots(max(2, settings.web_threads // 4))
        self.headers: Headers = [
            ("API-Version", API_VERSION),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "cross-origin" if self.origins else "same-origin"),
        ]
        if settings.is_https:
            self.headers.append(("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        begun = time.perf_counter()
        environ[RESPONSE] = start_response
        given_id = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given_id if REQUEST_ID.fullmatch(given_id) else secrets.token_hex(16)
        environ["noteassist.request_id"] = request_id
        environ["noteassist.client"] = client_address(environ, self.proxies)
        own_headers = [*self.headers, ("X-Request-ID", request_id), *self._cors_headers(environ)]

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            environ["noteassist.status"] = status[:3]
            names = {name.lower() for name, _ in headers}
            if "content-security-policy" not in names:
                headers.append(CSP_HEADER)
            # A page may say otherwise: of two answers to one question a browser would take the last.
            usual = [header for header in own_headers if header[0].lower() not in names - REPEATABLE]
            return start_response(status, [*headers, *usual], exc_info)

        try:
            ready = None if self.front is None else self.front.answer(environ)
            if ready is not None:
                environ["noteassist.status"] = ready.status[:3]
                start_response(ready.status, [*ready.headers, CSP_HEADER, *own_headers])
                return ready.body
            observing.begin_request(environ)
            return self._answer(environ, start)
        except AppError as error:
            return _refusal(environ, error, start)
        finally:
            observing.end_request(environ, begun, is_logged=self.is_logged)

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            return self._preflight(environ, start)
        with Slot(self.uploads, SLOT_SECONDS, is_free=not is_large(environ)):
            return self._admit(environ, start)

    def _admit(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in METHODS_WITHOUT_BODY and PROTOCOL in environ:
            environ[REFUSAL] = EarlyRefusal(environ, start)
        bodies = self.small_bodies if is_small(environ) else self.other_bodies
        with Slot(bodies, 0, is_free=environ["REQUEST_METHOD"] in METHODS_WITHOUT_BODY):
            gate_body(environ)
        with Slot(self.workers, SLOT_SECONDS, is_free=environ["PATH_INFO"] in HEALTH_PATHS) as slot:
            environ["noteassist.leave_slot"] = slot.leave
            return self.application(environ, start)

    def _cors_headers(self, environ: WSGIEnvironment) -> Headers:
        if not self.origins:
            return []
        headers = [("Vary", "Origin")]
        origin = environ.get("HTTP_ORIGIN", "")
        if origin in self.origins:
            headers.append(("Access-Control-Allow-Origin", origin))
            headers.append(("Access-Control-Expose-Headers", EXPOSED_HEADERS))
        return headers

    def _preflight(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        headers = []
        if environ.get("HTTP_ORIGIN", "") in self.origins:
            headers = [
                ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE"),
                ("Access-Control-Allow-Headers", ALLOWED_HEADERS),
                ("Access-Control-Max-Age", "600"),
            ]
        start("204 No Content", headers)
        return []


class EarlyRefusal:
    """Tells a client, in the place of the thread that still reads, that its body came too slowly (granian)."""

    def __init__(self, environ: WSGIEnvironment, start: StartResponse) -> None:
        self.environ = environ
        self.start = start
        self.address = str(environ["REMOTE_ADDR"])
        self.port = int(environ["SERVER_PORT"])

    def answer(self) -> bool:
        """Answer; what the thread says after that is heard by nobody."""
        body = b"".join(_refusal(self.environ, BodyTooSlow(), self.start))
        response = self.environ[RESPONSE]
        self.environ[PROTOCOL].response_bytes(response.status, response.headers, body)
        return True


def client_address(environ: WSGIEnvironment, proxies: tuple[Network, ...]) -> str:
    """Give the caller's address: the last one in X-Forwarded-For that no trusted proxy wrote."""
    address = str(environ.get("REMOTE_ADDR", ""))
    hops = [hop.strip() for hop in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    while hops and _is_trusted(address, proxies):
        candidate = hops.pop()
        try:
            address = str(ipaddress.ip_address(candidate))
        except ValueError:
            break
    return address


def _is_trusted(address: str, proxies: tuple[Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed.version == network.version and parsed in network for network in proxies)


def _refusal(environ: WSGIEnvironment, error: AppError, start: StartResponse) -> Iterable[bytes]:
    body = problem(error.status, error.code, error.detail, environ["noteassist.request_id"], error.errors)
    content = orjson.dumps(body | dict(error.extra))
    headers = [
        ("Content-Type", PROBLEM_MEDIA_TYPE),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "no-store"),
        ("Vary", "Accept-Encoding"),
    ]
    start(f"{error.status} {HTTPStatus(error.status).phrase}", [*headers, *error.headers.items()])
    return [content]
