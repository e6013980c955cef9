"""The indexes of tasks, outputs and notifications do what they are for."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from noteassist import db
from noteassist.models import AiOutput, Notification, Task, User
from noteassist.services.accounts import insert_account
from noteassist.services.tasks import lifecycle, upkeep
from noteassist.worker.runner import KINDS
from tests.people import ApiClient, register
from tests.plans import plans_of

ROWS = 40_000
PEOPLE = 20
PATHS = [
    "/api/tasks/",
    "/api/tasks/?kind=generate",
    "/api/ai-tools/history/",
    "/api/ai-tools/history/?tool=code",
    "/api/ai-tools/quota/",
    "/api/notifications/",
    "/api/notifications/pending/",
]
TABLES = ("tasks", "ai_outputs", "notifications", "ai_usage")


def rows_of(owner, number, now):
    task_id = uuid.uuid4().hex
    then = now - timedelta(minutes=number)
    task = {"id": task_id, "user_id": owner, "kind": "generate", "args": {}, "status": "succeeded"}
    task |= {"run_after": then, "created_at": then, "finished_at": then}
    output = {"user_id": owner, "task_id": task_id, "tool": "generate", "title": "T", "content": "C"}
    output |= {"language": "en", "provider": "p", "model": "m", "created_at": then, "expires_at": now}
    output |= {"cache_key": f"{number:064}"}
    told = {"user_id": owner, "type": "info", "title": "T", "action_id": task_id, "created_at": then}
    return task, output, told


@pytest.fixture(scope="module")
def busy(migrated_app):
    """Fill the tables with 40,000 ended tasks of many users and what came of them, once for each database."""
    with migrated_app.app_context():
        with db.transaction():
            db.execute(text("DELETE FROM tasks"))
            owners = [insert_account(f"busy{number}@example.com", "-") for number in range(PEOPLE)]
            now = db.utcnow()
            made = [rows_of(owners[number % PEOPLE], number, now) for number in range(ROWS)]
            for model, records in zip((Task, AiOutput, Notification), zip(*made, strict=True), strict=True):
                db.insert_rows(model, records)
        with db.direct().connect() as connection:
            connection.execute(text("ANALYZE"))
        yield migrated_app
        with db.transaction():
            db.execute(text("DELETE FROM tasks"))
            db.execute(User.__table__.delete())


def whole_tables(plan):
    found = [table for table in TABLES if f"Seq Scan on {table}" in plan]
    lines = [line for line in plan.splitlines() if "SCAN " in line and "USING" not in line]
    return found + [table for table in TABLES for line in lines if f"SCAN {table}" in line]


@pytest.mark.parametrize("path", PATHS)
def test_no_list_of_a_user_reads_a_whole_table(busy, path):
    with busy.app_context():
        with db.transaction():
            db.execute(User.__table__.delete().where(User.email == "alice@example.com"))
        alice = register(busy, email="alice@example.com")
        client = ApiClient(busy, {"access": alice.access, "refresh": "", "user": {}})
        plan = plans_of(lambda: client.get(path))
    assert plan
    assert whole_tables(plan) == []


@pytest.mark.parametrize(
    "look",
    [
        lambda: lifecycle.claim("w", KINDS),
        lambda: lifecycle.claim("w", KINDS, only_idle_users=True),
        upkeep.count_due,
        upkeep.has_lost_leases,
        upkeep.longest_wait,
    ],
    ids=["claim", "claim of idle users", "count due", "lost leases", "longest wait"],
)
def test_looking_for_work_reads_no_ended_task(busy, look):
    with busy.app_context():
        with db.transaction():
            db.execute(text("DELETE FROM tasks WHERE status = 'queued'"))
        plan = plans_of(look)
    assert plan
    assert whole_tables(plan) == []


def test_an_identical_request_is_found_by_its_key(busy):
    with busy.app_context():
        with db.transaction():
            db.execute(User.__table__.delete().where(User.email == "alice@example.com"))
        alice = register(busy, email="alice@example.com")
        client = ApiClient(busy, {"access": alice.access, "refresh": "", "user": {}})
        plan = plans_of(lambda: client.post("/api/ai-tools/code/", json=A_WISH))
    assert "ix_ai_outputs_cache_key" in plan
    assert whole_tables(plan) == []


A_WISH = {"prompt": "Count words.", "programming_language": "python"}
