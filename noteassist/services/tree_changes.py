"""Changing a note as a whole: replacing its tree, putting it into another order."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update

from noteassist import db
from noteassist.errors import Unprocessable
from noteassist.models import Chapter, Topic
from noteassist.services.note_trees import (
    PART_FIELDS,
    PARTS,
    Tree,
    insert_bare_chapters,
    insert_parts,
    insert_topics,
)
from noteassist.services.positions import step_aside
from noteassist.services.search.indexing import index_topics

TOPICS_PER_CHAPTER = 200


def replace_chapters(user_id: int, tree: Tree, chapters: Sequence[Mapping[str, Any]]) -> None:
    """Make the chapters of `tree` what `chapters` says; raises Unprocessable for ids that are not of this note."""
    known_chapters = {chapter["id"]: chapter for chapter in tree["chapters"]}
    known_topics = {topic["id"]: topic for chapter in tree["chapters"] for topic in chapter["topics"]}
    wanted_topics = [topic for chapter in chapters for topic in chapter["topics"]]
    _refuse_foreign("chapter", chapters, known_chapters)
    _refuse_foreign("topic", wanted_topics, known_topics)
    now = db.utcnow()
    note_id = tree["id"]
    for model in (Chapter, Topic):
        step_aside(model, (model.user_id == user_id) & (model.note_id == note_id))
    chapter_ids = _place_chapters(user_id, note_id, chapters, known_chapters, now)
    placed = [
        (chapter_ids[place], order, topic)
        for place, chapter in enumerate(chapters, 1)
        for order, topic in enumerate(chapter["topics"], 1)
    ]
    _place_topics(user_id, note_id, placed, known_topics, now)
    # Whoever still stands aside was not named.
    for model in (Topic, Chapter):
        gone = (model.user_id == user_id) & (model.note_id == note_id) & (model.position < 0)
        db.execute(delete(model).where(gone))


def _refuse_foreign(kind: str, items: Iterable[Mapping[str, Any]], known: Mapping[int, Tree]) -> None:
    ids = [item["id"] for item in items if item.get("id") is not None]
    foreign = sorted(set(ids) - set(known))
    twice = sorted(row_id for row_id, count in Counter(ids).items() if count > 1)
    messages = [f"There is no {kind} {row_id} in this note." for row_id in foreign]
    messages += [f"The {kind} {row_id} stands here more than once." for row_id in twice]
    if messages:
        raise Unprocessable(errors={"json": {"chapters": messages}})


def _place_chapters(
    user_id: int,
    note_id: int,
    chapters: Sequence[Mapping[str, Any]],
    known: Mapping[int, Tree],
    now: datetime,
) -> dict[int, int]:
    """Update the chapters that are kept and insert the new ones; gives the id at each place."""
    kept, ids = [], {}
    for place, chapter in enumerate(chapters, 1):
        if (chapter_id := chapter.get("id")) is not None:
            ids[place] = chapter_id
            kept.append({"id": chapter_id, "position": place, "title": chapter["title"]})
    renamed = [record["id"] for record in kept if record["title"] != known[record["id"]]["title"]]
    db.update_rows(Chapter, user_id, kept)
    if renamed:
        own = (Chapter.user_id == user_id) & Chapter.id.in_(db.each_of(renamed))
        db.execute(update(Chapter).where(own).values(updated_at=now))
    new = [(place, chapter) for place, chapter in enumerate(chapters, 1) if chapter.get("id") is None]
    return ids | insert_bare_chapters(user_id, note_id, new, now)


def _place_topics(
    user_id: int,
    note_id: int,
    placed: Sequence[tuple[int, int, Mapping[str, Any]]],
    known: Mapping[int, Tree],
    now: datetime,
) -> None:
    kept = [entry for entry in placed if entry[2].get("id") is not None]
    records = [
        {
            "id": topic["id"],
            "chapter_id": chapter_id,
            "position": position,
            "name": topic["name"],
            "updated_at": now
            if topic_changed(known[topic["id"]], topic)
            else known[topic["id"]]["updated_at"],
        }
        for chapter_id, position, topic in kept
    ]
    db.update_rows(Topic, user_id, records)
    replace_parts(user_id, [(known[topic["id"]], topic) for _, _, topic in kept], now)
    changed = [(topic["id"], topic) for _, _, topic in kept if topic_changed(known[topic["id"]], topic)]
    index_topics(user_id, note_id, changed)
    insert_topics(user_id, note_id, [entry for entry in placed if entry[2].get("id") is None], now)


def topic_changed(old: Tree, new: Mapping[str, Any]) -> bool:
    """Say whether the name or a part of a topic differs."""
    return old["name"] != new["name"] or any(part_changed(name, old, new) for name in PARTS)


def part_changed(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Say whether a part of a topic differs, apart from its time."""
    before, after = old.get(name), new.get(name)
    if before is None or after is None:
        return before is not after
    return any(before[field] != after[field] for field in PART_FIELDS[name])


def replace_parts(user_id: int, pairs: Sequence[tuple[Tree, Mapping[str, Any]]], now: datetime) -> None:
    """Bring the parts of topics from what they were to what they shall be; pairs of (old, new)."""
    added: dict[int, dict[str, Any]] = {}
    for name, part in PARTS.items():
        changed = [(old, new) for old, new in pairs if part_changed(name, old, new)]
        gone = [old["id"] for old, _ in changed if old[name] is not None]
        if gone:
            own = (part.user_id == user_id) & part.topic_id.in_(db.each_of(gone))
            db.execute(delete(part).where(own))
        for old, new in changed:
            added.setdefault(old["id"], {})[name] = new.get(name)
    insert_parts(user_id, list(added.items()), now)


def reorder(user_id: int, tree: Tree, chapters: Sequence[Mapping[str, Any]]) -> None:
    """Give chapters and topics new places; raises Unprocessable unless each is named exactly once."""
    topics = [topic["id"] for chapter in tree["chapters"] for topic in chapter["topics"]]
    _require_same("chapters", [c["id"] for c in chapters], [c["id"] for c in tree["chapters"]])
    _require_same("topics", [topic for chapter in chapters for topic in chapter["topics"]], topics)
    if any(len(chapter["topics"]) > TOPICS_PER_CHAPTER for chapter in chapters):
        raise Unprocessable(
            errors={"json": {"chapters": [f"A chapter has at most {TOPICS_PER_CHAPTER} topics."]}}
        )
    for model in (Chapter, Topic):
        step_aside(model, (model.user_id == user_id) & (model.note_id == tree["id"]))
    chapter_records = [{"id": chapter["id"], "position": place} for place, chapter in enumerate(chapters, 1)]
    topic_records = [
        {"id": topic_id, "chapter_id": chapter["id"], "position": place}
        for chapter in chapters
        for place, topic_id in enumerate(chapter["topics"], 1)
    ]
    db.update_rows(Chapter, user_id, chapter_records)
    db.update_rows(Topic, user_id, topic_records)


def _require_same(field: str, named: Sequence[int], existing: Sequence[int]) -> None:
    if Counter(named) != Counter(existing):
        message = f"Name every one of the {len(existing)} {field} of this note exactly once."
        raise Unprocessable(errors={"json": {"chapters": [message]}})
