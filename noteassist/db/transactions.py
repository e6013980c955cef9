"""Transactions: the only place that commits; and reads, inside one or by themselves."""

import logging
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Executable, PoolProxiedConnection, exc, text

from noteassist.db import prepared
from noteassist.db.model import AnyRow, db, is_postgresql
from noteassist.db.prepared import Prepared
from noteassist.errors import AppError, DatabaseUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
RETRIES = 3


@dataclass
class UnitOfWork:
    """What one transaction still has to do when it has ended."""

    has_begun: bool = False
    after_commit: list[Callable[[], object]] = field(default_factory=list)
    after_rollback: list[Callable[[], object]] = field(default_factory=list)


_unit: ContextVar[UnitOfWork | None] = ContextVar("unit_of_work", default=None)


@contextmanager
def transaction() -> Iterator[None]:
    """Run the block as one transaction: it commits at the end, and any exception rolls it back.

    Nothing is sent to the database before the first statement, so slow work that needs no row (hashing a
    password) does not hold SQLite's write lock when it comes first.
    """
    if _unit.get() is not None:
        raise RuntimeError("a transaction is already open here")
    unit = UnitOfWork()
    token = _unit.set(unit)
    try:
        yield
        if unit.has_begun:
            db.session.commit()
    except BaseException:
        _roll_back(unit)
        _unit.reset(token)
        _run_after_rollback(unit)
        raise
    _unit.reset(token)
    _run_after_commit(unit)


def _roll_back(unit: UnitOfWork) -> None:
    """Roll back; where even that fails, the connection is gone, and with it the transaction."""
    if unit.has_begun:
        try:
            db.session.rollback()
        except exc.SQLAlchemyError as error:
            log.warning("a transaction ended with its connection: %s", type(error).__name__)


def checkpoint() -> None:
    """Commit what the open transaction did so far and give its connection back; it goes on as a new one.

    For requests that wait: nobody holds a connection or a lock while nothing happens.
    """
    unit = _open_unit()
    if unit.has_begun:
        db.session.commit()
        unit.has_begun = False
    held = _held.get()
    if held is not None:
        held.release()
    done = UnitOfWork(after_commit=unit.after_commit)
    unit.after_commit, unit.after_rollback = [], []
    _run_after_commit(done)


def after_commit(action: Callable[[], object]) -> None:
    """Do something once the transaction is durable; a failure is logged, it cannot undo the commit."""
    _open_unit().after_commit.append(action)


def after_rollback(action: Callable[[], object]) -> None:
    """Do something in a transaction of its own when this one is rolled back: what a refusal must leave behind."""
    _open_unit().after_rollback.append(action)


def _open_unit() -> UnitOfWork:
    unit = _unit.get()
    if unit is None:
        raise RuntimeError("this needs an open transaction")
    return unit


def _run_after_rollback(unit: UnitOfWork) -> None:
    for action in unit.after_rollback:
        try:
            with transaction():
                action()
        except Exception:
            log.exception("an action after a rollback failed")


def _run_after_commit(unit: UnitOfWork) -> None:
    for action in unit.after_commit:
        try:
            action()
        except Exception:
            log.exception("an action after a commit failed")


def in_transaction(work: Callable[[], T]) -> T:
    """Run `work` in a transaction, again (at most 3 times) when PostgreSQL chose it as a deadlock's victim."""
    for attempt in range(1, RETRIES + 1):
        try:
            with transaction():
                return work()
        except exc.DBAPIError as error:
            if attempt == RETRIES or sqlstate(error) not in {"40001", "40P01"}:
                raise
            time.sleep(random.uniform(0.005, 0.02) * attempt)
    raise AssertionError("unreachable")


def is_in_transaction() -> bool:
    """Say whether a transaction is open here."""
    return _unit.get() is not None


def execute(statement: Executable | Prepared, parameters: Any = None) -> CursorResult[Any]:
    """Run a statement in the open transaction; raises RuntimeError when there is none."""
    _open_unit().has_begun = True
    return db.session.connection().execute(_core(statement), parameters)


def _core(statement: Executable | Prepared) -> Executable:
    return statement.statement if isinstance(statement, Prepared) else statement


