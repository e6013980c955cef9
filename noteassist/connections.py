"""How connections to the two databases are made, checked and, when a server has frozen, cut."""

import logging
import select
import socket
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import orjson
import psycopg
from sqlalchemy import Engine, event, exc

from noteassist.config import Settings

log = logging.getLogger(__name__)

POOL_WAIT_SECONDS = 2
CONNECT_SECONDS = 2  # libpq takes no less
STATEMENT_SECONDS = 30
LOCK_SECONDS = 2  # for a row that another request holds; each waiting one holds a thread
SUSPICIOUS_SECONDS = 1.0
KNOCK_SECONDS = 1.0
LOOK_SECONDS = 0.25
SQLITE_BUSY_SECONDS = 5
SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])  # PostgreSQL's protocol, section Message Formats
MINIMUM_SQLITE = (3, 38, 0)  # the first with ->>; RETURNING came earlier


def engine_options(settings: Settings) -> dict[str, Any]:
    """Make SQLAlchemy's engine options: a bounded pool with a short wait, and time-outs everywhere."""
    options: dict[str, Any] = {
        "pool_size": settings.database_pool_size,
        "max_overflow": 0,
        "pool_timeout": POOL_WAIT_SECONDS,
        "pool_use_lifo": True,
        "hide_parameters": True,  # what people write must not stand in logs
        # A third of the time of the usual one, several times a request.
        "json_serializer": _to_json,
    }
    if settings.is_sqlite:
        return options | {"connect_args": {"timeout": SQLITE_BUSY_SECONDS}}
    server_settings = {
        "timezone": "UTC",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": "60s",
    }
    connect_args = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "application_name": "noteassist",
        "prepare_threshold": 2,
        "options": " ".join(f"-c {name}={value}" for name, value in server_settings.items()),
    }
    return options | {"connect_args": connect_args}


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def install(*engines: Engine) -> None:
    """Attach to the engines what their kind of database needs on each connection."""
    if engines[0].dialect.name == "sqlite":
        if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
            raise RuntimeError(f"SQLite {sqlite3.sqlite_version} is too old; 3.38 or newer is needed")
        _make_private(engines[0].url.database)
        for engine in engines:
            event.listen(engine, "connect", _configure_sqlite)
    else:
        watchdog = Watchdog()
        for engine in engines:
            event.listen(engine, "checkout", _refuse_dropped)
            watchdog.attach(engine)


def _make_private(path: str | None) -> None:
    """Make the database's file, readable by its owner alone, where it is not there yet."""
    if path and path != ":memory:":
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN comes at the first write only: a read-modify-write would lose updates silently.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _refuse_dropped(connection: psycopg.Connection, _record: object, _proxy: object) -> None:
    """Replace pooled connections that the server has closed, without the round trip of a ping.

    A connection at rest has nothing to read; one that a restarted server closed has the end of file.
    """
    waiting = select.poll()  # select() fails on descriptors over 1,023
    try:
        waiting.register(connection.fileno(), select.POLLIN)
        dropped = bool(waiting.poll(0))
    except (OSError, psycopg.Error):
        dropped = True
    if dropped:
        raise exc.InvalidatePoolError("the server closed the connection")


class Watchdog:
    """Cuts connections to a server that has frozen, so that no thread waits for it for ever.

    No time-out of libpq or of the server ends a statement on a server that is stopped but whose kernel still
    acknowledges packets. So: connections out of the pool for more than 1 s make this thread knock at the
    server's door; when nobody answers within another second, it shuts their sockets, and their threads get an
    error. Until the door is answered again, nobody else is let in to wait.
    """

    def __init__(self) -> None:
        self.busy: dict[int, tuple[psycopg.Connection, float]] = {}
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.is_frozen = False
        self.address: tuple[str, int] | None = None

    def attach(self, engine: Engine) -> None:
        """Watch an engine; the thread begins with the first connection, so a fork before that is harmless."""
        event.listen(engine, "do_connect", self._connecting)
        event.listen(engine, "checkout", self._checked_out)
        event.listen(engine, "checkin", self._checked_in)

    def _connecting(self, *_arguments: object) -> None:
        self._refuse_while_frozen()

    def _checked_out(self, connection: psycopg.Connection, record: object, _proxy: object) -> None:
        self._refuse_while_frozen()
        self.busy[id(record)] = (connection, time.monotonic())
        if self.thread is None or not self.thread.is_alive():
            self._start(connection)

    def _checked_in(self, _connection: psycopg.Connection | None, record: object) -> None:
        # The connection is None where it was invalidated; its record stays the same.
        self.busy.pop(id(record), None)

    def _refuse_while_frozen(self) -> None:
        if self.is_frozen:
            raise exc.TimeoutError("the database server does not answer")

    def _start(self, connection: psycopg.Connection) -> None:
        with self.lock:
            if self.thread is None or not self.thread.is_alive():
                self.address = (connection.info.hostaddr or connection.info.host, connection.info.port)
                self.thread = threading.Thread(target=self._watch, name="database-watchdog", daemon=True)
                self.thread.start()

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            suspects = self._suspects()
            if suspects or self.is_frozen:
                self.is_frozen = not self._server_answers()
            if self.is_frozen:
                # Only those that were waiting before the knock: others may have just been made.
                for key, entry in suspects.items():
                    if self.busy.get(key) == entry:
                        _cut(entry[0])

    def _suspects(self) -> dict[int, tuple[psycopg.Connection, float]]:
        limit = time.monotonic() - SUSPICIOUS_SECONDS
        return {key: entry for key, entry in list(self.busy.items()) if entry[1] < limit}

    def _server_answers(self) -> bool:
        """Knock with a question that every server answers with one byte.

        An SSLRequest needs no account and no free connection slot, so a full or locked server still answers. A
        door that is shut (connection refused) is an answer too: the kernel ends such connections by itself.
        """
        if self.address is None:
            return True
        try:
            with _door(*self.address) as door:
                door.settimeout(KNOCK_SECONDS)
                door.sendall(SSL_REQUEST)
                door.recv(1)
        except TimeoutError:
            return False
        except OSError:
            return True
        return True


def _door(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), KNOCK_SECONDS)
    door = socket.socket(socket.AF_UNIX)
    door.settimeout(KNOCK_SECONDS)
    door.connect(f"{host}/.s.PGSQL.{port}")
    return door


def _cut(connection: psycopg.Connection) -> None:
    log.warning("the database server does not answer: a connection is cut")
    try:
        twin = socket.socket(fileno=connection.fileno())
    except (OSError, psycopg.Error):
        return
    try:
        twin.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        twin.detach()
