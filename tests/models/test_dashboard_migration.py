"""Days of study before the first upgrade are told by what was written on them."""

from datetime import UTC, datetime

from sqlalchemy import text, update

from noteassist import db, migrating, schema
from noteassist.models import Note, Topic
from tests.people import register

# The last revision without days of study.
BEFORE = "0005"


def at(model, number, moment):
    """Say that a row was made at another time."""
    with db.transaction():
        db.execute(update(model).where(model.id == number).values(created_at=moment))


def test_old_notes_and_topics_tell_of_days_of_study(own_app, note_tree):
    schema.gate().prepare()
    alice, bob = (register(own_app, email=f"{name}@example.com") for name in ("alice", "bob"))
    note = alice.post("/api/notes/", json=note_tree(chapters=1, topics=2)).json
    first, second = (topic["id"] for topic in note["chapters"][0]["topics"])
    at(Note, note["id"], datetime(2026, 1, 1, 23, 50, tzinfo=UTC))
    at(Topic, first, datetime(2026, 1, 1, 0, 20, tzinfo=UTC))
    at(Topic, second, datetime(2026, 1, 3, 0, 10, tzinfo=UTC))
    migrating.downgrade(BEFORE)
    migrating.upgrade()
    days = text("SELECT user_id, day, first_quarter, last_quarter FROM study_days ORDER BY day")
    mine = alice.user["id"]
    assert [tuple(row) for row in db.read_rows(days)] == [(mine, 20454, 1, 95), (mine, 20456, 0, 0)]
    assert bob.get("/api/dashboard/weekly-progress/").json["streak"] == {"current": 0, "longest": 0}
