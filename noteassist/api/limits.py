"""Request limits, by Flask-Limiter: how often AI tools may be called and code may be run, whatever comes of it.

What a user may use of them in an hour is the quota (services/ai/quota.py), which counts answers. This limit counts
requests, so that one who is over the quota, or sends nonsense, is turned away before the database is asked. It is
kept in Redis where there is one; while Redis is away each process counts for itself.
"""

import math
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from limits import RateLimitItem, parse_many
from redis.backoff import NoBackoff
from redis.retry import Retry

from noteassist import redis_clients
from noteassist.api.errors import answer_problem
from noteassist.api.settings import current_settings
from noteassist.config import Settings
from noteassist.errors import TooManyRequests
from noteassist.redis_clients import QUICK_SECONDS
from noteassist.security.actors import Actor
from noteassist.security.guards import current_actor

TIERS = ("FREE", "BASIC", "PRO")
# Routes that ask an AI tool.
AI_ENDPOINTS = (
    "ai_tools.Generate",
    "ai_tools.Improve",
    "ai_tools.Summarize",
    "ai_tools.Code",
    "topic_ai.TopicAi",
)

# Routes that run a program.
RUN_ENDPOINTS = ("code.Run", "topic_runs.TopicRun")


KEY_PREFIX = "noteassist"
AI_SCOPE = "ai-requests"
# In the environment of a request that was counted before it came to Flask.
COUNTED = "noteassist.counted"


def caller() -> str:
    """Name whose requests are counted together."""
    return caller_name(current_actor())


def caller_name(actor: Actor) -> str:
    """Name a caller."""
    return f"user:{actor.user_id}"


def is_counted() -> bool:
    """Say whether this request was counted before it came to Flask."""
    return COUNTED in request.environ


def requests_allowed() -> str:
    """Give the limits of this request's caller in Flask-Limiter's words."""
    return requests_of(current_actor())


def requests_of(actor: Actor) -> str:
    """Give a caller's limits in Flask-Limiter's words."""
    settings = current_settings()
    hourly = settings.limit_per_hour[TIERS.index(actor.tier)]
    return f"{settings.limit_per_minute} per minute;{hourly} per hour"


@lru_cache(maxsize=64)
def _parsed(words: str) -> list[RateLimitItem]:
    return parse_many(words)


def runs_allowed() -> str:
    """Give the caller's limit of programs in Flask-Limiter's words."""
    return f"{current_settings().limit_code_runs} per minute"


class AiRequests:
    """Counts a request to an AI tool where Flask-Limiter would: for those that do not come past Flask."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        # Flask-Limiter takes another one while Redis is away, and only requests that it sees itself bring it back.
        self.usual = limiter.limiter

    def count(self, actor: Actor) -> bool:
        """Count one of this caller's requests; says whether it could be, raises TooManyRequests when it may not be."""
        if self.limiter.limiter is not self.usual:
            return False
        key = (KEY_PREFIX, caller_name(actor), AI_SCOPE)
        try:
            for limit in sorted(_parsed(requests_of(actor))):
                if not self.usual.hit(limit, *key):
                    raise _too_many(limit.amount, self.usual.get_window_stats(limit, *key).reset_time)
        except redis_clients.FAILURES:
            return False
        return True


def install_limits(app: Flask, settings: Settings) -> AiRequests | None:
    """Put limits before an application's AI routes and those that run code, unless they are switched off.

    Gives the counter for AI requests that do not come past Flask.
    """
    if not settings.ratelimit_enabled:
        return None
    limiter = Limiter(
        key_func=caller,
        app=app,
        # Exact in any window; a user has at most some thousand entries.
        strategy="moving-window",
        storage_uri=settings.redis_url or "memory://",
        storage_options=_storage_options(settings),
        in_memory_fallback_enabled=bool(settings.redis_url),
        headers_enabled=False,
        key_prefix=KEY_PREFIX,
    )
    app.register_error_handler(RateLimitExceeded, _refused(limiter))
    for endpoint in AI_ENDPOINTS:
        limited = limiter.shared_limit(
            requests_allowed, scope=AI_SCOPE, key_func=caller, exempt_when=is_counted
        )
        app.view_functions[endpoint] = cast("Any", limited(app.view_functions[endpoint]))
    for endpoint in RUN_ENDPOINTS:
        limited = limiter.shared_limit(runs_allowed, scope="code-runs", key_func=caller)
        app.view_functions[endpoint] = cast("Any", limited(app.view_functions[endpoint]))
    return AiRequests(limiter)


def _storage_options(settings: Settings) -> dict[str, Any]:
    if not settings.redis_url:
        return {}
    return {
        "socket_timeout": QUICK_SECONDS,
        "socket_connect_timeout": QUICK_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


def _refused(limiter: Limiter) -> Callable[[RateLimitExceeded], Response]:
    """Make the answer to one request too many, in our shape."""

    def answer(_error: RateLimitExceeded) -> Response:
        breached = limiter.current_limit
        if breached is None:
            return answer_problem(429, TooManyRequests.code, TooManyRequests.message)
        error = _too_many(breached.limit.amount, breached.reset_at)
        return answer_problem(429, error.code, error.detail, headers=error.headers)

    return answer


def _too_many(amount: int, reset_at: float) -> TooManyRequests:
    seconds = str(max(1, math.ceil(reset_at - time.time())))
    headers = {
        "RateLimit-Limit": str(amount),
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": seconds,
        "Retry-After": seconds,
    }
    return TooManyRequests(headers=headers)
