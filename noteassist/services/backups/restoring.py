"""Restoring a backup: everything in one transaction, or nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import Connection, delete, exc, insert, text

from noteassist import db, migrating, schema
from noteassist.models import FrontState, Task
from noteassist.services.backups.columns import TYPES, decoder
from noteassist.services.backups.container import UnusableBackup, read_lines, require_whole
from noteassist.services.backups.making import Tell, fingerprints
from noteassist.services.tasks.creation import new_task_id

_NOT_EMPTY = "The database is not empty. --replace deletes what it has and puts the backup in its place."


class NotEmpty(Exception):
    """The database has rows, and nobody said that they may go."""


@dataclass(frozen=True)
class Contents:
    """What a backup says of itself."""

    schema: str
    created_at: str
    encryption_keys: tuple[str, ...]


class Backup:
    """A backup that is being read; its lines are taken in their order, once."""

    def __init__(self, file: BinaryIO) -> None:
        """Check the whole file first; raises UnusableBackup."""
        require_whole(file)
        self.lines = read_lines(file)
        head = next(self.lines)
        self.contents = Contents(head["schema"], head["created_at"], tuple(head["encryption_keys"]))
        self.mark: dict[str, Any] = next(self.lines)

    def tables(self) -> Iterator[tuple[dict[str, Any], Iterator[list[Any]]]]:
        """Give each table's description and its rows, which have to be read before the next table."""
        while "table" in self.mark:
            yield self.mark, self._rows([kind for _, kind in self.mark["columns"]])

    def _rows(self, kinds: list[str]) -> Iterator[list[Any]]:
        decode = decoder(kinds)
        for line in self.lines:
            if isinstance(line, dict):
                self.mark = line
                return
            yield decode(line)
        raise UnusableBackup("It ends in the middle of a table.")

    def require_counts(self, counts: dict[str, int]) -> None:
        """Compare with what was counted when it was made, once all tables are read; raises UnusableBackup."""
        if self.mark.get("rows") != counts:
            raise UnusableBackup("It does not have the rows that it says it has.")


def missing_keys(contents: Contents, encryption_keys: Sequence[str]) -> list[str]:
    """Name the keys that the server had when the backup was made and that are not given now."""
    here = fingerprints(encryption_keys)
    return [key for key in contents.encryption_keys if key not in here]


def count_rows(backup: Backup, tell: Tell) -> int:
    """Read a backup to its end, and leave the database alone; gives the number of rows."""
    counts = {}
    for table, rows in backup.tables():
        counts[table["table"]] = sum(1 for _ in rows)
        tell(table["table"], counts[table["table"]])
    backup.require_counts(counts)
    return sum(counts.values())


def restore(backup: Backup, tell: Tell, *, replace: bool) -> int:
    """Fill the database from a backup, in one transaction; gives the number of rows.

    Raises UnusableBackup, UnknownSchema, and NotEmpty where there is anything and `replace` is not said. A backup of
    an older release is put into a schema of its time, which is then brought to this release's.
    """
    revision = backup.contents.schema
    if revision not in schema.known_revisions():
        raise UnusableBackup(f"Its schema {revision} is not one that this release of NoteAssist knows.")
    try:
        with db.overhaul() as connection:
            _make_room(connection, revision, replace=replace)
            counts = _load(connection, backup, tell)
            backup.require_counts(counts)
            migrating.upgrade_within(connection)
            _index_later(connection)
            # What servers know of before counts no more: the first of them makes another epoch.
            connection.execute(delete(FrontState))
    except (exc.IntegrityError, exc.DataError) as error:
        raise UnusableBackup("Its rows are not such as the database takes.") from error
    return sum(counts.values())


def _make_room(connection: Connection, revision: str, *, replace: bool) -> None:
    """Make every table anew, as it was at a revision."""
    ours = _our_tables(connection)
    if not replace and any(_has_rows(connection, name) for name in ours):
        raise NotEmpty(_NOT_EMPTY)
    found = _revision(connection)
    if found is not None:
        if found not in schema.known_revisions():
            raise schema.UnknownSchema(f"schema {found}: this release of NoteAssist is too old for it")
        with db.without_triggers(connection, ours):
            db.empty_tables(connection, ours)
        migrating.downgrade_within(connection, "base")
    migrating.upgrade_within(connection, revision)


def _our_tables(connection: Connection) -> set[str]:
    return db.table_names(connection) & set(db.Base.metadata.tables)


def _has_rows(connection: Connection, name: str) -> bool:
    table = db.Base.metadata.tables[name]
    return connection.execute(db.db.select(text("1")).select_from(table).limit(1)).first() is not None


def _revision(connection: Connection) -> str | None:
    if "alembic_version" not in db.table_names(connection):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _load(connection: Connection, backup: Backup, tell: Tell) -> dict[str, int]:
    counts: dict[str, int] = {}
    ours = _our_tables(connection)
    with db.without_triggers(connection, ours):
        # Of what a migration puts into a new table the backup has its own.
        db.empty_tables(connection, ours)
        for table, rows in backup.tables():
            name, columns = table["table"], dict(table["columns"])
            types = {column: TYPES[kind] for column, kind in columns.items()}
            counts[name] = db.load_rows(connection, name, types, rows)
            if table["identity"]:
                db.go_on_counting(connection, name, *table["identity"])
            tell(name, counts[name])
    return counts


def _index_later(connection: Connection) -> None:
    """Have the search's words written by a task, while the server is used already."""
    now = db.utcnow()
    task = {"id": new_task_id(), "kind": "index_for_search", "args": {}, "turn": -1}
    connection.execute(insert(Task).values(**task, run_after=now, created_at=now))
