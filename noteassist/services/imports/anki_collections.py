"""The database in an Anki package: what decks, note types, notes and cards it has.

It comes from elsewhere, so SQLite is told to trust nothing: it is in memory, only reading is allowed, views and
virtual tables are refused, and every query ends. Anki's schema 11 keeps decks and types as JSON in the table
`col`; schema 18 (`collection.anki21b`) has tables for them, with Protocol Buffers inside.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from noteassist.services.imports import limits, protobuf
from noteassist.services.imports.refusals import too_large, unreadable, unsafe

SQLITE_SIGN = b"SQLite format 3\0"
OWN_DECK = "NoteAssist"
FIELD_SEPARATOR = "\x1f"
STEPS_BETWEEN_LOOKS = 100_000
MOST_LOOKS = 2_000
READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}
LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 4_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 200,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 20,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 25_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
CARDS = """\
SELECT cards.did, cards.ord, notes.mid, notes.flds, notes.tags, notes.id
FROM cards JOIN notes ON notes.id = cards.nid
WHERE length(notes.flds) < 2000000
ORDER BY cards.did, notes.id, cards.ord LIMIT ?"""


@dataclass
class NoteType:
    """How the cards of a note are made: its fields by name and its templates by their number."""

    fields: list[str] = field(default_factory=list)
    templates: dict[int, tuple[str, str]] = field(default_factory=dict)
    is_cloze: bool = False


@dataclass(frozen=True)
class Card:
    """One card, with the fields and tags of its note."""

    deck: str
    note_type: NoteType
    number: int
    fields: list[str]
    tags: list[str]
    note_id: int


def read_cards(content: bytes) -> list[Card]:
    """Read the cards of a collection, by their decks; raises Refused."""
    if not content.startswith(SQLITE_SIGN):
        raise unreadable("The cards in this package are no database.")
    connection = sqlite3.connect(":memory:")
    try:
        connection.create_collation("unicase", _compare)
        _load(connection, content)
        return list(_cards(connection))
    except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, sqlite3.OperationalError) and "interrupted" in str(error):
            raise unsafe("The cards in this package take too long to read.") from error
        raise unreadable("The cards in this package cannot be read.") from error
    finally:
        connection.close()


def _load(connection: sqlite3.Connection, content: bytes) -> None:
    # A database in WAL mode (2 in the bytes 18 and 19 of its head) cannot be read without its log, which is empty.
    head = bytearray(content[:100])
    head[18:20] = b"\x01\x01"
    connection.deserialize(bytes(head) + content[100:])
    for category, value in LIMITS.items():
        connection.setlimit(category, value)
    for setting in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {setting}")
    looks = iter(range(MOST_LOOKS))
    connection.set_progress_handler(lambda: next(looks, None) is None, STEPS_BETWEEN_LOOKS)
    unusual = "SELECT count(*) FROM sqlite_master WHERE type = 'view' OR sql LIKE '%virtual%'"
    if connection.execute(unusual).fetchone()[0]:
        raise unsafe("The cards in this package are not stored as plain tables.")
    connection.set_authorizer(_authorize)


def _authorize(action: int, _first: str | None, second: str | None, *_: Any) -> int:
    is_fine = action in READING or (action == sqlite3.SQLITE_FUNCTION and second in {"length", "count"})
    return sqlite3.SQLITE_OK if is_fine else sqlite3.SQLITE_DENY


def _compare(one: str, other: str) -> int:
    left, right = one.casefold(), other.casefold()
    return (left > right) - (left < right)


def _cards(connection: sqlite3.Connection) -> Iterator[Card]:
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    is_new = "notetypes" in names
    decks = _new_decks(connection) if is_new else _old_decks(connection)
    types = _new_types(connection) if is_new else _old_types(connection)
    rows = connection.execute(CARDS, (limits.CARDS + 1,))
    for count, (deck_id, number, type_id, fields, tags, note_id) in enumerate(rows):
        if count == limits.CARDS:
            raise too_large(f"The package has more than {limits.CARDS:,} cards.")
        yield Card(
            deck=decks.get(int(deck_id), "Cards"),
            note_type=types.get(int(type_id)) or NoteType(),
            number=int(number),
            fields=str(fields).split(FIELD_SEPARATOR),
            tags=str(tags).split(),
            note_id=int(note_id),
        )


def _old_decks(connection: sqlite3.Connection) -> dict[int, str]:
    found = json.loads(connection.execute("SELECT decks FROM col").fetchone()[0])
    return {int(deck_id): str(deck["name"]) for deck_id, deck in found.items()}


def _old_types(connection: sqlite3.Connection) -> dict[int, NoteType]:
    found = json.loads(connection.execute("SELECT models FROM col").fetchone()[0])
    return {int(type_id): _old_type(model) for type_id, model in found.items()}


def _old_type(model: Mapping[str, Any]) -> NoteType:
    fields = sorted(model["flds"], key=lambda one: int(one.get("ord") or 0))
    templates = {
        int(one.get("ord") or 0): (str(one["qfmt"]), str(one["afmt"]))
        for one in sorted(model["tmpls"], key=lambda one: int(one.get("ord") or 0))
    }
    return NoteType([str(one["name"]) for one in fields], templates, model.get("type") == 1)


def _new_decks(connection: sqlite3.Connection) -> dict[int, str]:
    rows = connection.execute("SELECT id, name FROM decks")
    return {int(deck_id): str(name).replace(FIELD_SEPARATOR, "::") for deck_id, name in rows}


def _new_types(connection: sqlite3.Connection) -> dict[int, NoteType]:
    types: dict[int, NoteType] = {}
    for type_id, config in connection.execute("SELECT id, config FROM notetypes"):
        types[int(type_id)] = NoteType(is_cloze=protobuf.number_field(bytes(config), 1) == 1)
    for type_id, name in connection.execute("SELECT ntid, name FROM fields ORDER BY ntid, ord"):
        if int(type_id) in types:
            types[int(type_id)].fields.append(str(name))
    for type_id, number, config in connection.execute("SELECT ntid, ord, config FROM templates"):
        if int(type_id) in types:
            message = bytes(config)
            sides = (protobuf.text_field(message, 1), protobuf.text_field(message, 2))
            types[int(type_id)].templates[int(number)] = sides
    return types


def deck_path(deck: str) -> list[str]:
    """Give the names of a deck and its sub-decks, outermost first; ours lie in one that says where they come from."""
    parts = [part.strip() for part in deck.split("::") if part.strip()] or ["Cards"]
    return parts[1:] if parts[0] == OWN_DECK and len(parts) > 1 else parts
