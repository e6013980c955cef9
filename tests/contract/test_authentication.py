"""Who may come in: only the holder of a live access token."""

import base64
import json

import pytest

from . import expect

PRIVATE = [
    ("GET", "/api/notes/"),
    ("POST", "/api/notes/"),
    ("GET", "/api/notes/1/"),
    ("PUT", "/api/notes/1/"),
    ("PATCH", "/api/notes/1/"),
    ("DELETE", "/api/notes/1/"),
    ("POST", "/api/notes/1/chapters/"),
    ("POST", "/api/notes/1/reorder/"),
    ("POST", "/api/notes/1/duplicate/"),
    ("POST", "/api/notes/1/restore/"),
    ("POST", "/api/notes/bulk/"),
    ("GET", "/api/notes/trash/"),
    ("GET", "/api/chapters/1/"),
    ("PATCH", "/api/chapters/1/"),
    ("DELETE", "/api/chapters/1/"),
    ("POST", "/api/chapters/1/topics/"),
    ("GET", "/api/topics/1/"),
    ("PATCH", "/api/topics/1/"),
    ("DELETE", "/api/topics/1/"),
    ("GET", "/api/tags/"),
    ("PATCH", "/api/tags/physics/"),
    ("DELETE", "/api/tags/physics/"),
    ("GET", "/api/auth/me/"),
    ("PATCH", "/api/auth/me/"),
    ("DELETE", "/api/auth/me/"),
    ("GET", "/api/auth/sessions/"),
    ("DELETE", "/api/auth/sessions/1/"),
    ("POST", "/api/auth/logout/"),
    ("POST", "/api/auth/logout-all/"),
    ("POST", "/api/auth/password/change/"),
    ("POST", "/api/auth/email/change/"),
]


def encoded(value):
    """One part of a JSON web token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def bearer(token):
    """The header that carries this token."""
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("method, path", PRIVATE)
def test_nobody_gets_in_without_a_token(anonymous, method, path):
    body = {} if method == "GET" else {"json": {"title": "x"}}
    expect.unauthorized(anonymous.open(path, method=method, **body))


@pytest.mark.parametrize("method, path", PRIVATE)
def test_nobody_gets_in_with_a_made_up_token(anonymous, method, path):
    expect.unauthorized(anonymous.open(path, method=method, headers=bearer("e30.e30.e30")))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ...",
        "Bearer é.é.é",
        "Bearer \x01",
        "Basic YWxpY2U6c2VjcmV0",
        "Basic !!!",
        "Digest x",
        "Token x",
        "Bearer e30.e30.",
        "Bearer " + "a" * 1_000_000,
        "Bearer " + "a." * 50_000,
        "Bearer " + encoded({"alg": "HS256"}) + "." + "W" * 60_000 + ".x",
    ],
)
def test_a_header_that_is_no_token_is_a_401(anonymous, header):
    expect.unauthorized(anonymous.get("/api/notes/", headers={"Authorization": header}))


def test_the_access_token_says_who_and_for_how_long(alice):
    claims = expect.claims(alice.access)
    assert str(claims["sub"]) == str(alice.user["id"])
    assert (claims["role"], claims["tier"], claims["email_verified"]) == ("user", "FREE", False)
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["sid"]


def test_two_sessions_have_two_names(alice, sign_in):
    other = sign_in(alice.email, alice.password)
    assert expect.claims(other.access)["sid"] != expect.claims(alice.access)["sid"]


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS384", "RS256", "ES256", "", None])
def test_a_token_cannot_choose_its_own_algorithm(anonymous, alice, algorithm):
    _, claims, signature = alice.access.split(".")
    header = encoded({"alg": algorithm, "typ": "JWT"})
    for end in ("", signature):
        expect.unauthorized(anonymous.get("/api/auth/me/", headers=bearer(f"{header}.{claims}.{end}")))


@pytest.mark.parametrize("change", [{"role": "admin"}, {"sub": "1"}, {"tier": "PRO"}, {"exp": 9_999_999_999}])
def test_a_token_cannot_be_rewritten(anonymous, alice, change):
    header, _, signature = alice.access.split(".")
    forged = encoded({**expect.claims(alice.access), **change, "forged": True})
    expect.unauthorized(anonymous.get("/api/auth/me/", headers=bearer(f"{header}.{forged}.{signature}")))


@pytest.mark.parametrize("cut", [slice(0, -5), slice(5, None), slice(0, 40)])
def test_a_cut_token_is_refused(anonymous, alice, cut):
    expect.unauthorized(anonymous.get("/api/auth/me/", headers=bearer(alice.access[cut])))


def test_a_refresh_token_is_not_an_access_token(anonymous, alice):
    expect.unauthorized(anonymous.get("/api/auth/me/", headers=bearer(alice.refresh)))


def test_an_access_token_is_not_a_refresh_token(anonymous, alice):
    expect.problem(anonymous.post("/api/token/refresh/", json={"refresh": alice.access}), 401)


def test_a_mailed_token_opens_nothing_else(anonymous, alice, mail_token):
    token = mail_token(alice.email)
    expect.unauthorized(anonymous.get("/api/auth/me/", headers=bearer(token)))
    expect.problem(anonymous.post("/api/token/refresh/", json={"refresh": token}), 401)
    reset = {"token": token, "password": "violet lantern 42"}
    expect.refused(anonymous.post("/api/auth/password/reset/", json=reset))


def test_a_cursor_is_not_an_access_token(anonymous, alice, make_note):
    make_note("One")
    make_note("Two")
    cursor = expect.cursor(alice.get("/api/notes/?page_size=1").json["next"])
    expect.unauthorized(anonymous.get("/api/auth/me/", headers=bearer(cursor)))


def test_a_token_in_the_address_does_not_count(anonymous, alice):
    for name in ("access_token", "token", "jwt"):
        expect.problem(anonymous.get("/api/auth/me/", query_string={name: alice.access}), 401)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_is_known_in_any_letter_case(anonymous, alice, scheme):
    expect.ok(anonymous.get("/api/auth/me/", headers={"Authorization": f"{scheme} {alice.access}"}))


def test_an_access_token_ends_after_an_hour(alice, move_clock):
    move_clock(3540)
    expect.ok(alice.get("/api/notes/"))
    move_clock(120)
    expect.unauthorized(alice.get("/api/notes/"))


def test_the_refusal_does_not_repeat_the_token(anonymous):
    response = anonymous.get("/api/notes/", headers=bearer("canary-token-4711"))
    assert "canary-token-4711" not in response.get_data(as_text=True) + str(response.headers)
