"""Administration of users: who may, what may be changed, and that the last administrator is safe."""

import pytest
from sqlalchemy import text

from noteassist import db
from noteassist.security.actors import Actor, KeyUse
from noteassist.security.permissions import Permission, allows
from noteassist.services.accounts import promote
from tests.people import PASSWORD, register

from . import expect

USERS = "/api/admin/users/"
READS = ["overview/", "users/", "users/1/", "ai-usage/", "system-stats/", "tasks/", "audit-log/"]
TASK = "00000000-0000-4000-8000-000000000000"
WRITES = [("PATCH", "users/1/"), ("POST", f"tasks/{TASK}/retry/"), ("POST", f"tasks/{TASK}/cancel/")]
ALL = [("GET", path) for path in READS] + WRITES
DETAIL = {
    "id": int,
    "email": str,
    "name": str,
    "role": str,
    "subscription_tier": str,
    "is_active": bool,
    "is_email_verified": bool,
    "created_at": str,
    "last_login_at": str | None,
    "counts": dict,
}


@pytest.fixture
def promoted(app):
    """Make a client's account an administrator."""

    def promoted(client):
        with app.app_context():
            assert promote(client.email)
        return client

    return promoted


def place(client):
    return f"{USERS}{client.user['id']}/"


@pytest.mark.parametrize(("method", "path"), ALL)
def test_who_is_not_signed_in_is_told_to(anonymous, method, path):
    expect.unauthorized(anonymous.open(f"/api/admin/{path}", method=method, json={}))


@pytest.mark.parametrize(("method", "path"), ALL)
def test_a_plain_user_may_not(alice, method, path):
    expect.problem(alice.open(f"/api/admin/{path}", method=method, json={}), 403, code="forbidden")


def test_an_administrators_key_is_no_administrator():
    key = KeyUse(key_id=1, scopes=frozenset({"read", "write"}), requests_per_hour=1, requests_per_day=1)
    person = Actor(1, 1, "admin", "FREE", is_email_verified=True, data_version=1)
    program = Actor(1, 0, "admin", "FREE", is_email_verified=True, data_version=1, key=key)
    assert allows(Permission.ADMINISTRATION, person)
    assert not allows(Permission.ADMINISTRATION, program)


def test_users_are_listed_newest_first_and_filtered(root, alice, bob):
    found = expect.ok(root.get(USERS))["results"]
    assert [user["email"] for user in found] == ["bob@example.com", "alice@example.com", "root@example.com"]
    for query, emails in {
        "q=ALICE": ["alice@example.com"],
        "q=Bob": ["bob@example.com"],
        "role=admin": ["root@example.com"],
        "tier=PRO": [],
        "is_active=false": [],
        "is_active=true&role=user&q=ali": ["alice@example.com"],
    }.items():
        found = expect.ok(root.get(f"{USERS}?{query}"))["results"]
        assert [user["email"] for user in found] == emails, query


def test_pages_of_users_neither_skip_nor_repeat(app, root):
    for number in range(5):
        register(app, email=f"user{number}@example.com")
    path, seen = f"{USERS}?page_size=2", []
    while path:
        page = expect.ok(root.get(path))
        seen += [user["email"] for user in page["results"]]
        path = page["next"]
    assert seen == [*(f"user{number}@example.com" for number in reversed(range(5))), "root@example.com"]


def test_a_list_of_users_costs_two_statements_however_long(app, root, statements):
    for number in range(5):
        register(app, email=f"user{number}@example.com")
    statements.clear()
    root.get(f"{USERS}?page_size=100")
    assert len(statements) == 2


def test_a_user_is_shown_with_what_is_theirs(root, alice, note):
    shown = expect.ok(root.get(place(alice)))
    assert set(shown) == set(DETAIL)
    assert all(isinstance(shown[name], kind) for name, kind in DETAIL.items())
    assert shown["counts"]["notes"] == 1
    assert shown["counts"]["topics"] == 4
    assert shown["counts"]["sessions"] == 1


def test_a_user_who_never_was_is_not_found(root):
    expect.problem(root.get(f"{USERS}{expect.NEVER_WAS}/"), 404)
    expect.problem(root.patch(f"{USERS}{expect.NEVER_WAS}/", json={"role": "admin"}), 404)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "king"}, "role"),
        ({"subscription_tier": "GOLD"}, "subscription_tier"),
        ({"is_active": "yes"}, "is_active"),
        ({"email": "x@example.com"}, "email"),
    ],
)
def test_only_what_may_be_changed_is_and_to_what_there_is(root, alice, body, field):
    expect.invalid(root.patch(place(alice), json=body), field)


def test_a_change_shows_at_the_users_next_request(root, alice):
    changed = expect.ok(root.patch(place(alice), json={"role": "admin", "subscription_tier": "PRO"}))
    assert (changed["role"], changed["subscription_tier"]) == ("admin", "PRO")
    assert expect.ok(alice.get("/api/auth/me/"))["subscription_tier"] == "PRO"
    assert alice.get(USERS).status_code == 200


def test_who_is_disabled_is_out_at_once_and_stays_out(root, alice, anonymous):
    expect.ok(root.patch(place(alice), json={"is_active": False}))
    expect.unauthorized(alice.get("/api/notes/"))
    expect.unauthorized(anonymous.post("/api/auth/token/refresh/", json={"refresh": alice.refresh}))
    body = {"email": alice.email, "password": PASSWORD}
    expect.unauthorized(anonymous.post("/api/auth/token/", json=body))
    expect.ok(root.patch(place(alice), json={"is_active": True}))
    # The old sessions do not come back to life.
    expect.unauthorized(alice.get("/api/notes/"))
    assert anonymous.post("/api/auth/token/", json=body).status_code == 200


@pytest.mark.parametrize("change", [{"role": "user"}, {"is_active": False}])
def test_the_last_administrator_stays(root, change):
    expect.problem(root.patch(place(root), json=change), 409, code="last_admin")
    assert root.get(USERS).status_code == 200


def test_a_disabled_administrator_is_no_help(root, alice, promoted):
    promoted(alice)
    expect.ok(root.patch(place(alice), json={"is_active": False}))
    expect.problem(root.patch(place(root), json={"role": "user"}), 409, code="last_admin")


@pytest.mark.parametrize("change", [{"role": "user"}, {"is_active": False}])
def test_two_administrators_who_remove_each_other_at_once_leave_one(
    app, root, alice, promoted, in_parallel, change
):
    for _ in range(5):
        promoted(alice), promoted(root)
        with app.app_context(), db.transaction():
            db.execute(text("UPDATE users SET is_active = TRUE"))
            db.execute(text("UPDATE sessions SET revoked_at = NULL"))
        answers = in_parallel(
            [lambda: root.patch(place(alice), json=change), lambda: alice.patch(place(root), json=change)]
        )
        assert min(answer.status_code for answer in answers) == 200
        with app.app_context():
            left = db.read_rows(text("SELECT id FROM users WHERE role = 'admin' AND is_active"))
        assert len(left) == 1


def test_create_admin_promotes_an_account_that_exists(app, alice):
    expect.problem(alice.get(USERS), 403)
    with app.app_context():
        assert promote(" ALICE@example.com ")
    assert alice.get(USERS).status_code == 200
