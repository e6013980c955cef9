"""What administrators read of everybody reads an index, or the counts by day; never a table as a whole."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from noteassist import db
from noteassist.models import AuditEntry, Note, Task, User
from noteassist.services.accounts import insert_account, promote
from tests.people import ApiClient, register
from tests.plans import plans_of

TASKS, ENTRIES = 100_000, 20_000
INDEXES = {
    "users/": "ix_users_created_at_id",
    "tasks/": "ix_tasks_created_at_id",
    "tasks/?status=failed": "ix_tasks_failed",
    "audit-log/": "ix_audit_log_created_at_id",
    "audit-log/?actor=7": "ix_audit_log_actor_id_created_at_id",
    "audit-log/?action=user.update": "ix_audit_log_action_created_at_id",
    "audit-log/?target_kind=user&target_id=5": "ix_audit_log_target",
    # SQLite counts the table itself: an embedded server has no such numbers of notes.
    "overview/": "ix_notes_live_topic_count",
}


def tasks(newest):
    """100,000 tasks, one in a thousand failed, on times of their own."""
    for number in range(TASKS):
        when = newest - timedelta(seconds=number)
        status = "failed" if number % 1000 == 0 else "succeeded"
        ended = {"created_at": when, "run_after": when, "finished_at": when, "status": status}
        yield {"id": str(uuid.uuid4()), "kind": "mail", "args": "{}", **ended}


def entries(newest):
    for number in range(ENTRIES):
        deed = {"action": f"deed.{number % 100}", "target_kind": "user", "target_id": str(number % 1000)}
        when = newest - timedelta(seconds=number)
        yield {"actor_id": number % 500, "created_at": when, "details": "{}", **deed}


@pytest.fixture(scope="module")
def crowded(migrated_app):
    """Fill the tables, once for each database."""
    with migrated_app.app_context():
        newest = db.utcnow()
        with db.transaction():
            db.execute(User.__table__.delete())
            ids = [insert_account(f"crowd{number}@example.com", "-") for number in range(2000)]
            note = {"sort_title": "x", "slug": "x", "created_at": newest, "updated_at": newest}
            notes = [
                {"user_id": ids[number % 2000], "title": "x", "topic_count": number % 7, **note}
                for number in range(TASKS)
            ]
            db.insert_rows(Note, notes)
            db.insert_rows(Task, list(tasks(newest)))
            db.insert_rows(AuditEntry, list(entries(newest)))
        with db.direct().connect() as connection:
            connection.execute(text("VACUUM ANALYZE" if db.is_postgresql() else "ANALYZE"))
        root = register(migrated_app, email="root@example.com")
        promote("root@example.com")
        yield root
        with db.transaction():
            db.execute(Task.__table__.delete())
            db.execute(User.__table__.delete())


@pytest.mark.parametrize("path", INDEXES)
def test_a_list_comes_sorted_out_of_its_index(migrated_app, crowded, path):
    client = ApiClient(migrated_app, {"access": crowded.access, "refresh": "", "user": {}})

    def get():
        assert client.get(f"/api/admin/{path}").status_code == 200

    with migrated_app.app_context():
        plan = plans_of(get)
        assert INDEXES[path] in plan or (path == "overview/" and not db.is_postgresql()), plan
    for table in ("tasks", "notes", "audit_log", "ai_usage"):
        assert f"Seq Scan on {table} " not in plan
