"""Statements that the two databases write differently, and statements over many rows at once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

import orjson
from sqlalchemy import (
    ColumnElement,
    Table,
    Text,
    bindparam,
    column,
    func,
    select,
    text,
)
from sqlalchemy import (
    cast as sql_cast,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from noteassist.db.model import AnyRow, AnySelect, Base, Id, db, is_postgresql
from noteassist.db.prepared import Prepared
from noteassist.db.transactions import execute, execute_first, rows

Made = TypeVar("Made")


def per_database(build: Callable[..., Made]) -> Callable[..., Made]:
    """Remember what `build` makes of its (positional) arguments, apart for each kind of database."""

    @lru_cache(maxsize=64)
    def made(_is_postgresql: bool, *arguments: Any) -> Made:
        return build(*arguments)

    @wraps(build)
    def remembered(*arguments: Any) -> Made:
        return made(is_postgresql(), *arguments)

    return remembered


def clock(seconds: str = "") -> str:
    """Give the SQL of the database's own time, plus the parameter named `seconds`.

    Machines whose clocks differ agree on it, so leases are measured with it.
    """
    if is_postgresql():
        return f"(clock_timestamp() + make_interval(secs => :{seconds}))" if seconds else "clock_timestamp()"
    shift = f", :{seconds} || ' seconds'" if seconds else ""
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now'{shift}) || '000')"


def prepare(statement: str, types: Mapping[str, Any]) -> Prepared:
    """Prepare plain SQL; `types` are those of parameters that the driver would not guess, and may be of others too."""
    binds = [bindparam(name, type_=kind) for name, kind in types.items() if f":{name}" in statement]
    return Prepared(text(statement).bindparams(*binds))


class Together:
    """INSERTs and UPDATEs that are run together, none of which depends on what another one writes.

    `given` is a SELECT that they may all use, as the table `given`; its result must not depend on what they write.
    `types` are those of parameters that the driver would not guess. To be made within `per_database`.
    """

    def __init__(self, statements: Sequence[str], types: Mapping[str, Any], given: str = "") -> None:
        # One alone needs nobody to count its rows.
        self.is_counted = is_postgresql() and (len(statements) > 1 or bool(given))
        if self.is_counted:
            self.statements = [prepare(_as_one(statements, given), types)]
        else:
            before = f"WITH given AS ({given}) " if given else ""
            # The driver counts no rows of a statement that begins with WITH.
            self.statements = [prepare(f"{before}{each} RETURNING 1", types) for each in statements]

    def run(self, parameters: Mapping[str, Any]) -> list[int]:
        """Run them; says how many rows each wrote.

        PostgreSQL is given them as one statement, which costs one round trip, and is a transaction by itself when it
        is the first of a request.
        """
        if is_postgresql():
            found = execute_first(self.statements[0], parameters)
            return list(found[0]) if self.is_counted else [len(found)]
        return [len(rows(statement, parameters)) for statement in self.statements]


def _as_one(statements: Sequence[str], given: str) -> str:
    parts = [f"given AS MATERIALIZED ({given})"] if given else []
    parts += [f"s{number} AS ({statement} RETURNING 1)" for number, statement in enumerate(statements)]
    counts = [f"(SELECT count(*) FROM s{number})" for number in range(len(statements))]  # noqa: S608  # our own SQL
    return f"WITH {', '.join(parts)} SELECT {', '.join(counts)}"


def seconds_until(column_name: str) -> str:
    """Give the SQL of the seconds from the database's own time until a column's, 0 where there is none."""
    if is_postgresql():
        return f"coalesce(extract(epoch FROM {column_name} - clock_timestamp()), 0)"
    return f"coalesce((julianday({column_name}) - julianday('now')) * 86400.0, 0)"


def greater_of() -> str:
    """Give the name of the SQL function that tells the greater of two values."""
    return "greatest" if is_postgresql() else "max"


def quarter_of(column_name: str) -> str:
    """Give the SQL of the number of the quarter-hour, since 1970 in UTC, that a column's time lies in."""
    if is_postgresql():
        return f"CAST(floor(extract(epoch FROM {column_name}) / 900) AS integer)"
    return f"CAST(strftime('%s', {column_name}) AS INTEGER) / 900"


def no_time() -> str:
    """Give the SQL of a time that there is none of, for a column beside times."""
    return "CAST(NULL AS timestamptz)" if is_postgresql() else "NULL"


def skip_locked() -> str:
    """Give the SQL by which a SELECT takes rows that nobody else is at; SQLite has one writer at a time."""
    return "FOR UPDATE SKIP LOCKED" if is_postgresql() else ""


def row_lock(name: str) -> str:
    """Give the SQL by which a SELECT holds the rows of the table called `name` in it until the transaction ends."""
    return f"FOR NO KEY UPDATE OF {name}" if is_postgresql() else ""


def insert_rows(model: type[Base], records: Sequence[Mapping[str, Any]], *returning: Any) -> Sequence[AnyRow]:
    """Insert any number of records with one statement and one parameter; gives the `returning` columns.

    A VALUES list would grow with the rows (65,535 parameters at most, and a new text to plan for each length).
    """
    if not records:
        return []
    table = cast("Table", model.__table__)
    return rows(_insert_from_json(table, tuple(records[0]), returning), {"records": _as_json(records)})


@per_database
def _insert_from_json(table: Table, keys: Sequence[str], returning: Sequence[Any]) -> Prepared:
    columns = [table.c[key] for key in keys]
    names = ", ".join(column.name for column in columns)
    # WHERE true tells SQLite's parser that what follows is no join clause.
    statement = f"INSERT INTO {table.name} ({names}) {_json_records(columns)} WHERE true"
    if not returning:
        return Prepared(text(statement))
    statement += " RETURNING " + ", ".join(column.name for column in returning)
    return Prepared(text(statement).columns(*returning))


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


# A record's times are mostly those of the record before.
@lru_cache(maxsize=64)
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
