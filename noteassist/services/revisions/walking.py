"""All revisions of a note, from the newest back, one at a time: however many there are, one state is in memory."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import bindparam, select

from noteassist import db
from noteassist.models import NoteRevision
from noteassist.services.note_trees import Tree, read_tree
from noteassist.services.revisions.reading import TRIES, chapters_of, tags_of
from noteassist.services.revisions.states import State, state_of, undone, unpacked

AT_ONCE = 20
_OF_NOTE = (NoteRevision.user_id == bindparam("owner")) & (NoteRevision.note_id == bindparam("note"))
_ROWS = (
    select(
        NoteRevision.number,
        NoteRevision.origin,
        NoteRevision.summary,
        NoteRevision.created_at,
        NoteRevision.content,
        NoteRevision.undo,
    )
    .where(_OF_NOTE, NoteRevision.number < bindparam("before"))
    .order_by(NoteRevision.number.desc())
    .limit(AT_ONCE)
)
_AFTER_ALL = 2**31 - 1


def walk_revisions(user_id: int, note_id: int, *, trashed: bool) -> Iterator[dict[str, Any]]:
    """Give each revision with what the note said then; nothing for a note that is gone meanwhile."""
    rows, tree = _newest(user_id, note_id, trashed=trashed)
    state: State = state_of(tree) if tree is not None else {}
    while rows:
        for row in rows:
            if row.content is not None:
                state = state_of(unpacked(row.content))
            if not state:
                return
            yield _present(note_id, row, state)
            if row.undo is not None:
                state = undone(state, row.undo)
        rows = list(db.read_rows(_ROWS, {"owner": user_id, "note": note_id, "before": row.number}))


def _newest(user_id: int, note_id: int, *, trashed: bool) -> tuple[list[db.AnyRow], Tree | None]:
    """Read the newest revisions and the note, both of one moment."""
    parameters = {"owner": user_id, "note": note_id, "before": _AFTER_ALL}
    rows = list(db.read_rows(_ROWS, parameters))
    for _ in range(TRIES):
        tree = read_tree(user_id, note_id, trashed=trashed)
        again = list(db.read_rows(_ROWS, parameters))
        if [row.number for row in again] == [row.number for row in rows]:
            return rows, tree
        rows = again
    return [], None


def _present(note_id: int, row: db.AnyRow, state: State) -> dict[str, Any]:
    return {
        "note_id": note_id,
        "number": row.number,
        "origin": row.origin,
        "summary": row.summary,
        "created_at": row.created_at,
        "note": {"title": state["title"], "tags": tags_of(state), "chapters": chapters_of(state)},
    }
