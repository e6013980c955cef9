"""A note as a whole: reading it in one statement, writing its chapters, topics and parts in a few."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, bindparam, select

from noteassist import db
from noteassist.models import Chapter, CodeSnippet, Explanation, Note, NoteTag, Source, Topic
from noteassist.services.search.indexing import Record, insert_entries, topic_entry

Tree = dict[str, Any]

PARTS: dict[str, Any] = {"explanation": Explanation, "code_snippet": CodeSnippet, "source": Source}
PART_FIELDS = {
    "explanation": ("content",),
    "code_snippet": ("language", "code"),
    "source": ("title", "url"),
}
NOTE_COLUMNS = (
    Note.id,
    Note.title,
    Note.slug,
    Note.status,
    Note.chapter_count,
    Note.topic_count,
    Note.created_at,
    Note.updated_at,
)
TOPIC_COLUMNS = (
    Topic.id,
    Topic.name,
    Topic.position,
    Topic.created_at,
    Topic.updated_at,
    Explanation.content,
    Explanation.updated_at,
    CodeSnippet.language,
    CodeSnippet.code,
    CodeSnippet.updated_at,
    Source.title,
    Source.url,
)


def tags_column() -> ColumnElement[str]:
    """Make the column with a note's tags as the text of a JSON array."""
    of_this_note = and_(NoteTag.user_id == Note.user_id, NoteTag.note_id == Note.id)
    names = select(NoteTag.name).where(of_this_note).order_by(NoteTag.name).correlate(Note)
    return db.json_list(names).label("tags")


def present_note(row: db.AnyRow) -> Tree:
    """Show a row that begins with NOTE_COLUMNS and the tags."""
    note_id, title, slug, status, chapter_count, topic_count, created_at, updated_at, tags = row[:9]
    return {
        "id": note_id,
        "title": title,
        "slug": slug,
        "tags": orjson.loads(tags),
        "status": status,
        "chapter_count": chapter_count,
        "topic_count": topic_count,
        "created_at": created_at,
        "updated_at": updated_at,
    }


def present_topic(row: Sequence[Any]) -> Tree:
    """Show a row of TOPIC_COLUMNS."""
    topic_id, name, order, created_at, updated_at, content, explained_at = row[:7]
    language, code, coded_at, source_title, url = row[7:12]
    snippet = None if code is None else {"language": language, "code": code, "updated_at": coded_at}
    return {
        "id": topic_id,
        "name": name,
        "order": order,
        "explanation": None if content is None else {"content": content, "updated_at": explained_at},
        "code_snippet": snippet,
        "source": None if url is None else {"title": source_title, "url": url},
        "created_at": created_at,
        "updated_at": updated_at,
    }


def read_tree(user_id: int, note_id: int, *, trashed: bool = False) -> Tree | None:
    """Read a note's detail, or None. One statement, so that it is one moment's state."""
    return tree_of(db.rows(_tree_statement(trashed), {"owner": user_id, "note": note_id}))


def tree_of(rows: Sequence[Any]) -> Tree | None:
    """Make a note of the rows of `tree_select` in their order; None of none."""
    if not rows:
        return None
    note = present_note(rows[0])
    note["chapters"] = list(gather_chapters(row[9:] for row in rows))
    return note


def gather_chapters(rows: Iterable[Sequence[Any]]) -> Iterable[Tree]:
    """Fold sorted rows of (chapter id, title, position, TOPIC_COLUMNS) into chapters with their topics."""
    chapter: Tree | None = None
    for row in rows:
        chapter_id, title, order = row[:3]
        if chapter_id is None:
            return
        if chapter is None or chapter["id"] != chapter_id:
            if chapter is not None:
                yield chapter
            chapter = {"id": chapter_id, "title": title, "order": order, "topics": []}
        if row[3] is not None:
            chapter["topics"].append(present_topic(row[3:]))
    if chapter is not None:
        yield chapter


@db.per_database
def _tree_statement(trashed: bool) -> db.Prepared:
    return db.Prepared(tree_select(trashed=trashed).order_by(Chapter.position, Topic.position))


