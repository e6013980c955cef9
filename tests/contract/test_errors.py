"""Every refusal is a problem document, and every answer says who it is."""

import re

import pytest

from . import expect

CONTRACT_ALLOWS = [
    ("/api/notes/", {"GET", "POST"}),
    ("/api/notes/trash/", {"GET"}),
    ("/api/notes/bulk/", {"POST"}),
    ("/api/tags/", {"GET"}),
    ("/api/auth/register/", {"POST"}),
    ("/api/auth/token/", {"POST"}),
    ("/api/token/", {"POST"}),
    ("/api/token/refresh/", {"POST"}),
    ("/api/auth/me/", {"GET", "PATCH", "DELETE"}),
    ("/api/auth/sessions/", {"GET"}),
    ("/healthz", {"GET"}),
]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize(
    "path", ["/api/nothing/", "/api/notes/1/nothing/", "/nothing", "/api/%00/", "/api/%ff/"]
)
def test_an_unknown_address_is_a_404_problem(alice, path):
    expect.problem(alice.get(path), 404)


@pytest.mark.parametrize("path, allowed", CONTRACT_ALLOWS)
def test_a_method_that_is_not_there_is_a_405_that_says_which_are(alice, path, allowed):
    for method in sorted(METHODS - allowed):
        response = alice.open(path, method=method, json={})
        expect.problem(response, 405)
        assert expect.directives(response.headers["Allow"]) & {m.lower() for m in METHODS} == {
            m.lower() for m in allowed
        }


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
def test_a_method_that_nothing_here_knows_is_refused(alice, method):
    expect.problem(alice.open("/api/notes/", method=method), 405, 501)


@pytest.mark.parametrize(
    "suffix, allowed", [("", {"get", "put", "patch", "delete"}), ("chapters/", {"post"})]
)
def test_a_405_below_a_note_says_which_methods_are_there(alice, path, suffix, allowed):
    response = alice.open(path + suffix, method="BREW")
    assert response.status_code in (405, 501)
    options = expect.directives(alice.options(path + suffix).headers["Allow"])
    assert options & {method.lower() for method in METHODS} == allowed


def test_options_answers_with_the_methods_and_no_body_of_the_note(alice, path):
    response = alice.options(path)
    assert response.status_code in (200, 204)
    assert "Cell biology" not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/api/notes"),
        ("POST", "/api/notes"),
        ("PATCH", "/api/auth/me"),
        ("GET", "/api/tags"),
        ("GET", "/api/notes/trash"),
        ("POST", "/api/notes/1/chapters"),
        ("DELETE", "/api/topics/1"),
        ("GET", "/api/auth/sessions"),
        ("POST", "/api/token"),
    ],
)
def test_without_the_trailing_slash_the_answer_points_to_the_address_with_it(alice, method, path):
    response = alice.open(path, method=method)
    assert response.status_code == 308
    assert expect.location(response) == path + "/"


def test_the_redirect_keeps_the_query(alice):
    response = alice.get("/api/notes?status=draft&tag=a&tag=b%26c")
    assert response.headers["Location"].endswith("/api/notes/?status=draft&tag=a&tag=b%26c")


@pytest.mark.parametrize(
    "path", ["/api//notes", "/%2fevil.example/api/notes", "/%2fevil.example", "/%5cevil.example"]
)
def test_a_redirect_never_leaves_this_server(anonymous, path):
    assert "evil.example" not in anonymous.get(path).headers.get("Location", "")


ANSWERS = [
    ("GET", "/api/notes/", 200),
    ("GET", "/api/notes/?cursor=x", 400),
    ("GET", "/api/notes/987654321/", 404),
    ("GET", "/api/notes", 308),
    ("PUT", "/api/notes/", 405),
    ("POST", "/api/notes/", 422),
    ("GET", "/healthz", 200),
    ("GET", "/api/openapi.json", 200),
]


