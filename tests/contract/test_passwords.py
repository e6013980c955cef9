"""Forgotten, reset and changed passwords."""

import pytest

from noteassist import db
from noteassist.services import accounts

from . import expect

NEW = "amber harbour 77"
BAD = ["", "Xq7-pl2.v", "é" * 9, "Zm4!" * 32 + "x", "1234567890", "qwertyuiop", None, 12345678901]


def sign_in_status(client, email, password):
    """What a sign-in with these answers."""
    return client.post("/api/auth/token/", json={"email": email, "password": password}).status_code


def forgot(client, email):
    """Say that the password is forgotten."""
    return client.post("/api/auth/password/forgot/", json={"email": email})


def reset(client, token, password=NEW):
    """Set a new password with a mailed token."""
    return client.post("/api/auth/password/reset/", json={"token": token, "password": password})


def change(client, password=NEW, current=None):
    """Set a new password with the current one."""
    body = {"current_password": client.password if current is None else current, "password": password}
    return client.post("/api/auth/password/change/", json=body)


@pytest.fixture
def reset_token(alice, anonymous, mail_token):
    """The token that Alice was mailed because she forgot her password."""
    forgot(anonymous, alice.email)
    return mail_token(alice.email)


def test_forgetting_is_answered_the_same_for_known_and_unknown(anonymous, alice):
    known, unknown = forgot(anonymous, alice.email), forgot(anonymous, "nobody@example.com")
    assert (known.status_code, unknown.status_code) == (202, 202)
    assert known.get_data() == unknown.get_data()
    assert set(known.headers.keys()) == set(unknown.headers.keys())


def test_only_a_known_address_gets_a_mail(anonymous, alice, bob, mails):
    before = len(mails(alice.email)), len(mails(bob.email))
    forgot(anonymous, alice.email)
    forgot(anonymous, "nobody@example.com")
    assert (len(mails(alice.email)), len(mails(bob.email))) == (before[0] + 1, before[1])
    assert mails("nobody@example.com") == []


def test_the_mail_links_to_the_page_and_carries_the_token(alice, reset_token, mails):
    text = mails(alice.email)[-1].get_body(("plain",)).get_content()
    assert f"Token: {reset_token}" in text.splitlines()
    assert f"/reset-password#token={reset_token}" in text


@pytest.mark.parametrize("email", ["", "x", None, 5])
def test_what_is_no_address_cannot_have_forgotten(anonymous, email):
    expect.problem(forgot(anonymous, email), 422)


def test_a_reset_sets_the_new_password(anonymous, alice, reset_token):
    assert reset(anonymous, reset_token).status_code == 204
    assert sign_in_status(anonymous, alice.email, NEW) == 200
    assert sign_in_status(anonymous, alice.email, alice.password) == 401


def test_a_reset_ends_every_session(anonymous, alice, sign_in, reset_token):
    other = sign_in(alice.email, alice.password)
    reset(anonymous, reset_token)
    for session in (alice, other):
        expect.unauthorized(session.get("/api/auth/me/"))
        expect.problem(anonymous.post("/api/token/refresh/", json={"refresh": session.refresh}), 401)


def test_an_operator_sets_a_new_password_and_every_session_ends(alice, bob):
    settings = alice.app.config["SETTINGS"]
    with alice.app.app_context():
        db.in_transaction(lambda: accounts.reset_password(settings, email=alice.email.upper(), password=NEW))
    expect.unauthorized(alice.get("/api/auth/me/"))
    assert sign_in_status(alice, alice.email, NEW) == 200
    assert sign_in_status(alice, alice.email, alice.password) == 401
    assert bob.get("/api/auth/me/").status_code == 200


def test_a_reset_token_works_once(anonymous, alice, reset_token):
    assert reset(anonymous, reset_token).status_code == 204
    expect.refused(reset(anonymous, reset_token, "another password 1"))
    assert sign_in_status(anonymous, alice.email, NEW) == 200
    assert sign_in_status(anonymous, alice.email, "another password 1") == 401


