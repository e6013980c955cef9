"""The database: model base and types, connections, and the only place that commits.

PostgreSQL and SQLite differ in this file, in connections.py and in migrations, and nowhere else.
"""

import logging
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import orjson
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    Executable,
    Integer,
    MetaData,
    Row,
    Select,
    Table,
    Text,
    TypeDecorator,
    column,
    exc,
    func,
    select,
    text,
)
from sqlalchemy import (
    cast as sql_cast,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.type_api import TypeEngine

from noteassist.errors import AppError, DatabaseUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]
RETRIES = 3

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """What every model is."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, disable_autonaming=True)

Id = BigInteger().with_variant(Integer, "sqlite")
# Both databases then sort and compare by code point, whatever the locale of the server.
Sortable = Text().with_variant(Text(collation="C"), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC; refuses naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bring a value to UTC; raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone")
        return value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Make SQLite's naive values aware; PostgreSQL's come aware, at no cost, from a session in UTC."""
        if dialect.name == "postgresql":
            return None
        parse = cast("TypeEngine[datetime]", self.impl_instance).result_processor(dialect, coltype)

        def aware(value: Any) -> datetime | None:
            found = parse(value) if parse else value
            return None if found is None else found.replace(tzinfo=UTC)

        return aware


def utcnow() -> datetime:
    """Tell the time, aware and in UTC."""
    return datetime.now(UTC)


@dataclass
class UnitOfWork:
    """What one transaction still has to do when it has ended."""

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
        db.session.commit()
    except BaseException:
        db.session.rollback()
        _unit.reset(token)
        _run_after_rollback(unit)
        raise
    _unit.reset(token)
    _run_after_commit(unit)


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


def execute(statement: Executable, parameters: Any = None) -> CursorResult[Any]:
    """Run a statement in the open transaction; raises RuntimeError when there is none."""
    _open_unit()
    return db.session.connection().execute(statement, parameters)


def rows(statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[AnyRow]:
    """Read rows: in the open transaction when there is one, else by themselves."""
    if _unit.get() is not None:
        return db.session.connection().execute(statement, parameters).all()
    return read_rows(statement, parameters)


def row(statement: Executable, parameters: Mapping[str, Any] | None = None) -> AnyRow | None:
    """Read the first row or None; see `rows`."""
    found = rows(statement, parameters)
    return found[0] if found else None


def read_rows(statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[AnyRow]:
    """Read rows outside of any transaction: no BEGIN and no ROLLBACK, so one round trip."""
    held = _held.get()
    if held is None:
        with reader().connect() as connection:
            return connection.execute(statement, parameters).all()
    if held.connection is None:
        held.connection = reader().connect()
    try:
        return held.connection.execute(statement, parameters).all()
    except exc.DBAPIError:
        held.release()
        raise


def reader() -> Engine:
    """Give the engine for reads, in AUTOCOMMIT."""
    return db.engines["reader"]


@dataclass
class HeldConnection:
    """A connection that all reads of one request share: taking one from the pool costs more than a read."""

    connection: Connection | None = None

    def release(self) -> None:
        """Give the connection back to the pool."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


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


def is_postgresql() -> bool:
    """Say which of the two databases is behind."""
    return db.engine.dialect.name == "postgresql"


def exclusive(name: str) -> None:
    """Let one transaction at a time past this point, until it ends; `name` says what is guarded."""
    # SQLite's write transactions are one at a time anyway (BEGIN IMMEDIATE).
    if is_postgresql():
        execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def insert_rows(model: type[Base], records: Sequence[Mapping[str, Any]], *returning: Any) -> Sequence[AnyRow]:
    """Insert any number of records with one statement and one parameter; gives the `returning` columns.

    A VALUES list would grow with the rows (65,535 parameters at most, and a new text to plan for each length).
    """
    if not records:
        return []
    table = cast("Table", model.__table__)
    columns = [table.c[name] for name in records[0]]
    result = execute(_insert_from_json(table, columns, returning), {"records": _as_json(records)})
    return result.all() if returning else []


def _insert_from_json(table: Table, columns: Sequence[Any], returning: Sequence[Any]) -> Executable:
    names = ", ".join(column.name for column in columns)
    # WHERE true tells SQLite's parser that what follows is no join clause.
    statement = f"INSERT INTO {table.name} ({names}) {_json_records(columns)} WHERE true"
    if not returning:
        return text(statement)
    statement += " RETURNING " + ", ".join(column.name for column in returning)
    return text(statement).columns(*returning)


def _json_records(columns: Sequence[Any]) -> str:
    """Make the SELECT that reads the columns out of the JSON array in :records."""
    names = ", ".join(column.name for column in columns)
    if is_postgresql():
        types = ", ".join(f"{column.name} {column.type.compile(db.engine.dialect)}" for column in columns)
        return f"SELECT {names} FROM json_to_recordset(CAST(:records AS json)) AS given({types})"  # noqa: S608  # names of our own columns
    fields = ", ".join(f"value ->> '{column.name}' AS {column.name}" for column in columns)
    return f"SELECT {fields} FROM json_each(:records)"  # noqa: S608  # names of our own columns


def update_rows(model: type[Base], user_id: int, records: Sequence[Mapping[str, Any]]) -> None:
    """Update any number of a user's rows, found by `id`, with one statement and two parameters."""
    if records:
        table = cast("Table", model.__table__)
        names = [name for name in records[0] if name != "id"]
        assignments = ", ".join(f"{name} = records.{name}" for name in names)
        source = _json_records([table.c[name] for name in records[0]])
        found = f"{table.name}.user_id = :owner AND {table.name}.id = records.id"
        statement = f"UPDATE {table.name} SET {assignments} FROM ({source}) AS records WHERE {found}"  # noqa: S608  # our own names
        execute(text(statement), {"records": _as_json(records), "owner": user_id})


def each_of(ids: Sequence[int]) -> AnySelect:
    """Make a subquery of the given ids for IN, with one parameter whatever their number."""
    if is_postgresql():
        listed = text(
            "SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(:ids AS json)) AS listed(value)"
        )
    else:
        listed = text("SELECT value FROM json_each(:ids)")
    return cast("AnySelect", listed.bindparams(ids=orjson.dumps(ids).decode()).columns(column("value", Id)))


def instr(haystack: Any, needle: Any) -> ColumnElement[int]:
    """Make the place of one text in another, 0 where it is not."""
    return cast(
        "ColumnElement[int]",
        func.strpos(haystack, needle) if is_postgresql() else func.instr(haystack, needle),
    )


def _as_json(records: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(records, default=_sql_time, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def _sql_time(value: object) -> str:
    """Write a time as both databases read it (and as SQLAlchemy stores it in SQLite)."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    raise TypeError(f"no column holds a {type(value).__name__}")


def json_list(names: AnySelect) -> ColumnElement[str]:
    """Make a scalar subquery that gives the single column of `names`, in its order, as the text of a JSON array."""
    inner = names.subquery()
    column = inner.c[0]
    aggregate = func.json_agg(column) if is_postgresql() else func.json_group_array(column)
    return func.coalesce(select(sql_cast(aggregate, Text)).scalar_subquery(), "[]")


def insert_ignoring(model: type[Base]) -> Any:
    """Make an INSERT that leaves a row alone which is there already, and then returns none."""
    insert = postgresql_insert if is_postgresql() else sqlite_insert
    return insert(model).on_conflict_do_nothing()


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
