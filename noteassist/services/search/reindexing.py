"""Writing anew the words of notes themselves, and of whatever has none."""

from collections.abc import Sequence

import orjson
from sqlalchemy import and_, bindparam, delete, select

from noteassist import db
from noteassist.models import Chapter, Note, SearchEntry
from noteassist.services.note_trees import tags_column
from noteassist.services.search.indexing import insert_entries, note_entry

_CHAPTERS = (
    select(Chapter.title)
    .where(and_(Chapter.user_id == Note.user_id, Chapter.note_id == Note.id))
    .order_by(Chapter.position)
    .correlate(Note)
)


def index_notes(user_id: int, note_ids: Sequence[int]) -> None:
    """Write the words of notes whose title, tags or chapters' titles have changed; not those of their topics."""
    if not note_ids:
        return
    ids = db.each_of(note_ids)
    own = (SearchEntry.user_id == user_id) & SearchEntry.topic_id.is_(None) & SearchEntry.note_id.in_(ids)
    db.execute(delete(SearchEntry).where(own))
    found = db.rows(_names().where(Note.id.in_(ids)), {"owner": user_id})
    entries = [
        note_entry(user_id, row.id, row.title, orjson.loads(row.tags), orjson.loads(row.chapters))
        for row in found
    ]
    insert_entries(entries)


def _names() -> db.AnySelect:
    columns = select(Note.id, Note.title, tags_column(), db.json_list(_CHAPTERS).label("chapters"))
    return columns.where(Note.user_id == bindparam("owner"))
