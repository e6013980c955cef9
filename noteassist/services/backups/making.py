"""Making a backup: every table as it stands at one moment, row by row."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from sqlalchemy import Connection, Table, select

import noteassist.models  # noqa: F401  # for what it declares
from noteassist import db, schema
from noteassist.services.backups.columns import kind_of, read_as
from noteassist.services.backups.container import Writer

# Told of each table that is done, with the number of its rows.
Tell = Callable[[str, int], object]


def kept_tables() -> list[Table]:
    """List the tables that a backup has, parents first; not those that are made from others."""
    return [table for table in db.Base.metadata.sorted_tables if not table.info.get("is_derived")]


def fingerprints(encryption_keys: Sequence[str]) -> list[str]:
    """Name keys without telling them."""
    return [hashlib.sha256(key.encode()).hexdigest()[:16] for key in encryption_keys]


def back_up(file: BinaryIO, encryption_keys: Sequence[str], tell: Tell) -> int:
    """Write everything into a file; gives the number of rows. Raises UnknownSchema for that of another release."""
    found, known = schema.database_revision(), schema.known_revision()
    if found != known:
        raise schema.UnknownSchema(
            f"schema {found or 'none'} instead of {known}: back up with the release that made it"
        )
    writer = Writer(file)
    header = {
        "schema": known,
        "created_at": db.utcnow(),
        "encryption_keys": fingerprints(encryption_keys),
    }
    writer.line(header)
    counts = {}
    with db.snapshot() as connection:
        for table in kept_tables():
            name = str(table.name)  # SQLAlchemy has a class of its own for names, which JSON does not know
            counts[name] = _write_table(writer, connection, table)
            tell(name, counts[name])
    writer.line({"rows": counts})
    writer.close()
    return sum(counts.values())


def _write_table(writer: Writer, connection: Connection, table: Table) -> int:
    columns = list(table.columns)
    writer.line(
        {
            "table": str(table.name),
            "columns": [[str(column.name), kind_of(column)] for column in columns],
            "identity": _identity(connection, table),
        }
    )
    count = 0
    for row in db.read_in_steps(connection, select(*map(read_as, columns))):
        writer.line(list(row))
        count += 1
    return count


def _identity(connection: Connection, table: Table) -> list[Any] | None:
    """Tell which column the table numbers, and how far it has come: no number is given twice, ever."""
    column = table.autoincrement_column
    if column is None:
        return None
    return [str(column.name), db.last_identity(connection, table.name, column.name)]
