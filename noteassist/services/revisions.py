"""Revisions: states that a note had."""

import zlib

import orjson
from sqlalchemy import func, insert, select

from noteassist import db
from noteassist.models import NoteRevision
from noteassist.services.note_trees import read_tree


def keep_revision(user_id: int, note_id: int, *, origin: str, summary: str) -> int:
    """Keep a note as it stands as its next revision, within an open write; gives the number."""
    own = (NoteRevision.user_id == user_id) & (NoteRevision.note_id == note_id)
    last = db.rows(select(func.coalesce(func.max(NoteRevision.number), 0)).where(own))[0][0]
    content = zlib.compress(orjson.dumps(read_tree(user_id, note_id)))
    values = {"user_id": user_id, "note_id": note_id, "number": last + 1, "content": content}
    row = insert(NoteRevision).values(**values, origin=origin, summary=summary[:500], created_at=db.utcnow())
    db.execute(row)
    return int(last + 1)
