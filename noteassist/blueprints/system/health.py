"""What the server depends on, and how each part is."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late

import redis
from flask import Flask, current_app
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError

from noteassist import schema
from noteassist.config import Settings

PATIENCE_SECONDS = 1.5
REDIS_SECONDS = 0.25


class DatabaseCheck:
    """Asks the database in a thread of its own: a frozen server must not keep the health route waiting."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self.lock = threading.Lock()
        self.running: Future[str] | None = None

    def state(self, app: Flask) -> str:
        """Say `ok`, `unknown schema` or `unavailable`, within 1.5 s."""
        with self.lock:
            if self.running is None or self.running.done():
                self.running = self.executor.submit(_ask_database, app)
            running = self.running
        try:
            return running.result(PATIENCE_SECONDS)
        except Late:
            return "unavailable"


def _ask_database(app: Flask) -> str:
    with app.app_context():
        try:
            found = schema.database_revision()
        except SQLAlchemyError:
            return "unavailable"
        return "ok" if found == schema.known_revision() else "unknown schema"


_database = DatabaseCheck()


def parts_of_the_server(settings: Settings) -> dict[str, str]:
    """Tell the state of each part by its role: `ok`, `off`, `unavailable` (or `unknown schema`)."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # the documented way
    return {"database": _database.state(app), "queue": _redis_state(settings)}


def _redis_state(settings: Settings) -> str:
    if not settings.redis_url:
        return "off"
    limits = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS}
    client = redis.Redis.from_url(settings.redis_url, retry=Retry(NoBackoff(), 0), **limits)
    try:
        client.ping()
    except redis.RedisError:
        return "unavailable"
    finally:
        client.close()
    return "ok"
