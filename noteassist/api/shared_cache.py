"""What is remembered for all readers alike, by Flask-Caching: in Redis where there is one, else in the process.

Values are JSON, so nothing that lies in Redis is ever run, and a Redis that is away costs the memory and no answer.
"""

import hashlib
import logging
from collections.abc import Callable
from typing import Any

import orjson
from cachelib.serializers import BaseSerializer
from flask import Flask
from flask_caching.backends import RedisCache, SimpleCache

from noteassist import redis_clients, schema
from noteassist.config import Settings
from noteassist.extensions import cache
from noteassist.redis_clients import Breaker

log = logging.getLogger(__name__)

SECONDS = 60
MOST_KEPT = 500


class JsonSerializer(BaseSerializer):
    """Writes and reads JSON where cachelib would pickle."""

    def dumps(self, value: Any, protocol: int = 0) -> bytes:
        """Write a value."""
        return orjson.dumps(value)

    def loads(self, value: bytes | None) -> Any:
        """Read a value; None where there is none, or none of ours."""
        try:
            return None if value is None else orjson.loads(value)
        except orjson.JSONDecodeError:
            return None


class JsonRedisCache(RedisCache):
    """Keeps JSON in Redis."""

    serializer = JsonSerializer()  # type: ignore[assignment]  # the same methods

    @classmethod
    def factory(cls, app: Flask, config: dict[str, Any], *_: Any) -> "JsonRedisCache":
        """Make it with our own impatient client, whatever Flask-Caching's would be."""
        client = redis_clients.quick(app.config["SETTINGS"].redis_url)
        return cls(client, key_prefix=config["CACHE_KEY_PREFIX"], default_timeout=SECONDS)


class JsonProcessCache(SimpleCache):
    """Keeps JSON in the process, so that what is read is a copy, as from Redis."""

    serializer = JsonSerializer()  # type: ignore[assignment]  # the same methods


def install_cache(app: Flask, settings: Settings) -> None:
    """Give an application its cache."""
    kind = JsonRedisCache if settings.redis_url else JsonProcessCache
    # Two instances may share a Redis, and two releases too while one is exchanged for the other.
    instance = hashlib.sha256(f"{settings.database_url}\0{settings.secret_key}".encode()).hexdigest()[:16]
    config = {
        "CACHE_TYPE": f"{kind.__module__}.{kind.__qualname__}",
        "CACHE_KEY_PREFIX": f"noteassist:shared:{instance}:{schema.known_revision()}:",
        "CACHE_DEFAULT_TIMEOUT": SECONDS,
        "CACHE_THRESHOLD": MOST_KEPT,
    }
    cache.init_app(app, config)
    app.extensions["noteassist_cache_breaker"] = Breaker()


def remembered(
    app: Flask, name: str, make: Callable[[], dict[str, Any]], is_worth_it: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Give what was made under this name within the last minute, else make it, and keep it if that is worth it."""
    found = _tried(app, lambda: cache.get(name))
    if isinstance(found, dict):
        return found
    made = make()
    if is_worth_it(made):
        _tried(app, lambda: cache.set(name, made, timeout=SECONDS))
    return made


def _tried(app: Flask, action: Callable[[], Any]) -> Any:
    """Do something with the cache; None where that is away, which is not asked again for 5 s then."""
    breaker: Breaker = app.extensions["noteassist_cache_breaker"]
    if not breaker.allows():
        return None
    try:
        return action()
    except redis_clients.FAILURES as error:
        if breaker.failed():
            log.warning("the shared cache is away: %s", type(error).__name__)
        return None