def tree_select(*, trashed: bool = False) -> db.AnySelect:
    """Select a note with everything in it, a row for each topic; its :owner's :note."""
    # The note stands in a materialised CTE, so that its tags are gathered once and not once a topic.
    is_there = Note.deleted_at.is_not(None) if trashed else Note.deleted_at.is_(None)
    own = and_(Note.user_id == bindparam("owner"), Note.id == bindparam("note"), is_there)
    note = select(*NOTE_COLUMNS, tags_column()).where(own).cte("note").prefix_with("MATERIALIZED")
    chapters = and_(Chapter.user_id == bindparam("owner"), Chapter.note_id == note.c.id)
    topics = and_(Topic.user_id == bindparam("owner"), Topic.chapter_id == Chapter.id)
    statement = select(*note.c, Chapter.id, Chapter.title, Chapter.position, *TOPIC_COLUMNS)
    joined = note.outerjoin(Chapter, chapters).outerjoin(Topic, topics)
    return statement.select_from(with_parts(joined))


def with_parts(topics: Any) -> Any:
    """Join a topic's parts to a FROM clause that has topics."""
    for part in PARTS.values():
        topics = topics.outerjoin(part, and_(part.user_id == Topic.user_id, part.topic_id == Topic.id))
    return topics


def insert_chapters(
    user_id: int,
    note_id: int,
    chapters: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    first: int = 1,
    entries: Sequence[Record] = (),
) -> list[int]:
    """Insert chapters with their topics from position `first` on; gives the chapters' ids in order.

    `entries` are further words to be searched, which are written along with those of the topics.
    """
    ids = insert_bare_chapters(user_id, note_id, enumerated(chapters, first), now)
    topics = [
        (ids[position], order, topic)
        for position, chapter in enumerated(chapters, first)
        for order, topic in enumerated(chapter.get("topics") or (), 1)
    ]
    insert_topics(user_id, note_id, topics, now, entries=entries)
    return [ids[position] for position, _ in enumerated(chapters, first)]


def enumerated(items: Sequence[Mapping[str, Any]], first: int) -> list[tuple[int, Mapping[str, Any]]]:
    """Give each item its number, from `first` on."""
    return list(enumerate(items, first))


def chapter_record(
    user_id: int, note_id: int, position: int, chapter: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Make the row of a chapter."""
    owner = {"user_id": user_id, "note_id": note_id}
    return owner | {"title": chapter["title"], "position": position, "created_at": now, "updated_at": now}


def topic_record(
    user_id: int, note_id: int, chapter_id: int, position: int, topic: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Make the row of a topic."""
    owner = {"user_id": user_id, "note_id": note_id, "chapter_id": chapter_id}
    return owner | {"name": topic["name"], "position": position, "created_at": now, "updated_at": now}


def insert_bare_chapters(
    user_id: int, note_id: int, placed: Sequence[tuple[int, Mapping[str, Any]]], now: datetime
) -> dict[int, int]:
    """Insert (position, chapter) pairs without topics; gives the id at each position."""
    records = [chapter_record(user_id, note_id, position, chapter, now) for position, chapter in placed]
    made = db.insert_rows(Chapter, records, Chapter.id, Chapter.position)
    return {position: chapter_id for chapter_id, position in made}


def insert_topics(
    user_id: int,
    note_id: int,
    placed: Sequence[tuple[int, int, Mapping[str, Any]]],
    now: datetime,
    *,
    entries: Sequence[Record] = (),
) -> list[int]:
    """Insert (chapter id, position, topic) triples with their parts and words; gives the topics' ids in order."""
    records = [
        topic_record(user_id, note_id, chapter_id, position, topic, now)
        for chapter_id, position, topic in placed
    ]
    made = db.insert_rows(Topic, records, Topic.id, Topic.chapter_id, Topic.position)
    ids = {(chapter_id, position): topic_id for topic_id, chapter_id, position in made}
    pairs = [(ids[chapter_id, position], topic) for chapter_id, position, topic in placed]
    insert_parts(user_id, pairs, now)
    words = [topic_entry(user_id, note_id, topic_id, topic) for topic_id, topic in pairs]
    insert_entries([*entries, *words])
    return [topic_id for topic_id, _ in pairs]


def insert_parts(user_id: int, topics: Sequence[tuple[int, Mapping[str, Any]]], now: datetime) -> None:
    """Insert the parts that (topic id, topic) pairs have; three statements at most."""
    for name, part in PARTS.items():
        records = []
        for topic_id, topic in topics:
            if (content := topic.get(name)) is None:
                continue
            record: dict[str, Any] = {"user_id": user_id, "topic_id": topic_id}
            record |= {field: content[field] for field in PART_FIELDS[name]}
            if name != "source":
                record["updated_at"] = now
            records.append(record)
        db.insert_rows(part, records)
