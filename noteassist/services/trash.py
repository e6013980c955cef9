"""The trash: notes that were deleted and can be brought back for 30 days."""

from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from noteassist import db
from noteassist.errors import NotFound
from noteassist.models import Note
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor
from noteassist.services import note_trees
from noteassist.services.note_trees import NOTE_COLUMNS, Tree, present_note, tags_column
from noteassist.services.notes import Expectation, get_note
from noteassist.services.versions import begin_write

KEPT_FOR = timedelta(days=30)
NEWEST_FIRST = Order((Note.deleted_at, Note.id), descending=True)


def list_trash(actor: Actor, page: PageRequest) -> Page:
    """List my trashed notes, the last deleted first."""
    return fetch_page(_listing, (), NEWEST_FIRST, page, _present, {"owner": actor.user_id})


def _listing() -> db.AnySelect:
    columns = select(*NOTE_COLUMNS, tags_column(), Note.deleted_at, Note.id)
    return columns.where(Note.user_id == bindparam("owner"), Note.deleted_at.is_not(None))


def _present(row: db.AnyRow) -> dict[str, Any]:
    return present_note(row) | {"deleted_at": row[9]}


def restore_note(actor: Actor, note_id: int) -> Tree:
    """Bring my note back from the trash; one that is not there stays as it is. Raises NotFound."""
    begin_write(actor.user_id)
    own = (Note.user_id == actor.user_id) & (Note.id == note_id) & Note.deleted_at.is_not(None)
    db.execute(update(Note).where(own).values(deleted_at=None, updated_at=db.utcnow()))
    return get_note(actor, note_id)


def purge_note(actor: Actor, note_id: int, *, expect: Expectation | None = None) -> None:
    """Delete my note for good, trashed or not; raises NotFound, PreconditionFailed."""
    begin_write(actor.user_id)
    tree = note_trees.read_tree(actor.user_id, note_id) or note_trees.read_tree(
        actor.user_id, note_id, trashed=True
    )
    if tree is None:
        raise NotFound
    if expect:
        expect(tree)
    db.execute(delete(Note).where((Note.user_id == actor.user_id) & (Note.id == note_id)))


def empty_expired() -> int:
    """Delete for good what has been in the trash for more than 30 days; gives the number of notes."""
    return db.execute(delete(Note).where(Note.deleted_at < db.utcnow() - KEPT_FOR)).rowcount
