"""Keeping a revision at each change, in the open write."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update

from noteassist import db
from noteassist.models import NoteRevision
from noteassist.services.note_trees import read_tree
from noteassist.services.revisions.states import packed, packed_undo, says_otherwise, tags_piece, undo_of
from noteassist.services.revisions.summaries import summary_of

LONGEST_SUMMARY = 500
# Each so many revisions the whole note is kept too: so many ways back are gone at most to find a revision.
WHOLE_EVERY = 100

_OF_NOTE = (NoteRevision.user_id == bindparam("owner")) & (NoteRevision.note_id == bindparam("note"))
_INSERT = (
    insert(NoteRevision)
    .values(
        user_id=bindparam("owner"),
        note_id=bindparam("note"),
        number=select(func.coalesce(func.max(NoteRevision.number), 0) + 1).where(_OF_NOTE).scalar_subquery(),
        origin=bindparam("origin"),
        summary=bindparam("summary"),
        undo=bindparam("undo"),
        created_at=bindparam("at"),
    )
    .returning(NoteRevision.number)
)


def keep_first_revisions(
    user_id: int,
    notes: Sequence[tuple[int, datetime]],
    *,
    origin: str = "user",
    summary: str = "Note made",
) -> None:
    """Keep the first revision of new notes, given as (id, time): the note itself says what it is."""
    common = {"user_id": user_id, "number": 1, "origin": origin, "summary": summary[:LONGEST_SUMMARY]}
    db.insert_rows(NoteRevision, [common | {"note_id": note_id, "created_at": at} for note_id, at in notes])


def keep_revision(
    user_id: int,
    note_id: int,
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    at: datetime,
    origin: str = "user",
    summary: str | None = None,
    remark: str = "",
) -> None:
    """Keep what changed as the next revision; nothing where it says the same as before, unless a `summary` is given.

    `before` and `after` are the pieces of states that may differ. The summary is made from the change, with `remark`
    behind it.
    """
    undo = undo_of(before, after)
    if summary is None and not says_otherwise(undo):
        return
    said = summary or (summary_of(before, after) + remark)
    values = {"owner": user_id, "note": note_id, "origin": origin, "summary": said[:LONGEST_SUMMARY]}
    number = db.execute(_INSERT, values | {"undo": packed_undo(undo, after), "at": at}).scalar_one()
    if number % WHOLE_EVERY == 0:
        _keep_whole(user_id, note_id, number)


def _keep_whole(user_id: int, note_id: int, number: int) -> None:
    own = (NoteRevision.user_id == user_id) & (NoteRevision.note_id == note_id)
    whole = packed(read_tree(user_id, note_id))
    db.execute(update(NoteRevision).where(own, NoteRevision.number == number).values(content=whole))


def keep_tag_changes(user_id: int, changes: Mapping[int, tuple[list[str], list[str]]], at: datetime) -> None:
    """Keep a revision of each note whose tags change: `changes` gives the tags before and after by the note's id."""
    changed = {note_id: pair for note_id, pair in changes.items() if pair[0] != pair[1]}
    if not changed:
        return
    last = select(NoteRevision.note_id, func.max(NoteRevision.number).label("number")).group_by(
        NoteRevision.note_id
    )
    own = (NoteRevision.user_id == user_id) & NoteRevision.note_id.in_(db.each_of(list(changed)))
    numbers = {row.note_id: row.number for row in db.rows(last.where(own))}
    rows: list[dict[str, Any]] = [
        {
            "user_id": user_id,
            "note_id": note_id,
            "number": numbers.get(note_id, 0) + 1,
            "origin": "user",
            "summary": "Tags changed",
            "undo": packed_undo(tags_piece(before), tags_piece(after)),
            "created_at": at,
        }
        for note_id, (before, after) in changed.items()
    ]
    db.execute(insert(NoteRevision), rows)
