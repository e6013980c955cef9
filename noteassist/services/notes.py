"""Notes: listing, reading, writing and deleting them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, or_, select, update

from noteassist import db
from noteassist.errors import NotFound
from noteassist.models import Chapter, CodeSnippet, Explanation, Note, NoteTag, Topic
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor
from noteassist.services import note_trees, tree_changes
from noteassist.services.note_trees import NOTE_COLUMNS, Tree, present_note, tags_column
from noteassist.services.slugs import slug_of, sort_key_of
from noteassist.services.versions import begin_write

Expectation = Callable[[Tree], None]

ORDERINGS = {
    "-created_at": Order((Note.created_at, Note.id), descending=True),
    "created_at": Order((Note.created_at, Note.id)),
    "-updated_at": Order((Note.updated_at, Note.id), descending=True),
    "updated_at": Order((Note.updated_at, Note.id)),
    "title": Order((Note.sort_title, Note.id)),
}


@dataclass(frozen=True)
class NoteFilter:
    """Which notes to list; every condition that is given must hold."""

    status: str | None = None
    tags: tuple[str, ...] = ()
    q: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def shape(self) -> tuple[Any, ...]:
        """Say which conditions are given; the values are bound apart."""
        flags = (self.status, self.q, self.created_after, self.created_before)
        return (len(self.tags), *(value is not None for value in flags))

    @property
    def parameters(self) -> dict[str, Any]:
        """Give the values of the conditions."""
        tags = {f"tag_{index}": tag for index, tag in enumerate(self.tags)}
        after, before = self.created_after, self.created_before
        return tags | {"status": self.status, "q": self.q, "after": after, "before": before}


def list_notes(actor: Actor, wanted: NoteFilter, ordering: str, page: PageRequest) -> Page:
    """List my notes."""
    order = ORDERINGS[ordering]
    parameters = wanted.parameters | {"owner": actor.user_id}
    return fetch_page(_listing, (order, *wanted.shape), order, page, present_note, parameters)


def _listing(
    order: Order, tags: int, has_status: bool, has_q: bool, has_after: bool, has_before: bool
) -> db.AnySelect:
    statement = select(*NOTE_COLUMNS, tags_column(), *order.columns)
    statement = statement.where(Note.user_id == bindparam("owner"), Note.deleted_at.is_(None))
    for index in range(tags):
        same = and_(NoteTag.user_id == Note.user_id, NoteTag.note_id == Note.id)
        tagged = select(NoteTag.name).where(same, NoteTag.name == bindparam(f"tag_{index}"))
        statement = statement.where(tagged.correlate(Note).exists())
    conditions = (
        (has_status, Note.status == bindparam("status")),
        (has_q, _mentions()),
        (has_after, Note.created_at > bindparam("after", type_=Note.created_at.type)),
        (has_before, Note.created_at < bindparam("before", type_=Note.created_at.type)),
    )
    return statement.where(*(condition for is_given, condition in conditions if is_given))


def _mentions() -> ColumnElement[bool]:
    """Hold for notes that have the text of `q` anywhere, in any case."""

    def contains(column: Any) -> ColumnElement[bool]:
        return db.instr(func.lower(column), func.lower(bindparam("q"))) > 0

    tag = select(NoteTag.name).where(NoteTag.user_id == Note.user_id, NoteTag.note_id == Note.id)
    chapter = select(Chapter.id).where(Chapter.user_id == Note.user_id, Chapter.note_id == Note.id)
    topic = select(Topic.id).select_from(note_trees.with_parts(Topic.__table__))
    topic = topic.where(Topic.user_id == Note.user_id, Topic.note_id == Note.id)
    in_topic = or_(contains(Topic.name), contains(Explanation.content), contains(CodeSnippet.code))
    return or_(
        contains(Note.title),
        tag.where(contains(NoteTag.name)).correlate(Note).exists(),
        chapter.where(contains(Chapter.title)).correlate(Note).exists(),
        topic.where(in_topic).correlate(Note).exists(),
    )


def get_note(actor: Actor, note_id: int) -> Tree:
    """Read one of my notes as a whole; raises NotFound."""
    tree = note_trees.read_tree(actor.user_id, note_id)
    if tree is None:
        raise NotFound
    return tree


def create_note(
    actor: Actor,
    *,
    title: str,
    tags: Sequence[str] = (),
    status: str = "draft",
    chapters: Sequence[Mapping[str, Any]] = (),
) -> Tree:
    """Make a note with all its chapters and topics."""
    begin_write(actor.user_id)
    note_id = insert_note(actor.user_id, title=title, tags=tags, status=status, chapters=chapters)
    return get_note(actor, note_id)


def insert_note(
    user_id: int, *, title: str, tags: Sequence[str], status: str, chapters: Sequence[Mapping[str, Any]]
) -> int:
    """Insert a whole note into an open write; gives its id."""
    now = db.utcnow()
    values = title_values(title) | {
        "user_id": user_id,
        "status": status,
        "chapter_count": len(chapters),
        "topic_count": sum(len(chapter.get("topics") or ()) for chapter in chapters),
        "created_at": now,
        "updated_at": now,
    }
    note_id = int(db.execute(insert(Note).values(values).returning(Note.id)).scalar_one())
    insert_tags(user_id, note_id, tags)
    note_trees.insert_chapters(user_id, note_id, chapters, now)
    return note_id


def title_values(title: str) -> dict[str, str]:
    """Give the columns that a title decides."""
    return {"title": title, "slug": slug_of(title), "sort_title": sort_key_of(title)}


def insert_tags(user_id: int, note_id: int, tags: Sequence[str]) -> None:
    """Put tags on a note that has none of them."""
    records = [{"user_id": user_id, "note_id": note_id, "name": name} for name in tags]
    db.insert_rows(NoteTag, records)


def update_note(
    actor: Actor, note_id: int, changes: Mapping[str, Any], *, expect: Expectation | None = None
) -> Tree:
    """Change the title, tags or status of my note; raises NotFound, PreconditionFailed."""
    begin_write(actor.user_id)
    tree = get_note(actor, note_id)
    if expect:
        expect(tree)
    if not changes:
        return tree
    _write_fields(actor.user_id, tree, changes)
    return get_note(actor, note_id)


def _write_fields(user_id: int, tree: Tree, changes: Mapping[str, Any]) -> None:
    values: dict[str, Any] = {name: changes[name] for name in ("status",) if name in changes}
    if "title" in changes:
        values |= title_values(changes["title"])
    if "tags" in changes and list(changes["tags"]) != tree["tags"]:
        of_note = (NoteTag.user_id == user_id) & (NoteTag.note_id == tree["id"])
        db.execute(delete(NoteTag).where(of_note))
        insert_tags(user_id, tree["id"], changes["tags"])
    touch_note(user_id, tree["id"], **values)


def replace_note(
    actor: Actor, note_id: int, body: Mapping[str, Any], *, expect: Expectation | None = None
) -> Tree:
    """Make my note what `body` says: rows with an id are kept, others made, absent ones removed.

    Raises NotFound, PreconditionFailed, and Unprocessable for an id that is not of this note.
    """
    begin_write(actor.user_id)
    tree = get_note(actor, note_id)
    if expect:
        expect(tree)
    tree_changes.replace_chapters(actor.user_id, tree, body["chapters"])
    _write_fields(actor.user_id, tree, body)
    return get_note(actor, note_id)


def touch_note(user_id: int, note_id: int, **values: Any) -> None:
    """Stamp a note that changed, and count its chapters and topics anew in the same statement."""
    chapters = select(func.count()).where(Chapter.user_id == user_id, Chapter.note_id == note_id)
    topics = select(func.count()).where(Topic.user_id == user_id, Topic.note_id == note_id)
    counted = {"chapter_count": chapters.scalar_subquery(), "topic_count": topics.scalar_subquery()}
    own = (Note.user_id == user_id) & (Note.id == note_id)
    db.execute(update(Note).where(own).values(**values, **counted, updated_at=db.utcnow()))


def trash_note(actor: Actor, note_id: int, *, expect: Expectation | None = None) -> None:
    """Move my note to the trash; raises NotFound, PreconditionFailed."""
    begin_write(actor.user_id)
    tree = get_note(actor, note_id)
    if expect:
        expect(tree)
    own = (Note.user_id == actor.user_id) & (Note.id == note_id)
    db.execute(update(Note).where(own).values(deleted_at=db.utcnow()))


def duplicate_note(actor: Actor, note_id: int) -> Tree:
    """Make a draft that is a copy of my note; raises NotFound."""
    begin_write(actor.user_id)
    tree = get_note(actor, note_id)
    title = f"{tree['title'][:248]} (copy)"
    copy_id = insert_note(
        actor.user_id, title=title, tags=tree["tags"], status="draft", chapters=tree["chapters"]
    )
    return get_note(actor, copy_id)


def reorder_note(
    actor: Actor, note_id: int, chapters: Sequence[Mapping[str, Any]], *, expect: Expectation | None = None
) -> Tree:
    """Put my note's chapters and topics into a new order; raises NotFound, Unprocessable."""
    begin_write(actor.user_id)
    tree = get_note(actor, note_id)
    if expect:
        expect(tree)
    tree_changes.reorder(actor.user_id, tree, chapters)
    touch_note(actor.user_id, note_id)
    return get_note(actor, note_id)
