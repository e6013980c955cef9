"""Signing in, refreshing and signing out."""

import pytest

from . import expect


def token(client, email, password, path="/api/auth/token/"):
    """Ask for tokens."""
    return client.post(path, json={"email": email, "password": password})


def refresh(client, refresh, path="/api/auth/token/refresh/"):
    """Exchange a refresh token."""
    return client.post(path, json={"refresh": refresh})


def me(client, access):
    """Read the own account with this access token."""
    return client.get("/api/auth/me/", headers={"Authorization": f"Bearer {access}"})


@pytest.mark.parametrize("path", ["/api/auth/token/", "/api/token/"])
def test_the_right_password_gives_tokens(anonymous, alice, path):
    body = expect.ok(token(anonymous, alice.email, alice.password, path))
    assert set(body) >= {"access", "refresh", "expires_in", "user"}
    assert body["expires_in"] == 3600
    assert body["user"]["id"] == alice.user["id"]
    assert expect.ok(me(anonymous, body["access"]))["email"] == alice.email


@pytest.mark.parametrize("path", ["/api/auth/token/", "/api/token/"])
def test_a_wrong_password_and_an_unknown_address_are_told_the_same(anonymous, alice, path):
    wrong = token(anonymous, alice.email, "not her password", path)
    unknown = token(anonymous, "nobody@example.com", "not her password", path)
    expect.unauthorized(wrong, code="invalid_credentials")
    assert expect.anonymised(wrong) == expect.anonymised(unknown)
    assert (wrong.status_code, set(wrong.headers.keys())) == (
        unknown.status_code,
        set(unknown.headers.keys()),
    )


@pytest.mark.parametrize(
    "change", [str.upper, str.title, lambda p: p + " ", lambda p: " " + p, lambda p: p[:-1]]
)
def test_the_password_must_be_right_to_the_letter(anonymous, alice, change):
    assert change(alice.password) != alice.password
    expect.problem(token(anonymous, alice.email, change(alice.password)), 401, code="invalid_credentials")


@pytest.mark.parametrize(
    "body", [{}, {"email": "a@example.com"}, {"password": "x" * 12}, {"email": 1, "password": 2}]
)
def test_a_sign_in_that_lacks_something_is_a_422(anonymous, body):
    expect.problem(anonymous.post("/api/auth/token/", json=body), 422)


@pytest.mark.parametrize("password", ["x", "x" * 1000, "🙂" * 200])
def test_a_sign_in_with_an_impossible_password_is_refused(anonymous, alice, password):
    expect.problem(token(anonymous, alice.email, password), 401, 422)


def test_signing_in_is_remembered(anonymous, alice):
    body = expect.ok(token(anonymous, alice.email, alice.password))
    last = me(anonymous, body["access"]).json["last_login_at"]
    assert expect.moment(last) >= expect.moment(alice.user["created_at"])


@pytest.mark.parametrize("path", ["/api/auth/token/refresh/", "/api/token/refresh/"])
def test_refreshing_gives_a_new_pair(anonymous, alice, path):
    body = expect.ok(refresh(anonymous, alice.refresh, path))
    assert set(body) >= {"access", "refresh", "expires_in"}
    assert body["refresh"] != alice.refresh
    assert body["expires_in"] == 3600
    expect.ok(me(anonymous, body["access"]))


def test_the_new_refresh_token_works_in_its_turn(anonymous, alice):
    latest = alice.refresh
    for _ in range(5):
        latest = expect.ok(refresh(anonymous, latest))["refresh"]
    expect.ok(refresh(anonymous, latest))


@pytest.mark.parametrize("bad", ["", "x", "a.b.c", "é", "x" * 100_000])
def test_a_made_up_refresh_token_is_refused(anonymous, bad):
    expect.problem(refresh(anonymous, bad), 401, 422)


@pytest.mark.parametrize("body", [{}, {"refresh": None}, {"refresh": 5}, {"refresh": {}}])
def test_a_refresh_token_is_a_text(anonymous, body):
    expect.invalid(anonymous.post("/api/token/refresh/", json=body), "refresh")


def test_a_lost_answer_can_be_asked_for_again_at_once(anonymous, alice):
    first = expect.ok(refresh(anonymous, alice.refresh))
    again = expect.ok(refresh(anonymous, alice.refresh))
    assert (again["access"], again["refresh"]) == (first["access"], first["refresh"])


def test_ten_parallel_refreshes_give_one_same_pair(anonymous, alice, in_parallel):
    answers = in_parallel([lambda: refresh(anonymous, alice.refresh)] * 10)
    pairs = {(expect.ok(answer)["access"], answer.json["refresh"]) for answer in answers}
    assert len(pairs) == 1
    ((access, latest),) = pairs
    expect.ok(me(anonymous, access))
    expect.ok(refresh(anonymous, latest))


