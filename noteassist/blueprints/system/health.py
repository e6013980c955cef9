"""What the server depends on, and how each part is."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from noteassist import redis_clients, schema
from noteassist.config import Settings
from noteassist.services.ai.gates import is_open
from noteassist.services.ai.providers import chain_of
from noteassist.services.drive.connections import is_away
from noteassist.services.sandbox.programs import sandbox_state
from noteassist.services.tasks.upkeep import longest_wait

PATIENCE_SECONDS = 1.5
# A task that is due and waits longer than this says that nobody works, or too few do.
LONGEST_WAIT_SECONDS = 30.0


Parts = dict[str, str]
AWAY: Parts = {"database": "unavailable"}


class DatabaseCheck:
    """Asks the database in a thread of its own: a frozen server must not keep the health route waiting."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self.lock = threading.Lock()
        self.running: Future[Parts] | None = None

    def state(self, app: Flask) -> Parts:
        """Tell the state of the database and of what is known there, within 1.5 s."""
        with self.lock:
            if self.running is None or self.running.done():
                self.running = self.executor.submit(_ask_database, app)
            running = self.running
        try:
            return running.result(PATIENCE_SECONDS)
        except Late:
            return AWAY


def _ask_database(app: Flask) -> Parts:
    with app.app_context():
        try:
            if schema.database_revision() != schema.known_revision():
                return {"database": "unknown schema"}
            waits = longest_wait()
            return {
                "database": "ok",
                "tasks": "unavailable" if waits > LONGEST_WAIT_SECONDS else "ok",
                "ai": _ai_state(app.config["SETTINGS"]),
                "drive": _drive_state(app.config["SETTINGS"]),
            }
        except SQLAlchemyError:
            return AWAY


def _ai_state(settings: Settings) -> str:
    chain = chain_of(settings)
    if not chain:
        return "off"
    return "ok" if any(is_open(link) for link in chain) else "unavailable"


def _drive_state(settings: Settings) -> str:
    if not settings.has_drive:
        return "not configured"
    return "unavailable" if is_away() else "ok"


_database = DatabaseCheck()


def parts_of_the_server(settings: Settings) -> Parts:
    """Tell the state of each part by its role: `ok`, `off`, `not configured`, `unavailable`.

    (The database may have an `unknown schema`; the sandbox is `checking` until it was probed.)
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # the documented way
    return _database.state(app) | {"queue": _redis_state(settings), "sandbox": sandbox_state(settings)}


def _redis_state(settings: Settings) -> str:
    if not settings.queue_redis_url:
        return "off"
    try:
        with redis_clients.quick(settings.queue_redis_url) as client:
            client.ping()
    except redis_clients.FAILURES:
        return "unavailable"
    return "ok"
