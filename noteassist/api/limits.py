"""Request limits, by Flask-Limiter: how often AI tools may be called and code may be run, whatever comes of it.

What a user may use of them in an hour is the quota (services/ai/quota.py), which counts answers. This limit counts
requests, so that one who is over the quota, or sends nonsense, is turned away before the database is asked. It is
kept in Redis where there is one; while Redis is away each process counts for itself.
"""

import math
import time
from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Response
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from redis.backoff import NoBackoff
from redis.retry import Retry

from noteassist.api.errors import answer_problem
from noteassist.api.settings import current_settings
from noteassist.config import Settings
from noteassist.errors import TooManyRequests
from noteassist.redis_clients import QUICK_SECONDS
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


def caller() -> str:
    """Name whose requests are counted together."""
    return f"user:{current_actor().user_id}"


def requests_allowed() -> str:
    """Give the caller's limits in Flask-Limiter's words."""
    settings = current_settings()
    hourly = settings.limit_per_hour[TIERS.index(current_actor().tier)]
    return f"{settings.limit_per_minute} per minute;{hourly} per hour"


def runs_allowed() -> str:
    """Give the caller's limit of programs in Flask-Limiter's words."""
    return f"{current_settings().limit_code_runs} per minute"


def install_limits(app: Flask, settings: Settings) -> None:
    """Put limits before an application's AI routes and those that run code, unless they are switched off."""
    if not settings.ratelimit_enabled:
        return
    limiter = Limiter(
        key_func=caller,
        app=app,
        # Exact in any window; a user has at most some thousand entries.
        strategy="moving-window",
        storage_uri=settings.redis_url or "memory://",
        storage_options=_storage_options(settings),
        in_memory_fallback_enabled=bool(settings.redis_url),
        headers_enabled=False,
        key_prefix="noteassist",
    )
    app.register_error_handler(RateLimitExceeded, _refused(limiter))
    for endpoint in AI_ENDPOINTS:
        limited = limiter.shared_limit(requests_allowed, scope="ai-requests", key_func=caller)
        app.view_functions[endpoint] = cast("Any", limited(app.view_functions[endpoint]))
    for endpoint in RUN_ENDPOINTS:
        limited = limiter.shared_limit(runs_allowed, scope="code-runs", key_func=caller)
        app.view_functions[endpoint] = cast("Any", limited(app.view_functions[endpoint]))


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
        seconds = str(max(1, math.ceil(breached.reset_at - time.time())))
        headers = {
            "RateLimit-Limit": str(breached.limit.amount),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": seconds,
            "Retry-After": seconds,
        }
        return answer_problem(429, TooManyRequests.code, TooManyRequests.message, headers=headers)

    return answer
