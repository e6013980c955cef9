"""Revisions are cheap to keep, found again however many there are, and cover what was there before them."""

import random
import zlib
from itertools import pairwise

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from noteassist import db
from noteassist.models import NoteRevision
from noteassist.security.actors import Actor
from noteassist.services import notes, topics
from noteassist.services.note_trees import read_tree
from noteassist.services.revisions import differences, reading
from noteassist.services.revisions.keeping import WHOLE_EVERY
from noteassist.services.revisions.states import packed_undo, state_of, undo_of, undone

STATES = st.dictionaries(st.sampled_from(["title", "tags", "topic:1", "topic:2"]), st.text(max_size=80))


@pytest.fixture
def actor(context, alice):
    """Alice, as services know her."""
    return Actor(
        user_id=alice.user["id"],
        session_id=0,
        role="user",
        tier="FREE",
        is_email_verified=True,
        data_version=0,
    )


def make_note(actor, content):
    """Make a note with one topic; gives both ids."""
    topic = {"name": "t", "explanation": {"content": content}}
    with db.transaction():
        note = notes.create_note(actor, title="n", chapters=[{"title": "c", "topics": [topic]}])
    return note["id"], note["chapters"][0]["topics"][0]["id"]


def edit(actor, topic_id, content):
    with db.transaction():
        topics.update_topic(actor, topic_id, {"explanation": {"content": content}})


def content_at(actor, note_id, number):
    note = reading.get_revision(actor, note_id, number)["note"]
    return note["chapters"][0]["topics"][0]["explanation"]["content"]


@given(STATES, STATES)
def test_every_change_has_a_way_back(before, after):
    assert undone(after, packed_undo(undo_of(before, after), after)) == before


def test_a_small_edit_of_a_large_note_keeps_little(actor):
    chance = random.Random(3)
    words = [f"word{chance.randrange(9999)}" for _ in range(13_000)]
    note_id, topic_id = make_note(actor, " ".join(words)[:99_000])
    texts = []
    for number in range(150):
        words[chance.randrange(10_000)] = f"edit{number}"
        texts.append(" ".join(words)[:99_000])
        edit(actor, topic_id, texts[-1])
    kept = select(func.sum(func.length(NoteRevision.undo)), func.sum(func.length(NoteRevision.content)))
    undo, whole = db.rows(kept.where(NoteRevision.note_id == note_id))[0]
    assert undo < 150 * 400
    assert whole < 60_000 * (151 // WHOLE_EVERY)
    for number in (2, 57, WHOLE_EVERY - 1, WHOLE_EVERY, WHOLE_EVERY + 1, 151):
        assert content_at(actor, note_id, number) == texts[number - 2]


def test_a_revision_needs_no_more_than_the_way_to_the_next_whole_one(actor, statements):
    note_id, topic_id = make_note(actor, "0")
    for number in range(1, WHOLE_EVERY + 20):
        edit(actor, topic_id, str(number))
    assert content_at(actor, note_id, 1) == "0"
    # What is beyond the next whole one is not looked at.
    with db.transaction():
        later = (NoteRevision.note_id == note_id) & (NoteRevision.number > WHOLE_EVERY)
        db.execute(update(NoteRevision).where(later).values(undo=b"[]\ndamaged"))
    assert [content_at(actor, note_id, number) for number in (5, WHOLE_EVERY)] == ["4", str(WHOLE_EVERY - 1)]
    with pytest.raises(zstandard.ZstdError):
        content_at(actor, note_id, WHOLE_EVERY + 1)


def test_what_was_kept_whole_before_is_still_read(actor):
    note_id, topic_id = make_note(actor, "first")
    first = read_tree(actor.user_id, note_id)
    edit(actor, topic_id, "second")
    with db.transaction():
        old = (NoteRevision.note_id == note_id) & (NoteRevision.number == 1)
        db.execute(update(NoteRevision).where(old).values(content=zlib.compress(orjson.dumps(first))))
        db.execute(update(NoteRevision).where(NoteRevision.number == 2).values(undo=None))
    edit(actor, topic_id, "third")
    assert [content_at(actor, note_id, number) for number in (1, 2, 3)] == ["first", "second", "third"]


def test_a_random_life_is_remembered_whole(actor, alice, note_tree):
    chance = random.Random(5)
    note = alice.post("/api/notes/", json=note_tree(3, 3)).json
    path, seen = f"/api/notes/{note['id']}/", [note]
    for step in range(40):
        now = alice.get(path).json
        chapters = [chapter for chapter in now["chapters"] if chance.random() < 0.95]
        for chapter in chapters:
            chance.shuffle(chapter["topics"])
            if chance.random() < 0.3:
                chapter["topics"].append({"name": f"new {step}"})
            if chance.random() < 0.3:
                del chapter["topics"][:1]
        chapters += [{"title": f"chapter {step}", "topics": []}] * (chance.random() < 0.4)
        chance.shuffle(chapters)
        answer = alice.put(path, json={"title": f"title {step}", "tags": [], "chapters": chapters})
        seen.append(answer.json)
    for number, note in enumerate(seen, 1):
        assert alice.get(f"{path}revisions/{number}/").json["note"] == note
    assert {row.number for row in db.rows(select(NoteRevision.number))} == set(range(1, 42))


def test_texts_without_order_in_common_are_compared_in_bounded_time():
    chance = random.Random(1)
    old = [f"line {number % 100}" for number in range(20_000)]
    new = chance.sample(old, len(old))
    matcher = differences.BoundedMatcher(old, new)
    assert matcher.get_opcodes() == [("replace", 0, 20_000, 0, 20_000)]
    assert matcher.spent < differences.MOST_COMPARISONS * 3


def test_a_long_text_with_many_empty_lines_is_compared_line_by_line():
    old = [line for number in range(5000) for line in (f"line {number}", "")]
    diff = differences.unified_diff(old, [*old[:3000], "new", *old[3000:8000], *old[8001:]], "a", "b")
    assert len(diff.splitlines()) == 2 + 2 * (1 + 6 + 1)


def test_a_diff_is_that_of_difflib():
    old, new = [f"line {n}" for n in range(50)], [f"line {n}" for n in range(50) if n % 17]
    assert differences.unified_diff(old, [*new, "end"], "a", "b").splitlines() == list(
        differences.difflib.unified_diff(old, [*new, "end"], "a", "b", lineterm="")
    )


def test_revisions_go_with_their_account(actor):
    make_note(actor, "x")
    with db.transaction():
        db.execute(text("DELETE FROM users"))
    assert db.rows(select(NoteRevision.number)) == []


def test_the_newest_undo_leads_to_the_state_before(actor):
    note_id, topic_id = make_note(actor, "before")
    states = [state_of(read_tree(actor.user_id, note_id))]
    for content in ("after", "later"):
        edit(actor, topic_id, content)
        states.append(state_of(read_tree(actor.user_id, note_id)))
    rows = db.rows(select(NoteRevision.undo).order_by(NoteRevision.number))
    for (older, newer), row in zip(pairwise(states), rows[1:], strict=True):
        assert undone(newer, row.undo) == older
