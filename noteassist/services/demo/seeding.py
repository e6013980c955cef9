"""Filling a database with demo accounts and notes, many rows a statement."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import select

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import EmailTaken
from noteassist.models import Chapter, Note, NoteTag, Topic, User
from noteassist.security import passwords
from noteassist.services import accounts
from noteassist.services.demo.content import demo_notes, study_notes
from noteassist.services.note_trees import chapter_record, insert_parts, topic_record
from noteassist.services.notes import title_values
from noteassist.services.revisions.keeping import keep_first_revisions
from noteassist.services.search.indexing import insert_entries, note_entry, topic_entry

DEMO_EMAIL = "demo@example.com"
NOTES_A_BATCH = 250
BETWEEN_NOTES = timedelta(minutes=7)

Tree = Mapping[str, Any]


def seeded_email(number: int) -> str:
    """Give the address of the seeded account with this number, counted from 1."""
    return f"user{number}@example.com"


def make_demo_account(settings: Settings, password: str) -> int:
    """Make the demo account with its three notes; gives its id. Raises EmailTaken, Unprocessable."""
    accounts.require_strong(password, DEMO_EMAIL)
    password_hash = passwords.hash_password(password, settings.password_memory_kib)
    notes = demo_notes()
    with db.transaction():
        user_id = _insert_account(DEMO_EMAIL, "Demo", password_hash)
        insert_notes(user_id, notes, db.utcnow())
    return user_id


def seed_accounts(
    settings: Settings, password: str, *, users: int, notes: int, chapters: int, topics: int, seed: int
) -> Iterator[int]:
    """Make accounts user1@..., user2@... with notes of their own; yields the number of notes after each step.

    Raises EmailTaken when there is one already, Unprocessable for a weak password.
    """
    accounts.require_strong(password, seeded_email(1))
    taken = select(User.email).where(User.email.in_([seeded_email(n) for n in range(1, users + 1)])).limit(1)
    if found := db.row(taken):
        raise EmailTaken(f"There is an account {found.email} already; seed an empty database.")
    password_hash = passwords.hash_password(password, settings.password_memory_kib)
    all_notes = study_notes(seed=seed, notes=users * notes, chapters=chapters, topics=topics)
    now = db.utcnow()
    for number in range(1, users + 1):
        with db.transaction():
            user_id = _insert_account(seeded_email(number), f"User {number}", password_hash)
        own = islice(all_notes, notes)
        for start in range(0, notes, NOTES_A_BATCH):
            batch = list(islice(own, NOTES_A_BATCH))
            with db.transaction():
                insert_notes(user_id, batch, now - BETWEEN_NOTES * start)
            yield len(batch)


def _insert_account(email: str, name: str, password_hash: str) -> int:
    return accounts.insert_account(email, password_hash, name=name, is_seeded=True, is_email_verified=True)


def insert_notes(user_id: int, notes: Sequence[Tree], newest: datetime) -> None:
    """Insert whole notes into an open transaction, the first one the newest; nine statements at most."""
    made_at = [newest - BETWEEN_NOTES * index for index in range(len(notes))]
    records = [_note_record(user_id, note, moment) for note, moment in zip(notes, made_at, strict=True)]
    # Each note of a batch has a moment of its own, by which its new id is found.
    rows = db.insert_rows(Note, records, Note.id, Note.created_at)
    ids = {row.created_at: row.id for row in rows}
    owned = [(ids[moment], note, moment) for note, moment in zip(notes, made_at, strict=True)]
    tags = [
        {"user_id": user_id, "note_id": note_id, "name": tag}
        for note_id, note, _ in owned
        for tag in sorted(set(note["tags"]))
    ]
    db.insert_rows(NoteTag, tags)
    _insert_topics(user_id, owned, _insert_chapters(user_id, owned), newest)
    keep_first_revisions(user_id, [(note_id, moment) for note_id, _, moment in owned])


def _note_record(user_id: int, note: Tree, moment: datetime) -> dict[str, Any]:
    return title_values(note["title"]) | {
        "user_id": user_id,
        "status": note["status"],
        "chapter_count": len(note["chapters"]),
        "topic_count": sum(len(chapter["topics"]) for chapter in note["chapters"]),
        "created_at": moment,
        "updated_at": moment,
    }


def _insert_chapters(user_id: int, owned: Sequence[tuple[int, Tree, datetime]]) -> dict[tuple[int, int], int]:
    """Insert the chapters; gives the id of each (note id, position)."""
    records = [
        chapter_record(user_id, note_id, position, chapter, moment)
        for note_id, note, moment in owned
        for position, chapter in enumerate(note["chapters"], 1)
    ]
    rows = db.insert_rows(Chapter, records, Chapter.id, Chapter.note_id, Chapter.position)
    return {(row.note_id, row.position): row.id for row in rows}


def _insert_topics(
    user_id: int,
    owned: Sequence[tuple[int, Tree, datetime]],
    chapter_ids: Mapping[tuple[int, int], int],
    now: datetime,
) -> None:
    topics = {
        (note_id, chapter_ids[note_id, place], position): (topic, moment)
        for note_id, note, moment in owned
        for place, chapter in enumerate(note["chapters"], 1)
        for position, topic in enumerate(chapter["topics"], 1)
    }
    records = [topic_record(user_id, *place, topic, moment) for place, (topic, moment) in topics.items()]
    rows = db.insert_rows(Topic, records, Topic.id, Topic.note_id, Topic.chapter_id, Topic.position)
    found = [(row, topics[row.note_id, row.chapter_id, row.position][0]) for row in rows]
    insert_parts(user_id, [(row.id, topic) for row, topic in found], now)
    entries = [
        note_entry(
            user_id, note_id, note["title"], note["tags"], [chapter["title"] for chapter in note["chapters"]]
        )
        for note_id, note, _ in owned
    ]
    insert_entries([*entries, *(topic_entry(user_id, row.note_id, row.id, topic) for row, topic in found)])