def execute_first(statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[AnyRow]:
    """Run a statement that returns rows in the open transaction, or, when it is the first one, by itself.

    By itself it costs one round trip instead of three (BEGIN, statement, COMMIT), and what it does stays even if
    something fails after it: for requests whose only effect it is.
    """
    if _open_unit().has_begun or _held.get() is None:
        return execute(statement, parameters).all()
    return read_rows(statement, parameters)


def rows(statement: Executable | Prepared, parameters: Mapping[str, Any] | None = None) -> Sequence[AnyRow]:
    """Read rows: in the open transaction when there is one, else by themselves."""
    if (unit := _unit.get()) is not None:
        unit.has_begun = True
        return db.session.connection().execute(_core(statement), parameters).all()
    return read_rows(statement, parameters)


def row(statement: Executable | Prepared, parameters: Mapping[str, Any] | None = None) -> AnyRow | None:
    """Read the first row or None; see `rows`."""
    found = rows(statement, parameters)
    return found[0] if found else None


def read_rows(
    statement: Executable | Prepared, parameters: Mapping[str, Any] | None = None
) -> Sequence[AnyRow]:
    """Read rows outside of any transaction: no BEGIN and no ROLLBACK, so one round trip."""
    held = _held.get()
    if held is not None:
        return held.read(statement, parameters)
    held = HeldConnection()
    try:
        return held.read(statement, parameters)
    finally:
        held.release()


def reader() -> Engine:
    """Give the engine for reads, in AUTOCOMMIT."""
    return db.engines["reader"]


class HeldConnection:
    """A connection that all reads of one request share: taking one from the pool costs more than a read."""

    def __init__(self) -> None:
        self.pooled: PoolProxiedConnection | None = None
        self.connection: Connection | None = None

    def read(
        self, statement: Executable | Prepared, parameters: Mapping[str, Any] | None
    ) -> Sequence[AnyRow]:
        """Run a statement and give its rows; raises DBAPIError, after which the next read has a new connection."""
        try:
            if self.pooled is None:
                self.pooled = prepared.connect(reader())
            if isinstance(statement, Prepared):
                return statement.run(reader(), self.pooled, parameters or {})
            if self.connection is None:
                self.connection = Connection(reader(), self.pooled)
            return self.connection.execute(statement, parameters).all()
        except exc.DBAPIError:
            self.release()
            raise

    def release(self) -> None:
        """Give the connection back to the pool."""
        connection, pooled = self.connection, self.pooled
        self.connection = self.pooled = None
        if connection is not None:
            connection.close()
        elif pooled is not None:
            pooled.close()


_held: ContextVar[HeldConnection | None] = ContextVar("held_connection", default=None)


def begin_request() -> None:
    """Let the reads of this thread share a connection until `end_request`."""
    _held.set(HeldConnection())


def end_request() -> None:
    """Give back the connection that the reads shared."""
    held = _held.get()
    if held is not None:
        _held.set(None)
        held.release()


def is_leader(name: str) -> bool:
    """Say whether this transaction is the only one now that does what `name` says; never waits."""
    if not is_postgresql():
        return True
    lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
    return bool(execute(lock, {"name": name}).scalar_one())


def exclusive(name: str) -> None:
    """Let one transaction at a time past this point, until it ends; `name` says what is guarded."""
    # SQLite's write transactions are one at a time anyway (BEGIN IMMEDIATE).
    if is_postgresql():
        execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def sqlstate(error: BaseException) -> str | None:
    """Read PostgreSQL's error class of a failed statement."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


# Connection trouble, resources, operator intervention, time-outs and locks: the statement may work later.
_PASSING_STATES = ("08", "53", "57", "58", "55P03", "25006")


def translated(error: BaseException) -> AppError | None:
    """Turn what the driver raises when the database is away, full, locked or slow into a 503; None for the rest."""
    if isinstance(error, sqlite3.OperationalError):  # from BEGIN IMMEDIATE, which goes past SQLAlchemy
        return DatabaseUnavailable()
    if isinstance(error, exc.TimeoutError | exc.DisconnectionError):
        return DatabaseUnavailable("All database connections are busy; try again.")
    if not isinstance(error, exc.OperationalError | exc.InterfaceError | exc.InternalError):
        return None
    state = sqlstate(error)
    if state is None or state.startswith(_PASSING_STATES):
        return DatabaseUnavailable()
    return None
