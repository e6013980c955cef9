"""Reading revisions: their list, one as a whole, and the difference between two."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, func, select

from noteassist import db
from noteassist.errors import NotFound, ServerBusy
from noteassist.models import Note, NoteRevision
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor
from noteassist.services.note_trees import Tree, read_tree
from noteassist.services.revisions.differences import unified_diff
from noteassist.services.revisions.rendering import rendered
from noteassist.services.revisions.states import State, state_of, undone, unpacked
from noteassist.services.slugs import slug_of

NEWEST_FIRST = Order((NoteRevision.number,), descending=True)
TRIES = 5

_LISTED = (NoteRevision.number, NoteRevision.origin, NoteRevision.summary, NoteRevision.created_at)
_OF_NOTE = (NoteRevision.user_id == bindparam("owner")) & (NoteRevision.note_id == bindparam("note"))
_NOTE = select(Note.id, Note.status, Note.created_at).where(
    Note.user_id == bindparam("owner"), Note.id == bindparam("note"), Note.deleted_at.is_(None)
)
_LAST = select(func.max(NoteRevision.number)).where(_OF_NOTE)
# From the oldest that is wanted up to the first, from the newest wanted on, that is kept whole.
_WHOLE = select(func.min(NoteRevision.number)).where(
    _OF_NOTE, NoteRevision.number >= bindparam("newest"), NoteRevision.content.is_not(None)
)
_WAY = (
    select(*_LISTED, NoteRevision.content, NoteRevision.undo)
    .where(
        _OF_NOTE,
        NoteRevision.number >= bindparam("oldest"),
        NoteRevision.number <= func.coalesce(_WHOLE.scalar_subquery(), 2**31 - 1),
    )
    .order_by(NoteRevision.number.desc())
)


def list_revisions(actor: Actor, note_id: int, page: PageRequest) -> Page:
    """List the revisions of my note, newest first; raises NotFound."""
    parameters = {"owner": actor.user_id, "note": note_id}
    if db.row(_NOTE, parameters) is None:
        raise NotFound
    return fetch_page(_listing, (), NEWEST_FIRST, page, _present, parameters)


def _listing() -> db.AnySelect:
    return select(
        NoteRevision.origin, NoteRevision.summary, NoteRevision.created_at, NoteRevision.number
    ).where(_OF_NOTE)


def _present(row: db.AnyRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "origin": row.origin,
        "summary": row.summary,
        "created_at": row.created_at,
    }


def get_revision(actor: Actor, note_id: int, number: int) -> dict[str, Any]:
    """Read one revision of my note with the note as it then was; raises NotFound.

    Its status is today's: what a note says has revisions, how far it has come has none.
    """
    note = db.row(_NOTE, {"owner": actor.user_id, "note": note_id})
    if note is None:
        raise NotFound
    [(row, state)] = read_states(actor.user_id, note_id, {number}).values()
    return _present(row) | {"note": detail_of(state, note, row.created_at)}


def diff_revisions(actor: Actor, note_id: int, number: int, against: int | None) -> dict[str, Any]:
    """Make the unified diff that leads to a revision of my note from another (default: the one before).

    Both are written as text, always the same way. The first one is compared with nothing. Raises NotFound.
    """
    if db.row(_NOTE, {"owner": actor.user_id, "note": note_id}) is None:
        raise NotFound
    other = number - 1 if against is None else against
    states = read_states(actor.user_id, note_id, {number, other} - {0})
    old = rendered(states[other][1]) if other in states else []
    names = f"revision {other}", f"revision {number}"
    return {
        "number": number,
        "against": other,
        "diff": unified_diff(old, rendered(states[number][1]), *names),
    }


def read_states(user_id: int, note_id: int, numbers: Collection[int]) -> dict[int, tuple[db.AnyRow, State]]:
    """Read what a note said at some of its revisions, with their rows; raises NotFound for one that is not there."""
    parameters = {"owner": user_id, "note": note_id, "oldest": min(numbers), "newest": max(numbers)}
    for _ in range(TRIES):
        way = db.rows(_WAY, parameters)
        if not set(numbers) <= {row.number for row in way}:
            raise NotFound
        if way[0].content is not None:
            return _walked(way, {}, numbers)
        tree = read_tree(user_id, note_id)
        # The note is the newest revision, unless another one was made between the two statements.
        if tree is not None and db.rows(_LAST, parameters)[0][0] == way[0].number:
            return _walked(way, state_of(tree), numbers)
    raise ServerBusy


def _walked(
    way: Collection[db.AnyRow], newest: State, numbers: Collection[int]
) -> dict[int, tuple[db.AnyRow, State]]:
    """Go back from the newest state along the rows of `way`."""
    state, found = newest, {}
    for row in way:
        if row.content is not None:
            state = state_of(unpacked(row.content))
        if row.number in numbers:
            found[row.number] = (row, state)
        if row.undo is not None:
            state = undone(state, row.undo)
    return found


def detail_of(state: State, note: db.AnyRow, at: datetime) -> Tree:
    """Make a note's detail of a state."""
    chapters = chapters_of(state)
    return {
        "id": note.id,
        "title": state["title"],
        "slug": slug_of(state["title"]),
        "tags": tags_of(state),
        "status": note.status,
        "chapter_count": len(chapters),
        "topic_count": sum(len(chapter["topics"]) for chapter in chapters),
        "created_at": note.created_at,
        "updated_at": at,
        "chapters": chapters,
    }


def tags_of(state: State) -> list[str]:
    """Read the tags of a state."""
    tags: list[str] = orjson.loads(state["tags"])
    return tags


def chapters_of(state: State) -> list[Tree]:
    """Read the chapters of a state, with their topics."""
    order = orjson.loads(state["order"])
    return [_chapter(state, chapter_id, place) for place, chapter_id in enumerate(order, 1)]


def _chapter(state: State, chapter_id: int, order: int) -> Tree:
    ids = orjson.loads(state[f"topics:{chapter_id}"])
    topics = [_topic(state, topic_id, place) for place, topic_id in enumerate(ids, 1)]
    return {"id": chapter_id, "title": state[f"chapter:{chapter_id}"], "order": order, "topics": topics}


def _topic(state: State, topic_id: int, order: int) -> Tree:
    name, text, snippet, source = orjson.loads(state[f"topic:{topic_id}"])
    times = orjson.loads(state[f"times:{topic_id}"])
    made, changed, explained, coded = (time and datetime.fromisoformat(time) for time in times)
    return {
        "id": topic_id,
        "name": name,
        "order": order,
        "explanation": None if text is None else {"content": text, "updated_at": explained},
        "code_snippet": snippet and {"language": snippet[0], "code": snippet[1], "updated_at": coded},
        "source": source and {"title": source[0], "url": source[1]},
        "created_at": made,
        "updated_at": changed,
    }
