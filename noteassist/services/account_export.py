"""Everything that the server has of somebody, as one ZIP file that is sent while it is written.

Notes and AI outputs are there as Markdown and as JSON, notes in the form that can be imported again. What else has a
`user_id` is there as its table has it: also what is added to the server later, unless it is left out here by name.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Column, LargeBinary, Table, literal, select, tuple_

from noteassist import db
from noteassist.models import AiOutput, Note, User
from noteassist.security.actors import Actor
from noteassist.services.exports.names import UniqueNames, file_name
from noteassist.services.exports.own_json import FORMAT, VERSION
from noteassist.services.exports.own_markdown import write_markdown
from noteassist.services.note_trees import Tree, read_tree
from noteassist.services.revisions.walking import walk_revisions
from noteassist.services.zipping import Entry, zip_stream

ROWS_AT_ONCE = 20
JSON = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
# Tables that are not written as they are, and why.
LEFT_OUT: Mapping[str, str] = {
    "notes": "notes.json and trash.json",
    "tags": "part of the notes",
    "chapters": "part of the notes",
    "topics": "part of the notes",
    "explanations": "part of the notes",
    "code_snippets": "part of the notes",
    "sources": "part of the notes",
    "note_revisions": "revisions.json",
    "search_entries": "words of the notes once more",
    "file_chunks": "files that were made of what is here",
    "refresh_tokens": "nothing but secrets",
    "email_tokens": "nothing but secrets",
    "recovery_codes": "nothing but secrets",
    "idempotency_keys": "answers of the last day, kept to be repeated",
}
# Hashes and other bytes are never written; these are texts.
SECRETS = frozenset(
    {
        ("users", "password_hash"),
        ("two_factor", "secret"),
        ("drive_connections", "refresh_token"),
        ("drive_connections", "access_token"),
        ("drive_connections", "refresh_lease"),
        ("drive_uploads", "session_uri"),
    }
)
README = """\
# Your data at NoteAssist

- `account.json`: your account; `notes.json`: your notes, which can be imported again; `trash.json`: those in the trash
- `notes/`, `trash/`: the same as Markdown
- `revisions.json`: what each note said before
- `ai-outputs/`: what AI tools wrote for you, as Markdown
- `data/`: everything else, one file for each kind

Passwords, keys and other secrets are not here.
"""


def export_account(actor: Actor) -> Iterator[bytes]:
    """Give the ZIP file of everything of mine, piece by piece; for outside of a transaction."""
    return zip_stream(_entries(actor.user_id), db.utcnow())


def _entries(user_id: int) -> Iterator[Entry]:
    yield "README.md", [README.encode()]
    account: Any = User.__table__
    yield "account.json", _json_list(_rows(account, user_id, account.c.id))
    for table in own_tables():
        if table.name not in LEFT_OUT:
            yield f"data/{table.name}.json", _json_list(_rows(table, user_id, table.c.user_id))
    for trashed, name in ((False, "notes"), (True, "trash")):
        yield f"{name}.json", _notes_json(_notes(user_id, trashed=trashed))
        names = UniqueNames()
        for note in _notes(user_id, trashed=trashed):
            own_name = names.unique(file_name(note["title"], "md"))
            yield f"{name}/{own_name}", [write_markdown(note).encode()]
    yield "revisions.json", _json_list(_revisions(user_id))
    names = UniqueNames()
    outputs: Any = AiOutput.__table__
    for output in _rows(outputs, user_id, outputs.c.user_id):
        own_name = names.unique(file_name(output["title"], "md", f"{output['tool']}-{output['id']}"))
        yield f"ai-outputs/{own_name}", [f"{output['content']}\n".encode()]


def own_tables() -> list[Table]:
    """List the tables that belong to users."""
    return [table for table in db.Base.metadata.sorted_tables if "user_id" in table.c]


def _shown(table: Table) -> list[Column[Any]]:
    return [
        column
        for column in table.c
        if (table.name, column.name) not in SECRETS and not isinstance(column.type, LargeBinary)
    ]


def _rows(table: Table, user_id: int, owner: Column[Any]) -> Iterator[dict[str, Any]]:
    """Read somebody's rows of a table, some at a time, in the order of their keys."""
    columns = _shown(table)
    key = [column for column in table.primary_key if column is not owner] or [owner]
    names = [column.name for column in columns]
    wanted = select(*columns, *key).where(owner == user_id).order_by(*key).limit(ROWS_AT_ONCE)
    after: tuple[Any, ...] | None = None
    while True:
        place = [] if after is None else [tuple_(*key) > tuple_(*_literals(key, after))]
        found = db.read_rows(wanted.where(*place))
        for row in found:
            yield dict(zip(names, row, strict=False))
        if len(found) < ROWS_AT_ONCE:
            return
        after = tuple(found[-1][len(columns) :])


def _literals(key: list[Column[Any]], values: tuple[Any, ...]) -> list[Any]:
    return [literal(value, column.type) for column, value in zip(key, values, strict=True)]


def _notes(user_id: int, *, trashed: bool) -> Iterator[Tree]:
    for note_id in _note_ids(user_id, trashed=trashed):
        tree = read_tree(user_id, note_id, trashed=trashed)
        if tree is not None:
            yield tree


def _note_ids(user_id: int, *, trashed: bool) -> Iterator[int]:
    place = Note.deleted_at.is_not(None) if trashed else Note.deleted_at.is_(None)
    after = 0
    while True:
        wanted = select(Note.id).where(Note.user_id == user_id, place, Note.id > after)
        found = db.read_rows(wanted.order_by(Note.id).limit(ROWS_AT_ONCE))
        yield from (row.id for row in found)
        if len(found) < ROWS_AT_ONCE:
            return
        after = found[-1].id


def _revisions(user_id: int) -> Iterator[dict[str, Any]]:
    for trashed in (False, True):
        for note_id in _note_ids(user_id, trashed=trashed):
            yield from walk_revisions(user_id, note_id, trashed=trashed)


def _json_list(values: Iterable[Any]) -> Iterator[bytes]:
    """Write a JSON array, one value at a time."""
    yield b"["
    for number, value in enumerate(values):
        yield (b",\n" if number else b"\n") + orjson.dumps(value, option=JSON)
    yield b"\n]\n"


def _notes_json(notes: Iterable[Tree]) -> Iterator[bytes]:
    """Write notes in our own form (exports/own_json.py)."""
    yield f'{{\n"format": "{FORMAT}",\n"version": {VERSION},\n"notes": '.encode()
    yield from _json_list(notes)
    yield b"}\n"