@pytest.mark.parametrize("method, path, status", ANSWERS)
def test_every_answer_carries_the_version_and_a_request_id(alice, method, path, status):
    response = alice.open(path, method=method, json={} if method == "POST" else None)
    assert response.status_code == status
    assert response.headers["API-Version"] == "1"
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", response.headers["X-Request-ID"])


@pytest.mark.parametrize("method, path, status", ANSWERS)
def test_every_answer_forbids_guessing_its_type(alice, method, path, status):
    response = alice.open(path, method=method, json={} if method == "POST" else None)
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("own", ["a", "A.b_c-9", "x" * 128])
@pytest.mark.parametrize("path", ["/api/notes/", "/api/nothing/", "/healthz"])
def test_a_proper_request_id_of_the_caller_is_kept(alice, own, path):
    response = alice.get(path, headers={"X-Request-ID": own})
    assert response.headers["X-Request-ID"] == own


@pytest.mark.parametrize("own", ["", "x" * 129, "two words", "a/b", "<b>", "é", '"', "a,b", "x\x01"])
def test_an_improper_request_id_is_replaced(alice, own):
    response = alice.get("/api/nothing/", headers={"X-Request-ID": own})
    assert response.headers["X-Request-ID"] != own
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", response.headers["X-Request-ID"])
    expect.problem(response, 404)


def test_two_requests_have_two_ids(alice):
    first, second = (alice.get("/api/notes/").headers["X-Request-ID"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    "bad", [0, -1, 2**63, 2**64, 10**30, "abc", "1.5", "1e3", "%00", "1%00", "%ff", "٣", "+1"]
)
@pytest.mark.parametrize("kind", ["notes", "chapters", "topics", "auth/sessions"])
def test_an_id_that_cannot_be_is_a_404_whatever_is_done_to_it(alice, kind, bad):
    methods = ["DELETE"] if kind == "auth/sessions" else ["GET", "PATCH", "DELETE"]
    for method in methods:
        body = {"json": {"name" if kind == "topics" else "title": "x"}} if method == "PATCH" else {}
        expect.problem(alice.open(f"/api/{kind}/{bad}/", method=method, **body), 404)


@pytest.mark.parametrize("below", ["chapters", "reorder", "duplicate", "restore"])
def test_nothing_can_be_posted_below_an_id_that_cannot_be(alice, below):
    for bad in (-1, 2**63, 10**30):
        response = alice.post(f"/api/notes/{bad}/{below}/", json={"title": "x"})
        expect.problem(response, 404, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/api/notes/?q=%27%22;--",
        "/api/notes/?cursor=%27",
        "/api/notes/9223372036854775808/",
        "/api/notes/?created_after=0000-00-00",
    ],
)
def test_no_answer_tells_what_the_server_is_made_of(alice, path):
    response = alice.get(path)
    said = response.get_data(as_text=True) + str(response.headers)
    assert response.status_code < 500
    assert not re.search(
        r"(?i)traceback|sqlalchemy|psycopg|sqlite3?\b|werkzeug|select .* from|/site-packages|\.py\b", said
    )


def test_a_422_names_the_fields_and_says_what_is_wrong_with_each(alice):
    body = expect.problem(alice.post("/api/notes/?x=1", json={"title": "", "status": "secret"}), 422)
    for fields in body["errors"].values():
        assert fields and all(
            isinstance(said, str) and said for messages in fields.values() for said in messages
        )
    assert set(body["errors"]) <= {"json", "query"}
    body = expect.invalid(alice.post("/api/notes/", json={"title": "", "status": "secret"}), "title")
    assert set(body["errors"]["json"]) == {"title", "status"}


def test_other_origins_are_not_let_in(alice):
    response = alice.get("/api/notes/", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in response.headers


def test_the_method_cannot_be_overridden_by_a_header(alice, path):
    alice.post(path + "chapters/", json={"title": "x"}, headers={"X-HTTP-Method-Override": "DELETE"})
    assert alice.get(path).status_code == 200
