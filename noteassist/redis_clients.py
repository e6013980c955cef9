"""Connections to Redis: impatient ones for requests, patient ones for workers, and a breaker between."""

import threading
import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

QUICK_SECONDS = 0.25
PATIENT_SECONDS = 10.0
OPEN_SECONDS = 5.0
POOL_SIZE = 100

# What redis-py raises when the server is away, silent, loading, read-only or full.
FAILURES = (redis.RedisError, OSError)


def quick(url: str, **options: Any) -> redis.Redis:
    """Make a client that gives up after 0.25 s and never tries twice; redis-py's own patience is a minute."""
    limits = {"socket_timeout": QUICK_SECONDS, "socket_connect_timeout": QUICK_SECONDS}
    return redis.Redis.from_url(
        url, retry=Retry(NoBackoff(), 0), max_connections=POOL_SIZE, **limits, **options
    )


def patient(url: str, seconds: float = PATIENT_SECONDS) -> redis.Redis:
    """Make a client for calls that block; `seconds` is when a silent server counts as away."""
    limits = {"socket_timeout": seconds, "socket_connect_timeout": 2.0}
    return redis.Redis.from_url(
        url, retry=Retry(NoBackoff(), 0), max_connections=POOL_SIZE, socket_keepalive=True, **limits
    )


class Breaker:
    """Remembers for 5 s that Redis did not answer, so that not every request finds out by waiting."""

    def __init__(self, seconds: float = OPEN_SECONDS) -> None:
        self.seconds = seconds
        self.lock = threading.Lock()
        self.open_until = 0.0

    def allows(self) -> bool:
        """Say whether to try."""
        return time.monotonic() >= self.open_until

    def failed(self) -> bool:
        """Note a failure; says whether it is the first of this outage."""
        with self.lock:
            is_news = time.monotonic() >= self.open_until
            self.open_until = time.monotonic() + self.seconds
        return is_news
