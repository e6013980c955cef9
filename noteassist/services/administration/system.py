"""How the server is, part by part: figures for administrators, and neither hosts nor secrets."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rq import Worker
from sqlalchemy import func, select, text

from noteassist import bells, db, redis_clients, schema
from noteassist.config import Settings
from noteassist.models import Task
from noteassist.services.ai.gates import gate_of
from noteassist.services.ai.providers import chain_of
from noteassist.services.drive.connections import is_away
from noteassist.services.sandbox.languages import LANGUAGES
from noteassist.services.sandbox.programs import sandbox_state
from noteassist.services.tasks.upkeep import count_due, count_under_way, longest_wait

DAY_HOURS = 24
PACKAGES = ("flask", "sqlalchemy", "granian", "rq", "redis")
_SINCE = """\
SELECT count(*) FROM tasks WHERE status = 'failed' AND finished_at >= {since}"""
_DATABASE = {
    "postgresql": "SELECT current_setting('server_version') AS version,"
    " pg_database_size(current_database()) AS size,"
    " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections",
    "sqlite": "SELECT sqlite_version() AS version,"
    " (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size) AS size,"
    " 1 AS connections",
}


def read_system_stats(settings: Settings) -> dict[str, Any]:
    """Tell how each part of the server is now."""
    redis = _redis_figures(settings)
    tasks = _tasks()
    return {
        "database": _database(settings),
        "cache": {
            "kind": "redis" if settings.redis_url else "process",
            "state": _redis_state(settings.redis_url),
        },
        "queue": {
            "kind": "redis" if settings.queue_redis_url else "process",
            "state": redis["state"],
            **tasks,
        },
        "workers": _workers(settings, redis),
        "sandbox": {"state": sandbox_state(settings), "languages": sorted(LANGUAGES)},
        "providers": _providers(settings),
        "drive": {"state": _drive_state(settings)},
        "versions": _versions(),
    }


def _database(settings: Settings) -> dict[str, Any]:
    kind = "sqlite" if settings.is_sqlite else "postgresql"
    found = db.rows(text(_DATABASE[kind]))[0]
    return {
        "kind": kind,
        "state": "ok",
        "version": str(found.version).partition(" ")[0],
        "size_bytes": int(found.size),
        "connections": int(found.connections),
        "schema": schema.database_revision(),
    }


def _redis_state(url: str) -> str:
    if not url:
        return "off"
    try:
        with redis_clients.quick(url) as client:
            client.ping()
    except redis_clients.FAILURES:
        return "unavailable"
    return "ok"


def _redis_figures(settings: Settings) -> dict[str, Any]:
    """Ask the queue's Redis for its bells and workers."""
    if not settings.queue_redis_url:
        return {"state": "off", "bells": 0, "workers": 0}
    try:
        with redis_clients.quick(settings.queue_redis_url) as client:
            queue = bells.queue_of(client)
            return {"state": "ok", "bells": len(queue), "workers": len(Worker.all_keys(connection=client))}
    except redis_clients.FAILURES:
        return {"state": "unavailable", "bells": 0, "workers": 0}


def _tasks() -> dict[str, Any]:
    queued, running = count_under_way()
    return {
        "queued": queued,
        "running": running,
        "due": count_due(),
        "longest_wait_seconds": round(longest_wait(), 1),
        "failed_last_24_hours": int(db.rows(_failed(), {"ago": -DAY_HOURS * 3600})[0][0]),
    }


@db.per_database
def _failed() -> Any:
    return text(_SINCE.format(since=db.clock("ago")))


def _workers(settings: Settings, redis: dict[str, Any]) -> dict[str, Any]:
    busy = select(func.count(func.distinct(Task.worker))).where(Task.status == "running")
    is_apart = bool(settings.queue_redis_url)
    return {
        "kind": "processes" if is_apart else "embedded",
        "slots": redis["workers"] if is_apart else settings.worker_threads,
        "busy_processes": int(db.rows(busy)[0][0]),
        "bells": redis["bells"],
    }


def _providers(settings: Settings) -> list[dict[str, Any]]:
    shown = []
    for link in chain_of(settings):
        gate = gate_of(link)
        shown.append(
            {
                "provider": link.provider,
                "model": link.model,
                "state": "ok" if gate.seconds == 0 else "unavailable",
                "reason": gate.reason,
                "failures": gate.failures,
                "opens_in_seconds": round(gate.seconds, 1),
            }
        )
    return shown


def _drive_state(settings: Settings) -> str:
    if not settings.has_drive:
        return "not configured"
    return "unavailable" if is_away() else "ok"


def _versions() -> dict[str, str]:
    return {"noteassist": _version("noteassist"), "python": platform.python_version()} | {
        name: _version(name) for name in PACKAGES
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
