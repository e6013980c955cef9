"""The own account: what it says, what can be changed, and how it ends."""

import pytest

from . import expect

PROFILE = {"bio", "avatar_url", "timezone", "language", "daily_goal"}
NOTIFICATIONS = {"email_reminders", "weekly_summary", "product_news", "ai_completed"}
FIXED = {
    "id": 1,
    "email": "other@example.com",
    "is_email_verified": True,
    "role": "admin",
    "subscription_tier": "PRO",
    "created_at": "2020-01-01T00:00:00Z",
    "last_login_at": "2020-01-01T00:00:00Z",
    "password": "violet lantern 42",
    "is_active": False,
}


def me(client):
    """The user as the server has it now."""
    return expect.ok(client.get("/api/auth/me/"))


def test_a_new_account_has_its_defaults(alice):
    user = me(alice)
    assert isinstance(user["id"], int)
    assert (user["email"], user["role"], user["subscription_tier"]) == (alice.email, "user", "FREE")
    assert user["is_email_verified"] is False
    assert expect.moment(user["created_at"])
    assert set(user["profile"]) >= PROFILE
    assert (user["profile"]["timezone"], user["profile"]["language"]) == ("UTC", "en")
    assert set(user["notification_settings"]) >= NOTIFICATIONS
    assert all(isinstance(user["notification_settings"][name], bool) for name in NOTIFICATIONS)


def test_the_account_says_nothing_about_its_password(alice):
    said = alice.get("/api/auth/me/").get_data(as_text=True)
    assert "argon2" not in said and "password" not in said


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Alice Łukasz 🙂"},
        {"profile": {"bio": "Studies biology.\nLikes cells."}},
        {"profile": {"avatar_url": "https://example.com/alice.png"}},
        {"profile": {"timezone": "Europe/Berlin"}},
        {"profile": {"timezone": "America/Argentina/Buenos_Aires", "daily_goal": 7}},
        {"profile": {"language": "pt-BR"}},
        {"profile": {"language": "zh-Hant-TW"}},
        {"profile": {"daily_goal": 3}},
        {"notification_settings": {"email_reminders": False}},
        {"notification_settings": {"weekly_summary": True, "product_news": True, "ai_completed": False}},
        {"name": "A", "profile": {"bio": "B"}, "notification_settings": {"email_reminders": True}},
    ],
)
def test_a_change_changes_what_it_names_and_nothing_else(alice, change):
    before = me(alice)
    before.pop("updated_at", None)
    expected = {
        **before,
        **{
            name: {**before[name], **value} if isinstance(value, dict) else value
            for name, value in change.items()
        },
    }
    assert expect.ok(alice.patch("/api/auth/me/", json=change)) == me(alice)
    assert {name: me(alice)[name] for name in expected} == expected


@pytest.mark.parametrize("name", FIXED)
def test_what_a_user_cannot_change_is_refused(alice, name):
    before = me(alice)
    expect.invalid(alice.patch("/api/auth/me/", json={"name": "New", name: FIXED[name]}), name)
    assert me(alice) == before


@pytest.mark.parametrize("part", ["profile", "notification_settings"])
def test_an_unknown_part_of_a_part_is_refused(alice, part):
    before = me(alice)
    expect.invalid(alice.patch("/api/auth/me/", json={"name": "New", part: {"role": "admin"}}), part)
    assert me(alice) == before


@pytest.mark.parametrize(
    "change",
    [
        {"name": 5},
        {"name": ["A"]},
        {"profile": "x"},
        {"profile": []},
        {"profile": {"timezone": "Mars/Olympus"}},
        {"profile": {"timezone": "../../etc/passwd"}},
        {"profile": {"timezone": "/etc/passwd"}},
        {"profile": {"timezone": ""}},
        {"profile": {"timezone": 5}},
        {"profile": {"language": "plain English"}},
        {"profile": {"language": ""}},
        {"profile": {"language": "x" * 1000}},
        {"profile": {"daily_goal": "many"}},
        {"profile": {"daily_goal": 1.5}},
        {"profile": {"bio": 5}},
        {"notification_settings": {"email_reminders": "perhaps"}},
        {"notification_settings": {"email_reminders": None}},
        {"notification_settings": True},
    ],
)
def test_an_impossible_value_is_refused(alice, change):
    before = me(alice)
    (field,) = change
    expect.invalid(alice.patch("/api/auth/me/", json=change), field)
    assert me(alice) == before


