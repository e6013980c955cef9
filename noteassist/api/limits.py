"""Request limits: how often anybody may ask, whatever comes of it.

Signed-in requests are counted here, all windows of the caller in one round trip. Flask-Limiter's own counting would
take several, and a millisecond of processor time with them; it serves routes without a caller, by the same counter
(docs/adr/0031-one-round-trip-for-all-limits.md). What a user may use of the AI tools in an hour is the quota
(services/ai/quota.py), which counts answers.
"""

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, cast

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from limits.storage import MovingWindowSupport, Storage

from noteassist import metrics
from noteassist.api.errors import answer_problem
from noteassist.config import Settings
from noteassist.errors import TooManyRequests
from noteassist.limiting import Allowance, Counter, Verdict, Window
from noteassist.redis_scripts import Scripts
from noteassist.security import events, guards
from noteassist.security.actors import Actor
from noteassist.services.accounts import normalized_email

TIERS = ("FREE", "BASIC", "PRO")
MINUTE, HOUR, DAY = 60, 3600, 86400
SIGN_IN_SECONDS = 15 * MINUTE

# Routes that run a program.
RUN_ENDPOINTS = frozenset({"code.Run", "topic_runs.TopicRun"})
# Calls that ask for the password once more: whoever has stolen a session must not find it out by trying.
PASSWORD_CALLS = frozenset(
    {
        ("DELETE", "profile.Me"),
        ("POST", "account.ChangeEmail"),
        ("POST", "account.ChangePassword"),
        ("POST", "two_factor.Disable"),
    }
)
# Routes without any limit: probes that come every few seconds, and files whose bytes never change.
EXEMPT_ENDPOINTS = frozenset(
    {
        "system.health",
        "system.readiness",
        "system.metrics",
        "system.page_file",
        "console_door.style",
        "console_door.queue_style",
        "rq_dashboard.static",
    }
)
# In the environment of a request that was counted before it came to Flask.
COUNTED = "noteassist.counted"


class RequestLimits:
    """The limits of an application."""

    def __init__(self, settings: Settings, scripts: Scripts | None = None) -> None:
        self.settings = settings
        self.counter = Counter(scripts, settings.web_processes)

    def count(self, actor: Actor, *, is_run: bool = False, is_try: bool = False) -> Allowance:
        """Count one of this caller's requests: `is_run` of a program, `is_try` of the password.

        Raises TooManyRequests when it may not be made.
        """
        windows, user, settings = self.windows_of(actor), f"limits:{{u{actor.user_id}}}", self.settings
        if is_run:
            windows.append(Window("code_runs", f"{user}:runs", settings.limit_code_runs, MINUTE))
        if is_try:
            windows.append(Window("password", f"{user}:password", settings.limit_sign_in, SIGN_IN_SECONDS))
        return self._taken(windows, user_id=actor.user_id)

    def windows_of(self, actor: Actor) -> list[Window]:
        """List what a caller's requests are counted in; all keys of one user share a hash tag.

        The minute is the user's, however they come. Beyond that an API key has figures of its own.
        """
        if actor.key is None:
            return self.session_windows(actor.user_id, actor.tier)
        user = f"limits:{{u{actor.user_id}}}"
        key = f"{user}:key:{actor.key.key_id}"
        return [
            self._minute(user),
            Window("key_hour", f"{key}:hour", actor.key.requests_per_hour, HOUR),
            Window("key_day", f"{key}:day", actor.key.requests_per_day, DAY),
        ]

    def session_windows(self, user_id: int, tier: str) -> list[Window]:
        """List what is counted of a caller who came with a token."""
        user, hourly = f"limits:{{u{user_id}}}", self.settings.limit_per_hour[TIERS.index(tier)]
        return [self._minute(user), Window("user_hour", f"{user}:hour", hourly, HOUR)]

    def _minute(self, user: str) -> Window:
        return Window("user_minute", f"{user}:minute", self.settings.limit_per_minute, MINUTE)

    def count_sign_in(self, email: str) -> Allowance:
        """Count a try to sign in to an account, whether or not there is one; raises TooManyRequests.

        Tries that succeed count as well: so an answer that comes too late tells nothing.
        """
        # A digest: addresses of people have no business in Redis.
        name = hashlib.sha256(normalized_email(email).encode()).hexdigest()[:32]
        window = Window("sign_in", f"limits:{{e{name}}}", self.settings.limit_sign_in, SIGN_IN_SECONDS)
        return self._taken([window])

    def take(self, windows: Sequence[Window], **about: Any) -> tuple[bool, Allowance]:
        """Count a request; says whether it may be made, and what is left."""
        verdict = self.counter.count(windows)
        if not verdict.is_allowed:
            _note_refusal(verdict, about)
        return verdict.is_allowed, verdict.allowance

    def admitted(self, verdict: Verdict, **about: Any) -> Allowance:
        """Give what is left after a request that was counted; raises TooManyRequests when it may not be made."""
        if not verdict.is_allowed:
            _note_refusal(verdict, about)
            raise too_many(verdict.allowance)
        return verdict.allowance

    def _taken(self, windows: Sequence[Window], **about: Any) -> Allowance:
        return self.admitted(self.counter.count(windows), **about)


