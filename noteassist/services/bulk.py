"""One action on many notes at once."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, func, select, update

from noteassist import db
from noteassist.models import Note, NoteTag
from noteassist.security.actors import Actor
from noteassist.services.tagging import retag
from noteassist.services.versions import begin_write

TAGS_PER_NOTE = 20


def apply_to_notes(
    actor: Actor, ids: Sequence[int], action: str, *, tag: str = "", status: str = ""
) -> list[dict[str, Any]]:
    """Do one thing to many of my notes; gives `{id, ok, code}` for each id, in the order asked."""
    begin_write(actor.user_id)
    wanted = list(dict.fromkeys(ids))
    in_trash = action == "restore"
    there = Note.deleted_at.is_not(None) if in_trash else Note.deleted_at.is_(None)
    own = (Note.user_id == actor.user_id) & Note.id.in_(db.each_of(wanted)) & there
    found = [row.id for row in db.rows(select(Note.id).where(own))]
    full = _full_notes(actor.user_id, found, tag) if action == "tag" else set()
    chosen = [note_id for note_id in found if note_id not in full]
    actions: dict[str, Callable[[], None]] = {
        "trash": lambda: _set(actor, chosen, deleted_at=db.utcnow()),
        "restore": lambda: _set(actor, chosen, deleted_at=None, updated_at=db.utcnow()),
        "status": lambda: _set(actor, chosen, status=status, updated_at=db.utcnow()),
        "tag": lambda: _change_tags(actor, chosen, lambda: _tag(actor, chosen, tag)),
        "untag": lambda: _change_tags(actor, chosen, lambda: _untag(actor, chosen, tag)),
    }
    actions[action]()
    codes = dict.fromkeys(found) | dict.fromkeys(full, "too_many_tags")
    return [
        {"id": note_id, "ok": codes.get(note_id, "") is None, "code": codes.get(note_id, "not_found")}
        for note_id in wanted
    ]


def _set(actor: Actor, ids: Sequence[int], **values: Any) -> None:
    own = (Note.user_id == actor.user_id) & Note.id.in_(db.each_of(ids))
    db.execute(update(Note).where(own).values(**values))


def _full_notes(user_id: int, ids: Sequence[int], tag: str) -> set[int]:
    """Find the notes that have no room for one more tag."""
    own = (NoteTag.user_id == user_id) & NoteTag.note_id.in_(db.each_of(ids)) & (NoteTag.name != tag)
    counted = select(NoteTag.note_id).where(own).group_by(NoteTag.note_id)
    return {row.note_id for row in db.rows(counted.having(func.count() >= TAGS_PER_NOTE))}


def _change_tags(actor: Actor, ids: Sequence[int], change: Callable[[], None]) -> None:
    now = db.utcnow()
    retag(actor.user_id, ids, change, now)
    _set(actor, ids, updated_at=now)


def _tag(actor: Actor, ids: Sequence[int], tag: str) -> None:
    _untag(actor, ids, tag)
    records = [{"user_id": actor.user_id, "note_id": note_id, "name": tag} for note_id in ids]
    db.insert_rows(NoteTag, records)


def _untag(actor: Actor, ids: Sequence[int], tag: str) -> None:
    own = (NoteTag.user_id == actor.user_id) & NoteTag.note_id.in_(db.each_of(ids)) & (NoteTag.name == tag)
    db.execute(delete(NoteTag).where(own))
