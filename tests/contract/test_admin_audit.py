"""The audit log: what stands in it, that it is written with the deed, and that nobody changes it."""

import pytest
from sqlalchemy import exc, text

from noteassist import db
from noteassist.errors import LastAdmin
from noteassist.security.actors import Actor, Origin
from noteassist.services.administration.users import change_user

from . import expect

LOG = "/api/admin/audit-log/"


@pytest.fixture
def log(root):
    """Read what Root has done."""
    return lambda query="": expect.ok(root.get(f"{LOG}?actor={root.user['id']}{query}"))["results"]


def test_a_change_is_written_down_with_who_whom_and_where(root, alice, log):
    headers = {"User-Agent": "A browser", "X-Request-ID": "the-request"}
    path = f"/api/admin/users/{alice.user['id']}/"
    answer = root.patch(path, json={"role": "admin", "subscription_tier": "FREE"}, headers=headers)
    assert answer.status_code == 200
    [entry] = log()
    assert entry["actor_id"] == root.user["id"] and entry["actor_email"] == "root@example.com"
    assert (entry["action"], entry["target_kind"]) == ("user.update", "user")
    assert entry["target_id"] == str(alice.user["id"])
    assert entry["details"] == {"before": {"role": "user"}, "after": {"role": "admin"}}
    assert (entry["ip"], entry["device"], entry["request_id"]) == ("127.0.0.1", "A browser", "the-request")
    assert expect.TIME.fullmatch(entry["created_at"])


def test_what_was_refused_is_not_written_down_as_done(root, log):
    expect.problem(root.patch(f"/api/admin/users/{root.user['id']}/", json={"role": "user"}), 409)
    assert log() == []


def test_a_deed_without_its_entry_does_not_happen(context, root, alice):
    actor = Actor(root.user["id"], 1, "admin", "FREE", is_email_verified=True, data_version=1)
    with pytest.raises(LastAdmin), db.transaction():
        change_user(actor, Origin(), alice.user["id"], {"subscription_tier": "PRO"})
        change_user(actor, Origin(), root.user["id"], {"is_active": False})
    entries = db.read_rows(text("SELECT 1 FROM audit_log WHERE actor_id = :id"), {"id": actor.user_id})
    assert entries == []


def test_the_log_is_filtered_and_paged(root, alice, log):
    path = f"/api/admin/users/{alice.user['id']}/"
    for tier in ("BASIC", "PRO", "FREE"):
        expect.ok(root.patch(path, json={"subscription_tier": tier}))
    tiers = [entry["details"]["after"]["subscription_tier"] for entry in log()]
    assert tiers == ["FREE", "PRO", "BASIC"]
    assert len(log(f"&target_kind=user&target_id={alice.user['id']}&action=user.update")) == 3
    assert log("&action=task.retry") == []
    assert log("&after=2999-01-01T00:00:00Z") == []
    assert len(log("&before=2999-01-01T00:00:00Z")) == 3
    first = expect.ok(root.get(f"{LOG}?page_size=2&actor={root.user['id']}"))
    second = expect.ok(root.get(first["next"]))
    assert [len(page["results"]) for page in (first, second)] == [2, 1]


def test_a_stretch_of_time_that_ends_before_it_begins_is_refused(root):
    query = "?after=2026-01-02T00:00:00Z&before=2026-01-01T00:00:00Z"
    expect.invalid(root.get(LOG + query), "before", "query")


def test_the_log_costs_two_statements_however_long(root, alice, statements):
    for _ in range(3):
        root.patch(f"/api/admin/users/{alice.user['id']}/", json={"subscription_tier": "PRO"})
    statements.clear()
    root.get(LOG)
    assert len(statements) == 2


@pytest.mark.parametrize("change", ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log"])
def test_the_database_refuses_to_change_the_log(context, root, alice, log, change):
    expect.ok(root.patch(f"/api/admin/users/{alice.user['id']}/", json={"subscription_tier": "PRO"}))
    with pytest.raises(exc.DBAPIError, match="audit log cannot be changed"), db.transaction():
        db.execute(text(change))
    assert len(log()) == 1


def test_the_log_outlives_whoever_is_in_it(root, alice, do_tasks, log, context):
    expect.ok(root.patch(f"/api/admin/users/{alice.user['id']}/", json={"role": "admin"}))
    assert alice.delete("/api/auth/me/", json={"password": alice.password}).status_code == 202
    do_tasks()
    assert db.read_rows(text("SELECT 1 FROM users WHERE id = :id"), {"id": alice.user["id"]}) == []
    [entry] = log()
    assert entry["target_id"] == str(alice.user["id"])
    assert "alice" not in str(entry)