def _note_refusal(verdict: Verdict, about: Mapping[str, Any]) -> None:
    name = verdict.allowance.window.name
    metrics.LIMITS_HIT.labels(name).inc()
    events.limit_hit(name, **about)


def too_many(allowance: Allowance) -> TooManyRequests:
    """Make the refusal of a request, which says when to come back."""
    return TooManyRequests(headers=allowance.headers | {"Retry-After": str(allowance.reset)})


class CounterStorage(Storage, MovingWindowSupport):
    """Lets Flask-Limiter count where everything is counted. Only what a moving window needs is there."""

    STORAGE_SCHEME = ["noteassist"]  # noqa: RUF012  # as the library wants it

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions)
        self.limits: RequestLimits = options["request_limits"]

    @property
    def base_exceptions(self) -> type[Exception]:
        """Name what could go wrong, if anything could."""
        return OSError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count a request; what is left is remembered for its answer."""
        is_allowed, g.allowance = self.limits.take([Window("address", key, limit, expiry)])
        return is_allowed

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Say nothing: answers are told by the allowance."""
        return 0.0, 0

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Refuse; it is for other strategies."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Refuse; it is for other strategies."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Refuse; it is for other strategies."""
        raise NotImplementedError

    def check(self) -> bool:
        """Say that counting goes on, which it always does."""
        return True

    def reset(self) -> int | None:
        """Forget nothing: limits are not taken back."""
        return None

    def clear(self, key: str) -> None:
        """Forget nothing: limits are not taken back."""


class AddressLimiter(Limiter):
    """Flask-Limiter for the routes that are marked, and at no cost for the others."""

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        """Look at marked routes only: looking at every request takes a sixth of a list's processor time."""
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


def install_limits(app: Flask, settings: Settings, limits: RequestLimits | None) -> None:
    """Put limits before all routes of an application, unless they are switched off."""
    app.extensions["noteassist_limits"] = limits
    if limits is None:
        return
    app.after_request(_tell)
    limiter = AddressLimiter(
        key_func=caller_address,
        app=app,
        strategy="moving-window",
        storage_uri="noteassist://",
        storage_options=cast("Any", {"request_limits": limits}),
        headers_enabled=False,
        key_prefix="limits",
    )
    app.register_error_handler(RateLimitExceeded, _refused)
    for endpoint in anonymous_endpoints(app):
        view = app.view_functions[endpoint]
        # A second path to the same view is no second chance.
        scope = getattr(view, "view_class", view).__qualname__
        limited = limiter.shared_limit(f"{settings.limit_anonymous} per hour", scope=scope)
        app.view_functions[endpoint] = cast("Any", limited(view))


def anonymous_endpoints(app: Flask) -> list[str]:
    """List the endpoints that anybody may call and that have a limit by address."""
    open_blueprints = {
        name
        for name, blueprint in app.blueprints.items()
        if getattr(blueprint, "guard", None) is guards.anyone
    }
    return sorted(
        endpoint
        for endpoint in app.view_functions
        if endpoint.rpartition(".")[0] in open_blueprints and endpoint not in EXEMPT_ENDPOINTS
    )


def count_request() -> None:
    """Count a request of the caller that the guard let in; raises TooManyRequests."""
    limits = current_limits()
    actor = g.get("actor")
    if limits is None or actor is None or request.endpoint in EXEMPT_ENDPOINTS:
        return
    counted = request.environ.get(COUNTED)
    is_run = request.endpoint in RUN_ENDPOINTS
    is_try = (request.method, request.endpoint) in PASSWORD_CALLS
    g.allowance = counted or limits.count(actor, is_run=is_run, is_try=is_try)


def count_sign_in(email: str) -> None:
    """Count a try to sign in with this address, from anywhere; raises TooManyRequests.

    Whatever checks a password calls this first.
    """
    limits = current_limits()
    if limits is None:
        return
    allowance = limits.count_sign_in(email)
    if "allowance" not in g or allowance.remaining < g.allowance.remaining:
        g.allowance = allowance


def current_limits() -> RequestLimits | None:
    """Give the limits of the current application; None where they are switched off."""
    return cast("RequestLimits | None", current_app.extensions["noteassist_limits"])


def caller_address() -> str:
    """Name the network that a request comes from: an IPv4 address, or 64 bits of IPv6, which one household has."""
    return network_of(request.environ.get("noteassist.client", ""))


def network_of(address: str) -> str:
    """Name the network of an address; whatever is no address shares one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))


def _tell(response: Response) -> Response:
    """Say what is left, unless the route has said so of something narrower."""
    allowance = g.get("allowance")
    if allowance is not None and "RateLimit-Limit" not in response.headers:
        response.headers.extend(allowance.headers)
    return response


def _refused(_error: RateLimitExceeded) -> Response:
    """Make the answer to one request too many of Flask-Limiter's, in our shape."""
    error = too_many(g.allowance)
    return answer_problem(error.status, error.code, error.detail, headers=error.headers)
