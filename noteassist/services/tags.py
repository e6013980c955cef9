"""The tags of one's notes."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, insert, literal, select, update

from noteassist import db
from noteassist.errors import NotFound
from noteassist.models import Note, NoteTag
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor
from noteassist.services.tagging import retag
from noteassist.services.versions import begin_write

BY_NAME = Order((NoteTag.name,))


def list_tags(actor: Actor, page: PageRequest) -> Page:
    """List the tags of my notes by name, each with the number of notes outside the trash."""
    return fetch_page(_listing, (), BY_NAME, page, _present, {"owner": actor.user_id})


def _listing() -> db.AnySelect:
    on_note = and_(Note.user_id == NoteTag.user_id, Note.id == NoteTag.note_id)
    counted = select(func.count().label("count"), NoteTag.name).select_from(NoteTag).join(Note, on_note)
    counted = counted.where(NoteTag.user_id == bindparam("owner"), Note.deleted_at.is_(None))
    return counted.group_by(NoteTag.name)


def _present(row: db.AnyRow) -> dict[str, Any]:
    count, name = row
    return {"name": name, "count": count}


def get_tag(actor: Actor, name: str) -> dict[str, Any]:
    """Read one tag; raises NotFound when no note outside the trash has it."""
    found = db.row(
        _listing().where(NoteTag.name == bindparam("name")), {"owner": actor.user_id, "name": name}
    )
    if found is None:
        raise NotFound
    return _present(found)


def rename_tag(actor: Actor, name: str, new_name: str) -> dict[str, Any]:
    """Rename a tag on all my notes; a note that has both keeps one. Raises NotFound."""
    begin_write(actor.user_id)
    tag = get_tag(actor, name)
    if name == new_name:
        return tag
    _change_tagged(actor.user_id, name, lambda: _rename(actor.user_id, name, new_name))
    return get_tag(actor, new_name)


def delete_tag(actor: Actor, name: str) -> None:
    """Take a tag off all my notes; raises NotFound."""
    begin_write(actor.user_id)
    get_tag(actor, name)
    _change_tagged(actor.user_id, name, lambda: _remove(actor.user_id, name))


def _own(user_id: int, name: str) -> tuple[Any, ...]:
    return NoteTag.user_id == user_id, NoteTag.name == name


def _rename(user_id: int, name: str, new_name: str) -> None:
    renamed = select(NoteTag.user_id, NoteTag.note_id, literal(new_name)).where(*_own(user_id, name))
    has_it = select(NoteTag.note_id).where(*_own(user_id, new_name))
    renamed = renamed.where(NoteTag.note_id.not_in(has_it))
    db.execute(insert(NoteTag).from_select(["user_id", "note_id", "name"], renamed))
    _remove(user_id, name)


def _remove(user_id: int, name: str) -> None:
    db.execute(delete(NoteTag).where(*_own(user_id, name)))


def _change_tagged(user_id: int, name: str, change: Callable[[], None]) -> None:
    """Make a change to the tags of the notes that have this one, and stamp them."""
    tagged = [row.note_id for row in db.rows(select(NoteTag.note_id).where(*_own(user_id, name)))]
    now = db.utcnow()
    retag(user_id, tagged, change, now)
    own = (Note.user_id == user_id) & Note.id.in_(db.each_of(tagged))
    db.execute(update(Note).where(own).values(updated_at=now))
