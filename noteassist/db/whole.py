"""The database as a whole: seen as it stands at one moment, or filled anew in one transaction."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import Connection, bindparam, column, exc, insert, inspect, table, text
from sqlalchemy.types import TypeEngine

from noteassist.db.model import db, is_postgresql

# Some rows hold megabytes.
ROWS_A_STEP = 100
# Whoever still uses the database has so long to let go of its tables.
PATIENT = ("SET LOCAL statement_timeout = 0", "SET LOCAL idle_in_transaction_session_timeout = 0")
MIGRATIONS_LOCK = 7_305_193_001  # that of migrations/env.py

_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


@contextmanager
def snapshot() -> Iterator[Connection]:
    """Give a connection that reads the database as it is now, whatever is written meanwhile."""
    with db.engine.connect() as connection:
        if not is_postgresql():
            # What is seen is settled by the first read.
            for statement in ("BEGIN", "SELECT 1 FROM sqlite_master LIMIT 1"):
                connection.exec_driver_sql(statement)
            yield connection
            return
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        for statement in PATIENT:
            connection.exec_driver_sql(statement)
        yield connection


@contextmanager
def overhaul() -> Iterator[Connection]:
    """Run the block as one transaction that may change everything, the schema too; nobody migrates meanwhile.

    Raises IntegrityError where a row is left without the row that it refers to.
    """
    if is_postgresql():
        with db.engine.begin() as connection:
            for statement in (f"SELECT pg_advisory_xact_lock({MIGRATIONS_LOCK})", *PATIENT):
                connection.exec_driver_sql(statement)
            yield connection
        return
    # As in migrations/env.py: with foreign keys on, dropping a table would delete the rows that refer to it.
    with db.engine.connect() as connection:
        driver = cast("Any", connection.connection).cursor()
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                driver.execute("BEGIN IMMEDIATE")
                yield connection
                if orphans := connection.execute(text("PRAGMA foreign_key_check")).all():
                    found = ValueError(f"{len(orphans)} rows would be without their parent")
                    raise exc.IntegrityError("PRAGMA foreign_key_check", None, found)
        finally:
            driver.execute("PRAGMA foreign_keys = ON")
            driver.close()


def table_names(connection: Connection) -> set[str]:
    """List the tables that are there."""
    return set(inspect(connection).get_table_names())


def read_in_steps(connection: Connection, statement: Any) -> Iterator[Sequence[Any]]:
    """Read rows, some at a time, however many there are."""
    yield from connection.execution_options(yield_per=ROWS_A_STEP).execute(statement)


def last_identity(connection: Connection, table_name: str, column_name: str) -> int:
    """Tell the last number that a table gave to a row; 0 where it gave none, or keeps no count."""
    found = text(
        "SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(:table, :column) AS regclass))"
        if is_postgresql()
        else "SELECT max(seq) FROM sqlite_sequence WHERE name = :table AND :column <> ''"
    )
    number = connection.execute(found, {"table": table_name, "column": column_name}).scalar_one()
    return int(number or 0)


def go_on_counting(connection: Connection, table_name: str, column_name: str, last: int) -> None:
    """Let a table give its next row a number beyond `last`, and beyond those that it has."""
    values = {"table": table_name, "column": column_name, "last": last}
    name = connection.dialect.identifier_preparer.quote(table_name)
    of_rows = connection.dialect.identifier_preparer.quote(column_name)
    greatest = connection.execute(text(f"SELECT max({of_rows}) FROM {name}")).scalar_one()  # noqa: S608  # quoted names
    values["last"] = max(last, greatest or 0)
    if not values["last"]:
        return
    if is_postgresql():
        connection.execute(text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)"), values)
        return
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), values)
    connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"), values)


@contextmanager
def without_triggers(connection: Connection, tables: Collection[str]) -> Iterator[None]:
    """Let the block change tables without their triggers: those have done their part already, or forbid it."""
    if is_postgresql():
        for name in tables:
            connection.exec_driver_sql(f'ALTER TABLE "{name}" DISABLE TRIGGER USER')
        yield
        # What is still to be looked at would keep a table from being altered.
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        for name in tables:
            connection.exec_driver_sql(f'ALTER TABLE "{name}" ENABLE TRIGGER USER')
        return
    triggers = connection.exec_driver_sql(_TRIGGERS).all()
    for trigger in triggers:
        connection.exec_driver_sql(f'DROP TRIGGER "{trigger.name}"')
    yield
    for trigger in triggers:
        connection.exec_driver_sql(trigger.sql)


def empty_tables(connection: Connection, tables: Iterable[str]) -> None:
    """Delete every row of tables, within `without_triggers`."""
    quoted = [f'"{name}"' for name in sorted(tables)]
    if is_postgresql():
        if quoted:
            connection.exec_driver_sql(f"TRUNCATE {', '.join(quoted)}")
        return
    for name in quoted:
        connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608  # names of our own tables


def load_rows(
    connection: Connection, name: str, columns: Mapping[str, TypeEngine[Any]], rows: Iterable[Sequence[Any]]
) -> int:
    """Put any number of rows into a table, some at a time; gives their number. Raises DBAPIError.

    A row may refer to a later one of its own table: PostgreSQL looks when all have come, and SQLite at the end of
    `overhaul`.
    """
    if is_postgresql():
        return _copy_rows(connection, name, tuple(columns), rows)
    target = table(name, *(column(each, type_) for each, type_ in columns.items()))
    statement = insert(target).values({each: bindparam(each) for each in columns})
    count = 0
    for step in batched(rows, ROWS_A_STEP):
        connection.execute(statement, [dict(zip(columns, row, strict=True)) for row in step])
        count += len(step)
    return count


def _copy_rows(
    connection: Connection, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(name), names)
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    count = 0
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
    except psycopg.Error as error:
        raise _as_sqlalchemys(error, connection) from error
    return count


def batched(rows: Iterable[Sequence[Any]], size: int) -> Iterator[list[Sequence[Any]]]:
    """Give rows in lists of at most `size`."""
    left = iter(rows)
    while step := list(islice(left, size)):
        yield step


def _as_sqlalchemys(error: psycopg.Error, connection: Connection) -> BaseException:
    return exc.DBAPIError.instance(
        "COPY", None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
    )
