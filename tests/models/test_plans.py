"""The indexes do what they are for: no list of one user's notes reads a whole table."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import text

from noteassist import db
from noteassist.models import Note, User
from noteassist.services.accounts import insert_account
from noteassist.services.demo.seeding import insert_notes
from tests.people import ApiClient, register
from tests.plans import plans_of

NOTES = 100_000
PATHS = [
    "/api/notes/",
    "/api/notes/?ordering=created_at",
    "/api/notes/?ordering=-updated_at",
    "/api/notes/?ordering=title",
    "/api/notes/?status=archived",
    "/api/notes/?tag=rare",
    "/api/notes/?created_after=2026-01-01T00:00:00Z",
    "/api/notes/trash/",
    "/api/auth/sessions/",
    "/api/auth/me/",
    "/api/dashboard/",
]


@pytest.fixture(scope="module")
def crowded(migrated_app):
    """Fill the tables with 100,000 notes of many users, once for each database."""
    with migrated_app.app_context():
        with db.transaction():
            ids = [insert_account(f"crowd{number}@example.com", "-") for number in range(20)]
            newest = db.utcnow()
            records = [
                {
                    "user_id": ids[number % 20],
                    "title": f"Note {number}",
                    "sort_title": f"note {random.Random(number).random()}",
                    "slug": "note",
                    "status": "archived" if number % 50 == 0 else "draft",
                    "created_at": newest - timedelta(seconds=number),
                    "updated_at": newest - timedelta(seconds=number * 7 % NOTES),
                    "deleted_at": newest if number % 100 == 0 else None,
                }
                for number in range(NOTES)
            ]
            db.insert_rows(Note, records)
        with db.direct().connect() as connection:
            connection.execute(text("ANALYZE"))
        yield migrated_app
        with db.transaction():
            if db.is_postgresql():
                # 100,000 notes, each looked up in every table below: slow machines take longer than a request may.
                db.execute(text("SET LOCAL statement_timeout = 0"))
            db.execute(User.__table__.delete())


@pytest.fixture
def explained(crowded, request):
    """Give the plans of the statements that a GET of Alice's sends, as one text."""
    with crowded.app_context(), db.transaction():
        db.execute(User.__table__.delete().where(User.email == "alice@example.com"))
    alice = register(crowded, email="alice@example.com")
    with crowded.app_context(), db.transaction():
        tree = {"title": "Mine", "tags": [], "status": "archived", "chapters": []}
        insert_notes(alice.user["id"], [tree] * 3000, db.utcnow())
        insert_notes(alice.user["id"], [{**tree, "tags": ["rare"]}] * 30, db.utcnow())

        db.execute(text("ANALYZE notes"))

    def explain(path):
        def get():
            answer = ApiClient(crowded, {"access": alice.access, "refresh": "", "user": {}}).get(path)
            assert answer.status_code == 200

        return plans_of(get)

    with crowded.app_context():
        yield explain


@pytest.mark.parametrize("path", PATHS)
def test_no_statement_reads_a_whole_table(explained, path):
    plan = explained(path)
    assert plan
    assert "Seq Scan on notes" not in plan
    assert "SCAN notes" not in plan.replace("SCAN notes USING INDEX", "")


@pytest.mark.parametrize("path", PATHS[:4])
def test_a_list_comes_sorted_out_of_its_index(explained, path):
    plan = explained(path)
    order = {"-updated_at": "updated_at", "title": "sort_title"}.get(
        path.partition("ordering=")[2], "created_at"
    )
    assert f"ix_notes_live_user_id_{order}_id" in plan
