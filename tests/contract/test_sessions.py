"""The places where a user is signed in."""

import pytest

from . import expect


def sessions(client):
    """The sessions of this user."""
    return expect.walk(client, "/api/auth/sessions/")


def own(client):
    """The id of the session that this client speaks in."""
    (current,) = [row["id"] for row in sessions(client) if row["current"]]
    return current


def test_the_list_has_every_session_and_knows_the_current_one(alice, sign_in):
    others = [sign_in(alice.email, alice.password) for _ in range(2)]
    assert len(sessions(alice)) == 3
    assert len({own(client) for client in (alice, *others)}) == 3


def test_a_session_shows_no_token(alice):
    said = alice.get("/api/auth/sessions/").get_data(as_text=True)
    assert alice.access not in said and alice.refresh not in said


def test_each_sees_only_the_own_sessions(alice, bob, sign_in):
    sign_in(bob.email, bob.password)
    assert len(sessions(alice)) == 1
    assert not set(expect.ids(sessions(alice))) & set(expect.ids(sessions(bob)))


def test_refreshing_stays_in_the_session(alice, anonymous):
    body = expect.ok(anonymous.post("/api/token/refresh/", json={"refresh": alice.refresh}))
    headers = {"Authorization": f"Bearer {body['access']}"}
    (row,) = expect.ok(anonymous.get("/api/auth/sessions/", headers=headers))["results"]
    assert (row["id"], row["current"]) == (own(alice), True)


def test_ending_a_session_ends_its_tokens_at_once(alice, anonymous, sign_in):
    other = sign_in(alice.email, alice.password)
    expect.ok(other.get("/api/notes/"))
    assert alice.delete(f"/api/auth/sessions/{own(other)}/").status_code == 204
    expect.unauthorized(other.get("/api/notes/"))
    expect.problem(anonymous.post("/api/token/refresh/", json={"refresh": other.refresh}), 401)
    assert expect.ids(sessions(alice)) == [own(alice)]


def test_ending_the_current_session_signs_out(alice, sign_in):
    other = sign_in(alice.email, alice.password)
    assert alice.delete(f"/api/auth/sessions/{own(alice)}/").status_code == 204
    expect.unauthorized(alice.get("/api/auth/me/"))
    expect.ok(other.get("/api/auth/me/"))


def test_an_ended_session_is_a_404(alice, sign_in):
    ended = own(sign_in(alice.email, alice.password))
    assert alice.delete(f"/api/auth/sessions/{ended}/").status_code == 204
    expect.problem(alice.delete(f"/api/auth/sessions/{ended}/"), 404)


def test_a_session_of_somebody_else_is_the_same_404_as_one_that_never_was(alice, bob):
    foreign = bob.delete(f"/api/auth/sessions/{own(alice)}/")
    expect.problem(foreign, 404)
    assert expect.anonymised(foreign) == expect.anonymised(
        bob.delete(f"/api/auth/sessions/{expect.NEVER_WAS}/")
    )
    expect.ok(alice.get("/api/auth/me/"))


@pytest.mark.parametrize("action", ["logout", "logout-all"])
def test_a_signed_out_session_is_no_longer_listed(alice, sign_in, action):
    assert alice.post(f"/api/auth/{action}/").status_code == 204
    again = sign_in(alice.email, alice.password)
    assert expect.ids(sessions(again)) == [own(again)]


def test_the_same_session_ended_ten_times_at_once_ends_once(alice, sign_in, in_parallel):
    other = own(sign_in(alice.email, alice.password))
    answers = in_parallel([lambda: alice.delete(f"/api/auth/sessions/{other}/")] * 10)
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 9
