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
from noteassist.services.revisions.keeping import keep_revision
from noteassist.services.revisions.states import topic_pieces, topics_piece
from noteassist.services.search.indexing import index_topics
from noteassist.services.tree_changes import TOPICS_PER_CHAPTER, replace_parts, topic_changed
from noteassist.services.versions import begin_write

_TOPIC = db.Prepared(
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


def add_topic(
    actor: Actor, chapter_id: int, *, order: int | None = None, origin: str = "user", **topic: Any
) -> Tree:
    """Add a topic with its parts to my chapter, at `order` (1 is first) or last; raises NotFound, Unprocessable.

    `origin` is that of the revision.
    """
    begin_write(actor.user_id)
    note_id = get_chapter(actor, chapter_id)["note_id"]
    siblings = ids_in_order(Topic, actor.user_id, chapter_id)
    if len(siblings) >= TOPICS_PER_CHAPTER:
        raise Unprocessable(f"A chapter has at most {TOPICS_PER_CHAPTER} topics.", code="too_many_topics")
    last = len(siblings) + 1
    [topic_id] = note_trees.insert_topics(actor.user_id, note_id, [(chapter_id, last, topic)], db.utcnow())
    new_order = placed(siblings, topic_id, order)
    if new_order[-1] != topic_id:
        renumber(Topic, actor.user_id, chapter_id, new_order)
    at = touch_note(actor.user_id, note_id)
    made = get_topic(actor, topic_id)
    before, after = topics_piece(chapter_id, siblings), topics_piece(chapter_id, new_order)
    keep_revision(actor.user_id, note_id, before, after | topic_pieces(made), at=at, origin=origin)
    return made


def update_topic(
    actor: Actor,
    topic_id: int,
    changes: Mapping[str, Any],
    *,
    expect: Expectation | None = None,
    origin: str = "user",
    remark: str = "",
) -> Tree:
    """Change my topic's name, place or parts (None removes a part); raises NotFound, PreconditionFailed.

    `origin` is that of the revision, `remark` stands behind its summary.
    """
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
    note_id, chapter_id = topic["note_id"], topic["chapter_id"]
    before = topic_pieces(topic)
    after = {}
    if "order" in changes:
        siblings = ids_in_order(Topic, actor.user_id, chapter_id)
        new_order = placed(siblings, topic_id, changes["order"])
        renumber(Topic, actor.user_id, chapter_id, new_order)
        before |= topics_piece(chapter_id, siblings)
        after = topics_piece(chapter_id, new_order)
    at = touch_note(actor.user_id, note_id)
    changed = get_topic(actor, topic_id)
    after |= topic_pieces(changed)
    keep_revision(actor.user_id, note_id, before, after, at=at, origin=origin, remark=remark)
    if topic_changed(topic, changed):
        index_topics(actor.user_id, note_id, [(topic_id, changed)])
    return changed


def delete_topic(actor: Actor, topic_id: int, *, expect: Expectation | None = None) -> None:
    """Delete my topic; raises NotFound, PreconditionFailed."""
    begin_write(actor.user_id)
    topic = get_topic(actor, topic_id)
    if expect:
        expect(topic)
    note_id, chapter_id = topic["note_id"], topic["chapter_id"]
    siblings = ids_in_order(Topic, actor.user_id, chapter_id)
    left = [sibling for sibling in siblings if sibling != topic_id]
    db.execute(delete(Topic).where((Topic.user_id == actor.user_id) & (Topic.id == topic_id)))
    renumber(Topic, actor.user_id, chapter_id, left)
    at = touch_note(actor.user_id, note_id)
    before = topics_piece(chapter_id, siblings) | topic_pieces(topic)
    keep_revision(actor.user_id, note_id, before, topics_piece(chapter_id, left), at=at)