def test_a_used_token_ends_the_whole_session_at_once(anonymous, alice, move_clock):
    newest = expect.ok(refresh(anonymous, alice.refresh))
    move_clock(15)
    expect.ok(me(anonymous, newest["access"]))
    expect.problem(refresh(anonymous, alice.refresh), 401, code="refresh_reused")
    for access in (alice.access, newest["access"]):
        expect.unauthorized(me(anonymous, access))
    expect.problem(refresh(anonymous, newest["refresh"]), 401)


def test_a_token_used_two_exchanges_ago_ends_the_session_even_at_once(anonymous, alice):
    second = expect.ok(refresh(anonymous, alice.refresh))
    third = expect.ok(refresh(anonymous, second["refresh"]))
    expect.problem(refresh(anonymous, alice.refresh), 401, code="refresh_reused")
    expect.unauthorized(me(anonymous, third["access"]))
    expect.problem(refresh(anonymous, third["refresh"]), 401)


def test_reuse_ends_that_session_only(anonymous, alice, bob, sign_in, move_clock):
    other = sign_in(alice.email, alice.password)
    expect.ok(refresh(anonymous, alice.refresh))
    move_clock(15)
    expect.problem(refresh(anonymous, alice.refresh), 401, code="refresh_reused")
    expect.ok(other.get("/api/auth/me/"))
    expect.ok(refresh(anonymous, other.refresh))
    expect.ok(bob.get("/api/auth/me/"))


def test_a_refresh_token_unused_for_a_week_is_dead(anonymous, alice, bob, move_clock):
    move_clock(7 * 86400 - 120)
    expect.ok(refresh(anonymous, alice.refresh))
    move_clock(240)
    expect.unauthorized(refresh(anonymous, bob.refresh))


def test_reuse_is_noticed_by_parallel_requests_too(anonymous, alice, in_parallel, move_clock):
    newest = expect.ok(refresh(anonymous, alice.refresh))
    move_clock(15)
    in_parallel(
        [lambda: refresh(anonymous, alice.refresh), lambda: refresh(anonymous, newest["refresh"])] * 5
    )
    expect.unauthorized(me(anonymous, newest["access"]))
    expect.problem(refresh(anonymous, newest["refresh"]), 401)


def test_signing_out_ends_this_session_at_once(anonymous, alice, sign_in):
    other = sign_in(alice.email, alice.password)
    assert alice.post("/api/auth/logout/").status_code == 204
    expect.unauthorized(alice.get("/api/auth/me/"))
    expect.problem(refresh(anonymous, alice.refresh), 401)
    expect.ok(other.get("/api/auth/me/"))
    expect.ok(refresh(anonymous, other.refresh))


def test_signing_out_also_ends_the_tokens_before_the_last_exchange(anonymous, alice):
    newest = expect.ok(refresh(anonymous, alice.refresh))
    headers = {"Authorization": f"Bearer {newest['access']}"}
    assert anonymous.post("/api/auth/logout/", headers=headers).status_code == 204
    expect.unauthorized(me(anonymous, alice.access))
    expect.problem(refresh(anonymous, alice.refresh), 401)
    expect.problem(refresh(anonymous, newest["refresh"]), 401)


def test_signing_out_everywhere_ends_every_session(anonymous, alice, bob, sign_in):
    sessions = [alice, *(sign_in(alice.email, alice.password) for _ in range(3))]
    assert sessions[2].post("/api/auth/logout-all/").status_code == 204
    for session in sessions:
        expect.unauthorized(session.get("/api/auth/me/"))
        expect.problem(refresh(anonymous, session.refresh), 401)
    expect.ok(bob.get("/api/auth/me/"))
    expect.ok(token(anonymous, alice.email, alice.password))


def test_no_token_survives_a_refresh_beside_signing_out(anonymous, alice, in_parallel):
    signed_out, *answers = in_parallel(
        [lambda: alice.post("/api/auth/logout/"), *[lambda: refresh(anonymous, alice.refresh)] * 6]
    )
    assert signed_out.status_code == 204
    for answer in answers:
        assert answer.status_code in (200, 401)
        if answer.status_code == 200:
            expect.unauthorized(me(anonymous, answer.json["access"]))
            expect.problem(refresh(anonymous, answer.json["refresh"]), 401)


def test_signing_out_twice_is_a_401(alice):
    assert alice.post("/api/auth/logout/").status_code == 204
    expect.unauthorized(alice.post("/api/auth/logout/"))


def test_a_reused_token_is_refused_the_same_way_every_time(alice, anonymous):
    first = alice.refresh
    following = expect.ok(anonymous.post("/api/auth/token/refresh/", json={"refresh": first}))["refresh"]
    expect.ok(anonymous.post("/api/auth/token/refresh/", json={"refresh": following}))
    for _ in range(3):
        answer = anonymous.post("/api/auth/token/refresh/", json={"refresh": first})
        expect.problem(answer, 401, code="refresh_reused")
