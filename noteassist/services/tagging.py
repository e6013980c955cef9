"""Changing the tags of many notes at once."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select

from noteassist import db
from noteassist.models import NoteTag
from noteassist.services.revisions.keeping import keep_tag_changes
from noteassist.services.search.reindexing import index_notes


def retag(user_id: int, note_ids: Sequence[int], change: Callable[[], None], at: datetime) -> None:
    """Make a change to the tags of a user's notes, keep it as a revision of each that differs, and index those."""
    if not note_ids:
        return
    before = _tags_of(user_id, note_ids)
    change()
    after = _tags_of(user_id, note_ids)
    changes = {note_id: (before[note_id], after[note_id]) for note_id in note_ids}
    keep_tag_changes(user_id, changes, at)
    index_notes(user_id, [note_id for note_id, (old, new) in changes.items() if old != new])


def _tags_of(user_id: int, note_ids: Sequence[int]) -> dict[int, list[str]]:
    own = (NoteTag.user_id == user_id) & NoteTag.note_id.in_(db.each_of(note_ids))
    tags: dict[int, list[str]] = {note_id: [] for note_id in note_ids}
    for row in db.rows(select(NoteTag.note_id, NoteTag.name).where(own).order_by(NoteTag.name)):
        tags[row.note_id].append(row.name)
    return tags