def test_of_ten_parallel_resets_with_one_token_one_works(anonymous, alice, reset_token, in_parallel):
    passwords = [f"amber harbour {number}" for number in range(10)]
    answers = in_parallel([lambda p=p: reset(anonymous, reset_token, p) for p in passwords])
    assert [answer.status_code for answer in answers].count(204) == 1
    working = [sign_in_status(anonymous, alice.email, password) == 200 for password in passwords]
    assert working == [answer.status_code == 204 for answer in answers]


@pytest.mark.parametrize("password", BAD)
def test_a_refused_password_does_not_use_the_token_up(anonymous, alice, reset_token, password):
    expect.invalid(reset(anonymous, reset_token, password), "password")
    assert sign_in_status(anonymous, alice.email, alice.password) == 200
    assert reset(anonymous, reset_token).status_code == 204


def test_the_address_is_no_new_password(alice):
    expect.problem(change(alice, alice.email), 422)


@pytest.mark.parametrize("token", ["", "x", "x" * 10_000, "é"])
def test_a_made_up_token_resets_nothing(anonymous, alice, token):
    expect.refused(reset(anonymous, token))
    assert sign_in_status(anonymous, alice.email, alice.password) == 200


def test_a_token_for_another_purpose_resets_nothing(anonymous, alice, mail_token):
    for token in (mail_token(alice.email), alice.access, alice.refresh):
        expect.refused(reset(anonymous, token))
    assert sign_in_status(anonymous, alice.email, alice.password) == 200


def test_a_token_resets_the_password_of_its_owner_only(anonymous, bob, reset_token):
    assert reset(bob, reset_token).status_code == 204
    assert sign_in_status(anonymous, bob.email, bob.password) == 200
    assert sign_in_status(anonymous, bob.email, NEW) == 401


def test_a_change_sets_the_new_password_and_keeps_this_session(anonymous, alice):
    assert change(alice).status_code == 204
    expect.ok(alice.get("/api/auth/me/"))
    expect.ok(anonymous.post("/api/token/refresh/", json={"refresh": alice.refresh}))
    assert sign_in_status(anonymous, alice.email, NEW) == 200
    assert sign_in_status(anonymous, alice.email, alice.password) == 401


def test_a_change_ends_the_other_sessions(anonymous, alice, sign_in):
    other = sign_in(alice.email, alice.password)
    change(alice)
    expect.unauthorized(other.get("/api/auth/me/"))
    expect.problem(anonymous.post("/api/token/refresh/", json={"refresh": other.refresh}), 401)


def test_no_other_session_survives_a_refresh_beside_the_change(anonymous, alice, sign_in, in_parallel):
    other = sign_in(alice.email, alice.password)
    body = {"refresh": other.refresh}
    changed, *answers = in_parallel(
        [lambda: change(alice), *[lambda: anonymous.post("/api/token/refresh/", json=body)] * 6]
    )
    assert changed.status_code == 204
    for pair in (answer.json for answer in answers if answer.status_code == 200):
        headers = {"Authorization": f"Bearer {pair['access']}"}
        expect.unauthorized(anonymous.get("/api/auth/me/", headers=headers))
        expect.problem(anonymous.post("/api/token/refresh/", json={"refresh": pair["refresh"]}), 401)


@pytest.mark.parametrize("current", ["", "wrong password 99", "VIOLET"])
def test_a_change_needs_the_current_password(anonymous, alice, sign_in, current):
    other = sign_in(alice.email, alice.password)
    expect.refused(change(alice, current=current))
    assert sign_in_status(anonymous, alice.email, alice.password) == 200
    expect.ok(other.get("/api/auth/me/"))


def test_a_change_without_the_current_password_is_a_422(alice):
    expect.invalid(alice.post("/api/auth/password/change/", json={"password": NEW}), "current_password")


@pytest.mark.parametrize("password", BAD)
def test_a_bad_new_password_changes_nothing(anonymous, alice, password):
    expect.invalid(change(alice, password), "password")
    assert sign_in_status(anonymous, alice.email, alice.password) == 200


def test_a_reset_token_mailed_before_a_change_cannot_bring_a_thief_back(anonymous, alice, reset_token):
    assert reset(anonymous, reset_token).status_code == 204
    expect.refused(reset(anonymous, reset_token, "thief password 1"))
    assert sign_in_status(anonymous, alice.email, NEW) == 200
