"""Chapters of a note."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, bindparam, delete, select, update

from noteassist import db
from noteassist.errors import NotFound, Unprocessable
from noteassist.models import Chapter, Note, Topic
from noteassist.security.actors import Actor
from noteassist.services import note_trees
from noteassist.services.note_trees import TOPIC_COLUMNS, Tree
from noteassist.services.notes import Expectation, touch_note
from noteassist.services.positions import ids_in_order, placed, renumber
from noteassist.services.revisions.keeping import keep_revision
from noteassist.services.revisions.states import chapter_pieces, chapter_title_piece, order_piece
from noteassist.services.search.reindexing import index_notes
from noteassist.services.versions import begin_write

CHAPTERS_PER_NOTE = 200

_CHAPTER = db.Prepared(
    select(
        Chapter.id, Chapter.title, Chapter.position, *TOPIC_COLUMNS,
        Chapter.note_id, Chapter.created_at.label("made"), Chapter.updated_at.label("changed"),
    )
    .select_from(
        note_trees.with_parts(
            Chapter.__table__.join(Note, and_(Note.user_id == Chapter.user_id, Note.id == Chapter.note_id))
            .outerjoin(Topic, and_(Topic.user_id == Chapter.user_id, Topic.chapter_id == Chapter.id))
        )
    )
    .where(Chapter.user_id == bindparam("owner"), Chapter.id == bindparam("chapter"), Note.deleted_at.is_(None))
    .order_by(Topic.position)
)  # fmt: skip

_NOTE_IS_THERE = select(Note.id).where(
    Note.user_id == bindparam("owner"), Note.id == bindparam("note"), Note.deleted_at.is_(None)
)


def get_chapter(actor: Actor, chapter_id: int) -> Tree:
    """Read one of my chapters with its topics; raises NotFound."""
    found = db.rows(_CHAPTER, {"owner": actor.user_id, "chapter": chapter_id})
    if not found:
        raise NotFound
    chapter = next(iter(note_trees.gather_chapters(found)))
    note_id, created_at, updated_at = found[0][-3:]
    return chapter | {"note_id": note_id, "created_at": created_at, "updated_at": updated_at}


def add_chapter(
    actor: Actor,
    note_id: int,
    *,
    title: str,
    order: int | None = None,
    topics: list[Mapping[str, Any]] | None = None,
    origin: str = "user",
) -> Tree:
    """Add a chapter to my note, at `order` (1 is first) or last; raises NotFound, Unprocessable.

    `origin` is that of the revision.
    """
    begin_write(actor.user_id)
    if db.row(_NOTE_IS_THERE, {"owner": actor.user_id, "note": note_id}) is None:
        raise NotFound
    siblings = ids_in_order(Chapter, actor.user_id, note_id)
    if len(siblings) >= CHAPTERS_PER_NOTE:
        raise Unprocessable(f"A note has at most {CHAPTERS_PER_NOTE} chapters.", code="too_many_chapters")
    body = {"title": title, "topics": topics or []}
    last = len(siblings) + 1
    [chapter_id] = note_trees.insert_chapters(actor.user_id, note_id, [body], db.utcnow(), first=last)
    new_order = placed(siblings, chapter_id, order)
    if new_order[-1] != chapter_id:
        renumber(Chapter, actor.user_id, note_id, new_order)
    at = touch_note(actor.user_id, note_id)
    chapter = get_chapter(actor, chapter_id)
    after = order_piece(new_order) | chapter_pieces(chapter)
    keep_revision(actor.user_id, note_id, order_piece(siblings), after, at=at, origin=origin)
    index_notes(actor.user_id, [note_id])
    return chapter


def update_chapter(
    actor: Actor, chapter_id: int, changes: Mapping[str, Any], *, expect: Expectation | None = None
) -> Tree:
    """Rename or move my chapter; raises NotFound, PreconditionFailed."""
    begin_write(actor.user_id)
    chapter = get_chapter(actor, chapter_id)
    if expect:
        expect(chapter)
    if not changes:
        return chapter
    note_id = chapter["note_id"]
    before = chapter_title_piece(chapter_id, chapter["title"])
    after = chapter_title_piece(chapter_id, changes.get("title", chapter["title"]))
    if "title" in changes:
        own = (Chapter.user_id == actor.user_id) & (Chapter.id == chapter_id)
        values = {"title": changes["title"], "updated_at": db.utcnow()}
        db.execute(update(Chapter).where(own).values(**values))
    if "order" in changes:
        siblings = ids_in_order(Chapter, actor.user_id, note_id)
        new_order = placed(siblings, chapter_id, changes["order"])
        renumber(Chapter, actor.user_id, note_id, new_order)
        before, after = before | order_piece(siblings), after | order_piece(new_order)
    keep_revision(actor.user_id, note_id, before, after, at=touch_note(actor.user_id, note_id))
    if changes.get("title", chapter["title"]) != chapter["title"]:
        index_notes(actor.user_id, [note_id])
    return get_chapter(actor, chapter_id)


def delete_chapter(actor: Actor, chapter_id: int, *, expect: Expectation | None = None) -> None:
    """Delete my chapter with its topics; raises NotFound, PreconditionFailed."""
    begin_write(actor.user_id)
    chapter = get_chapter(actor, chapter_id)
    if expect:
        expect(chapter)
    note_id = chapter["note_id"]
    siblings = ids_in_order(Chapter, actor.user_id, note_id)
    left = [sibling for sibling in siblings if sibling != chapter_id]
    db.execute(delete(Chapter).where((Chapter.user_id == actor.user_id) & (Chapter.id == chapter_id)))
    renumber(Chapter, actor.user_id, note_id, left)
    at = touch_note(actor.user_id, note_id)
    before = order_piece(siblings) | chapter_pieces(chapter)
    keep_revision(actor.user_id, note_id, before, order_piece(left), at=at)
    index_notes(actor.user_id, [note_id])
