"""A student's own notes that have to do with a topic."""

import re

from sqlalchemy import ColumnElement, and_, func, or_, select

from noteassist import db
from noteassist.models import Explanation, Note, Topic
from noteassist.services.ai.offline import Reference

MOST_REFERENCES = 5
MOST_WORDS = 6
SHORTEST_WORD = 4
EXCERPT = 240


def related_notes(user_id: int, topic: str) -> tuple[Reference, ...]:
    """Find up to 5 of a user's topics whose name, or whose note's title, has a word of `topic`; newest first."""
    words = list(dict.fromkeys(word.lower() for word in re.findall(r"\w+", topic)))
    telling = [word for word in words if len(word) >= SHORTEST_WORD or not word.isascii()][:MOST_WORDS]
    if not telling:
        return ()
    columns = (Topic.note_id, Note.title, Topic.name, Explanation.content)
    note = and_(Note.user_id == Topic.user_id, Note.id == Topic.note_id)
    text = and_(Explanation.user_id == Topic.user_id, Explanation.topic_id == Topic.id)
    found = (
        select(*columns)
        .join(Note, note)
        .outerjoin(Explanation, text)
        .where(Topic.user_id == user_id, Note.deleted_at.is_(None), or_(*map(_mentions, telling)))
        .order_by(Topic.updated_at.desc(), Topic.id.desc())
        .limit(MOST_REFERENCES)
    )
    return tuple(
        Reference(
            note_id=row.note_id,
            note_title=row.title,
            topic_name=row.name,
            excerpt=" ".join((row.content or "").split())[:EXCERPT],
        )
        for row in db.read_rows(found)
    )


def _mentions(word: str) -> ColumnElement[bool]:
    in_name = db.instr(func.lower(Topic.name), word) > 0
    return or_(in_name, db.instr(func.lower(Note.title), word) > 0)
