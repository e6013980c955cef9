"""Transactions: the only place that commits; and reads, inside one or by themselves."""

import logging
import random
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable, exc, text

from noteassist.db.held import HeldConnection
from noteassist.db.model import AnyRow, is_postgresql
from noteassist.db.prepared import Prepared
from noteassist.errors import AppError, DatabaseUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
RETRIES = 3


@dataclass
class UnitOfWork:
    """One transaction: the connection it runs on, and what is still to do when it has ended."""

    connection: HeldConnection
    before_commit: dict[Hashable, Callable[[], object]] = field(default_factory=dict)
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
    held = _held.get()
    unit = UnitOfWork(held or HeldConnection())
    token = _unit.set(unit)
    try:
        yield
        _commit(unit)
    except BaseException:
        unit.connection.rollback()
        _end(unit, token, is_own=held is None)
        _run_after_rollback(unit)
        raise
    _end(unit, token, is_own=held is None)
    _run_after_commit(unit)


def _commit(unit: UnitOfWork) -> None:
    if unit.connection.is_in_transaction:
        actions, unit.before_commit = unit.before_commit, {}
        for action in actions.values():
            action()
        unit.connection.commit()


def _end(unit: UnitOfWork, token: Token[UnitOfWork | None], *, is_own: bool) -> None:
    _unit.reset(token)
    if is_own:
        unit.connection.release()


def checkpoint() -> None:
    """Commit what the open transaction did so far and give its connection back; it goes on as a new one.

    For requests that wait: nobody holds a connection or a lock while nothing happens.
    """
    unit = _open_unit()
    _commit(unit)
    unit.connection.release()
    done = UnitOfWork(unit.connection, after_commit=unit.after_commit)
    unit.after_commit, unit.after_rollback = [], []
    _run_after_commit(done)


def before_commit(name: Hashable, action: Callable[[], object]) -> None:
    """Do something as the last thing of the transaction, once for each name; a failure rolls it back."""
    _open_unit().before_commit[name] = action


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
        do_afterwards(action)


def do_afterwards(action: Callable[[], object]) -> None:
    """Do something now that a commit is done; a failure is logged, it cannot undo the commit."""
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
    return _begun(_open_unit()).execute(statement, parameters)


def _begun(unit: UnitOfWork) -> HeldConnection:
    """Give the connection of a transaction, which begins with its first statement."""
    if not unit.connection.is_in_transaction:
        unit.connection.begin()
    return unit.connection


def execute_first(statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[AnyRow]:
    """Run a statement that returns rows in the open transaction, or, when it is a request's first one, by itself.

    By itself it costs one round trip instead of three (BEGIN, statement, COMMIT), and what it does stays even if
    something fails after it: for requests whose only effect it is.
    """
    unit = _open_unit()
    is_first = not unit.connection.is_in_transaction and _held.get() is not None
    return (unit.connection if is_first else _begun(unit)).rows(statement, parameters)


def execute_alone(statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[AnyRow]:
    """Run a statement that returns rows as a transaction of its own; raises RuntimeError inside of another one."""
    if _unit.get() is not None:
        raise RuntimeError("a transaction is already open here")
    return read_rows(statement, parameters)


def rows(statement: Executable | Prepared, parameters: Mapping[str, Any] | None = None) -> Sequence[AnyRow]:
    """Read rows: in the open transaction when there is one, else by themselves."""
    unit = _unit.get()
    return read_rows(statement, parameters) if unit is None else _begun(unit).rows(statement, parameters)


def row(statement: Executable | Prepared, parameters: Mapping[str, Any] | None = None) -> AnyRow | None:
    """Read the first row or None; see `rows`."""
    found = rows(statement, parameters)
    return found[0] if found else None


def read_rows(
    statement: Executable | Prepared, parameters: Mapping[str, Any] | None = None
) -> Sequence[AnyRow]:
    """Read rows without beginning a transaction: no BEGIN and no COMMIT, so one round trip.

    Where one has begun already, this reads within it: nobody has two connections at a time.
    """
    unit = _unit.get()
    held = unit.connection if unit is not None else _held.get()
    if held is not None:
        return held.rows(statement, parameters)
    held = HeldConnection()
    try:
        return held.rows(statement, parameters)
    finally:
        held.release()


_held: ContextVar[HeldConnection | None] = ContextVar("held_connection", default=None)


def begin_request() -> None:
    """Let all statements of this thread share a connection until `end_request`."""
    _held.set(HeldConnection())


def end_request() -> None:
    """Give back the connection that they shared."""
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


_NO_ROOM_STATE = "53100"
_NO_ROOM_NAMES = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE"})


def is_out_of_room(error: BaseException) -> bool:
    """Say whether a statement failed because a database had no room; a driver's own error will do as well."""
    name = getattr(getattr(error, "orig", error), "sqlite_errorname", "")
    return sqlstate(error) == _NO_ROOM_STATE or name in _NO_ROOM_NAMES


# Connection trouble, resources, operator intervention, time-outs and locks: the statement may work later.
_PASSING_STATES = ("08", "53", "57", "58", "55P03", "25006")


def translated(error: BaseException) -> AppError | None:
    """Turn what the driver raises when the database is away, full, locked or slow into a 503; None for the rest."""
    if isinstance(error, exc.TimeoutError | exc.DisconnectionError):
        return DatabaseUnavailable("All database connections are busy; try again.")
    if not isinstance(error, exc.OperationalError | exc.InterfaceError | exc.InternalError):
        return None
    state = sqlstate(error)
    if state is None or state.startswith(_PASSING_STATES):
        return DatabaseUnavailable()
    return None