def test_a_change_answers_the_tag_of_the_account_as_it_now_stands(alice):
    before = alice.get("/api/auth/me/").headers["ETag"]
    response = alice.patch("/api/auth/me/", json={"name": "New"})
    assert response.headers["ETag"] != before
    assert alice.get("/api/auth/me/", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
    assert alice.get("/api/auth/me/", headers={"If-None-Match": before}).json["name"] == "New"


def test_a_change_of_one_user_is_none_of_another(alice, bob):
    before = me(bob)
    expect.ok(alice.patch("/api/auth/me/", json={"name": "New", "profile": {"bio": "New"}}))
    assert me(bob) == before


def test_parallel_changes_of_different_settings_all_stay(alice, in_parallel):
    changes = [
        {"name": "New"},
        {"profile": {"bio": "New"}},
        {"profile": {"timezone": "Asia/Tokyo"}},
        {"profile": {"daily_goal": 9}},
        {"notification_settings": {"product_news": True}},
        {"notification_settings": {"weekly_summary": False}},
    ]
    for answer in in_parallel([lambda c=c: alice.patch("/api/auth/me/", json=c) for c in changes]):
        expect.ok(answer)
    user = me(alice)
    assert all(expect.includes(user, change) for change in changes)


def test_closing_the_account_ends_it_at_once(alice, anonymous, sign_up, note):
    assert alice.delete("/api/auth/me/", json={"password": alice.password}).status_code == 202
    expect.unauthorized(alice.get("/api/auth/me/"))
    expect.unauthorized(alice.get("/api/notes/"))
    expect.problem(anonymous.post("/api/token/refresh/", json={"refresh": alice.refresh}), 401)
    body = {"email": alice.email, "password": alice.password}
    expect.unauthorized(anonymous.post("/api/auth/token/", json=body))


def test_closing_the_account_ends_its_other_sessions(alice, sign_in):
    other = sign_in(alice.email, alice.password)
    assert alice.delete("/api/auth/me/", json={"password": alice.password}).status_code == 202
    expect.unauthorized(other.get("/api/notes/"))


def test_a_closed_account_cannot_be_opened_with_a_forgotten_password(alice, anonymous, mails, mail_token):
    anonymous.post("/api/auth/password/forgot/", json={"email": alice.email})
    token = mail_token(alice.email)
    alice.delete("/api/auth/me/", json={"password": alice.password})
    before = len(mails(alice.email))
    body = {"token": token, "password": "amber harbour 77"}
    anonymous.post("/api/auth/password/reset/", json=body)
    assert anonymous.post("/api/auth/password/forgot/", json={"email": alice.email}).status_code == 202
    assert len(mails(alice.email)) == before
    expect.unauthorized(
        anonymous.post("/api/token/", json={"email": alice.email, "password": body["password"]})
    )


def test_a_closed_account_leaves_the_others_alone(alice, bob, note):
    made = bob.post("/api/notes/", json={"title": "Bob's"}).json
    alice.delete("/api/auth/me/", json={"password": alice.password})
    assert expect.ids(bob.get("/api/notes/").json["results"]) == [made["id"]]


@pytest.mark.parametrize(
    "body", [{}, {"password": ""}, {"password": "wrong password 99"}, {"password": None}]
)
def test_an_account_is_closed_only_with_its_password(alice, note, path, body):
    expect.refused(alice.delete("/api/auth/me/", json=body))
    assert me(alice)["email"] == alice.email
    assert alice.get(path).json == note


def test_an_account_is_not_closed_without_a_body(alice):
    expect.refused(alice.delete("/api/auth/me/"))
    assert me(alice)["email"] == alice.email
