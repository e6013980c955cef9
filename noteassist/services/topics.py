"""Topics of a chapter, each with at most one explanation, code snippet and source."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, bindparam, delete, select, update

from noteassist import db
from noteassist.errors import NotFound, Unprocessable
from noteassist.models import Note, Topic
from noteassist.security.actors import Actor
from noteassist.services import note_trees
from noteassist.services.chapters import get_chapter
from noteassist.services.note_trees import PARTS, TOPIC_COLUMNS, Tree, present_topic
from noteassist.services.notes import Expectation, touch_note
from noteassist.services.positions import ids_in_order, placed, renumber
from noteassist.services.tree_changes import TOPICS_PER_CHAPTER, replace_parts
from noteassist.services.versions import begin_write

_TOPIC = (
    select(*TOPIC_COLUMNS, Topic.chapter_id, Topic.note_id)
    .select_from(
        note_trees.with_parts(
            Topic.__table__.join(Note, and_(Note.user_id == Topic.user_id, Note.id == Topic.note_id))
        )
    )
    .where(Topic.user_id == bindparam("owner"), Topic.id == bindparam("topic"), Note.deleted_at.is_(None))
)


def get_topic(actor: Actor, topic_id: int) -> Tree:
    """Read one of my topics; raises NotFound."""
    found = db.row(_TOPIC, {"owner": actor.user_id, "topic": topic_id})
    if found is None:
        raise NotFound
    chapter_id, note_id = found[-2:]
    return present_topic(found) | {"chapter_id": chapter_id, "note_id": note_id}


def add_topic(actor: Actor, chapter_id: int, *, order: int | None = None, **topic: Any) -> Tree:
    """Add a topic with its parts to my chapter, at `order` (1 is first) or last; raises NotFound, Unprocessable."""
    begin_write(actor.user_id)
    note_id = get_chapter(actor, chapter_id)["note_id"]
    siblings = ids_in_order(Topic, actor.user_id, chapter_id)
    if len(siblings) >= TOPICS_PER_CHAPTER:
        raise Unprocessable(f"A chapter has at most {TOPICS_PER_CHAPTER} topics.", code="too_many_topics")
    last = len(siblings) + 1
    [topic_id] = note_trees.insert_topics(actor.user_id, note_id, [(chapter_id, last, topic)], db.utcnow())
    if order is not None and order < last:
        renumber(Topic, actor.user_id, chapter_id, placed(siblings, topic_id, order))
    touch_note(actor.user_id, note_id)
    return get_topic(actor, topic_id)


def update_topic(
    actor: Actor, topic_id: int, changes: Mapping[str, Any], *, expect: Expectation | None = None
) -> Tree:
    """Change my topic's name, place or parts (None removes a part); raises NotFound, PreconditionFailed."""
    begin_write(actor.user_id)
    topic = get_topic(actor, topic_id)
    if expect:
        expect(topic)
    if not changes:
        return topic
    now = db.utcnow()
    own = (Topic.user_id == actor.user_id) & (Topic.id == topic_id)
    db.execute(update(Topic).where(own).values(name=changes.get("name", topic["name"]), updated_at=now))
    replace_parts(actor.user_id, [(topic, {name: changes.get(name, topic[name]) for name in PARTS})], now)
    if "order" in changes:
        siblings = ids_in_order(Topic, actor.user_id, topic["chapter_id"])
        renumber(Topic, actor.user_id, topic["chapter_id"], placed(siblings, topic_id, changes["order"]))
    touch_note(actor.user_id, topic["note_id"])
    return get_topic(actor, topic_id)


def delete_topic(actor: Actor, topic_id: int, *, expect: Expectation | None = None) -> None:
    """Delete my topic; raises NotFound, PreconditionFailed."""
    begin_write(actor.user_id)
    topic = get_topic(actor, topic_id)
    if expect:
        expect(topic)
    db.execute(delete(Topic).where((Topic.user_id == actor.user_id) & (Topic.id == topic_id)))
    renumber(
        Topic, actor.user_id, topic["chapter_id"], ids_in_order(Topic, actor.user_id, topic["chapter_id"])
    )
    touch_note(actor.user_id, topic["note_id"])
