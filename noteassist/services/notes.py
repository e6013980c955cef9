"""Notes: listing, reading, writing and deleting them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, select, update

from noteassist import db
from noteassist.errors import NotFound
from noteassist.models import Chapter, Note, NoteTag, Topic
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor
from noteassist.services import note_trees, tree_changes
from noteassist.services.note_trees import NOTE_COLUMNS, Tree, present_note, tags_column
from noteassist.services.revisions.keeping import keep_first_revisions, keep_revision
from noteassist.services.revisions.states import state_of
from noteassist.services.search.finding import note_parameters
from noteassist.services.search.indexing import note_entry
from noteassist.services.search.queries import Query, parse
from noteassist.services.search.reindexing import index_notes
from noteassist.services.search.statements import notes_subquery
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
    """Which notes to list; every condition that is given must hold. An empty `q` is none."""

    status: str | None = None
    tags: tuple[str, ...] = ()
    q: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def shape(self, query: Query | None) -> tuple[Any, ...]:
        """Say which conditions are given; the values are bound apart."""
        words = None if query is None else (len(query.terms), len(query.excluded))
        flags = (self.status, self.created_after, self.created_before)
        return (len(self.tags), words, *(value is not None for value in flags))

    @property
    def parameters(self) -> dict[str, Any]:
        """Give the values of the conditions, without those of the words."""
        tags = {f"tag_{index}": tag for index, tag in enumerate(self.tags)}
        return tags | {"status": self.status, "after": self.created_after, "before": self.created_before}


def list_notes(actor: Actor, wanted: NoteFilter, ordering: str, page: PageRequest) -> Page:
    """List my notes."""
    query = parse(wanted.q) if wanted.q and wanted.q.strip() else None
    if query is not None and query.is_empty:
        return Page([], None, None)
    order = ORDERINGS[ordering]
    parameters = wanted.parameters | {"owner": actor.user_id}
    if query is not None:
        parameters |= note_parameters(actor.user_id, query)
    return fetch_page(listing, (order, *wanted.shape(query)), order, page, present_note, parameters)


def listing(
    order: Order,
    tags: int,
    words: tuple[int, int] | None,
    has_status: bool,
    has_after: bool,
    has_before: bool,
) -> db.AnySelect:
    """Select notes of the :owner with so many tags and words, and these conditions."""
    statement = select(*NOTE_COLUMNS, tags_column(), *order.columns)
    statement = statement.where(Note.user_id == bindparam("owner"), Note.deleted_at.is_(None))
    for index in range(tags):
        same = and_(NoteTag.user_id == Note.user_id, NoteTag.note_id == Note.id)
        tagged = select(NoteTag.name).where(same, NoteTag.name == bindparam(f"tag_{index}"))
        statement = statement.where(tagged.correlate(Note).exists())
    if words is not None:
        statement = statement.where(Note.id.in_(notes_subquery(*words)))
    conditions = (
        (has_status, Note.status == bindparam("status")),
        (has_after, Note.created_at > bindparam("after", type_=Note.created_at.type)),
        (has_before, Note.created_at < bindparam("before", type_=Note.created_at.type)),
    )
    return statement.where(*(condition for is_given, condition in conditions if is_given))


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
    origin: str = "user",
) -> Tree:
    """Make a note with all its chapters and topics; `origin` is that of its first revision."""
    begin_write(actor.user_id)
    note_id = insert_note(
        actor.user_id, title=title, tags=tags, status=status, chapters=chapters, origin=origin
    )
    return get_note(actor, note_id)


def insert_note(
    user_id: int,
    *,
    title: str,
    tags: Sequence[str],
    status: str,
    chapters: Sequence[Mapping[str, Any]],
    origin: str = "user",
    summary: str = "Note made",
) -> int:
    """Insert a whole note with its words into an open write; gives its id.

    `origin` and `summary` are those of its first revision.
    """
    now = db.utcnow()
    values = title_values(title) | {
        "user_id": user_id,
        "status": status,
        "chapter_count": len(chapters),
        "topic_count": sum(len(chapter.get("topics") or ()) for chapter in chapters),
        "created_at": now,
        "updated_at": now,
    }
    [made] = db.insert_rows(Note, [values], Note.id)
    note_id = int(made.id)
    insert_tags(user_id, note_id, tags)
    entry = note_entry(user_id, note_id, title, tags, [chapter["title"] for chapter in chapters])
    note_trees.insert_chapters(user_id, note_id, chapters, now, entries=[entry])
    keep_first_revisions(user_id, [(note_id, now)], origin=origin, summary=summary)
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
    return finish_change(actor, tree, write_fields(actor.user_id, tree, changes))


def write_fields(user_id: int, tree: Tree, changes: Mapping[str, Any]) -> datetime:
    """Write the title, tags and status that `changes` has, and stamp the note; gives the time."""
    values: dict[str, Any] = {name: changes[name] for name in ("status",) if name in changes}
    if "title" in changes:
        values |= title_values(changes["title"])
    if "tags" in changes and list(changes["tags"]) != tree["tags"]:
        of_note = (NoteTag.user_id == user_id) & (NoteTag.note_id == tree["id"])
        db.execute(delete(NoteTag).where(of_note))
        insert_tags(user_id, tree["id"], changes["tags"])
    return touch_note(user_id, tree["id"], **values)


def finish_change(
    actor: Actor, before: Tree, at: datetime, *, origin: str = "user", summary: str | None = None
) -> Tree:
    """Keep the revision of a note that was changed, and its words; gives the note as it now stands."""
    after = get_note(actor, before["id"])
    states = (state_of(before), state_of(after))
    keep_revision(actor.user_id, before["id"], *states, at=at, origin=origin, summary=summary)
    if _names_of(before) != _names_of(after):
        index_notes(actor.user_id, [before["id"]])
    return after


def _names_of(tree: Tree) -> tuple[Any, ...]:
    return tree["title"], tree["tags"], [chapter["title"] for chapter in tree["chapters"]]


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
    return finish_change(actor, tree, write_fields(actor.user_id, tree, body))


def touch_note(user_id: int, note_id: int, **values: Any) -> datetime:
    """Stamp a note that changed, and count its chapters and topics anew in the same statement; gives the time."""
    now = db.utcnow()
    chapters = select(func.count()).where(Chapter.user_id == user_id, Chapter.note_id == note_id)
    topics = select(func.count()).where(Topic.user_id == user_id, Topic.note_id == note_id)
    counted = {"chapter_count": chapters.scalar_subquery(), "topic_count": topics.scalar_subquery()}
    own = (Note.user_id == user_id) & (Note.id == note_id)
    db.execute(update(Note).where(own).values(**values, **counted, updated_at=now))
    return now


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
    return finish_change(actor, tree, touch_note(actor.user_id, note_id))
