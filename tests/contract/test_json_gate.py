"""Hostile bodies: refused before they reach anything, and nothing of them is kept."""

import io
import json

import pytest

from . import expect

NOT_JSON = {
    "empty": b"",
    "a word": b"title",
    "cut short": b'{"title": "a"',
    "two values": b'{"title": "a"} {}',
    "a trailing comma": b'{"title": "a",}',
    "single quotes": b"{'title': 'a'}",
    "a comment": b'{"title": "a"} // note',
    "NaN": b'{"title": "a", "tags": [NaN]}',
    "Infinity": b'{"title": "a", "tags": [Infinity]}',
    "-Infinity": b'{"title": "a", "tags": [-Infinity]}',
    "a raw control character": b'{"title": "a\x01b"}',
    "bad UTF-8": b'{"title": "\xff\xfe"}',
    "cut UTF-8": b'{"title": "\xc3"}',
    "overlong UTF-8": b'{"title": "\xc0\xaf"}',
    "a surrogate as UTF-8": b'{"title": "\xed\xa0\x80"}',
    "UTF-16": '{"title": "a"}'.encode("utf-16"),
    "UTF-32": '{"title": "a"}'.encode("utf-32-le"),
}
HOSTILE = {
    "duplicate keys": b'{"title": "a", "title": "b"}',
    "duplicate keys, one escaped": b'{"title": "a", "t\\u0069tle": "b"}',
    "duplicate keys within": b'{"title": "a", "chapters": [{"title": "b", "title": "c"}]}',
    "an infinite number": b'{"title": "a", "tags": [1e999]}',
    "a negative infinite number": b'{"title": -1e999}',
    "an integer of 5,000 digits": b'{"title": ' + b"9" * 5000 + b"}",
    "an integer of 5,000 digits within": b'{"title": "a", "tags": [-' + b"9" * 5000 + b"]}",
    "a fraction of 100,000 digits": b'{"title": 0.' + b"1" * 100_000 + b"}",
    "a lone high surrogate": b'{"title": "\\ud800"}',
    "a lone low surrogate": b'{"title": "a\\udc00b"}',
    "surrogates in the wrong order": b'{"title": "\\udc00\\ud800"}',
    "a lone surrogate in a key": b'{"title": "a", "\\ud800": 1}',
    "a lone surrogate within": b'{"title": "a", "chapters": [{"title": "\\udfff"}]}',
    "NUL in a key": b'{"title": "a", "ti\\u0000tle": 1}',
    "an open array 100,000 deep": b"[" * 100_000,
    "arrays 100,000 deep": b'{"title": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "objects 100,000 deep": b'{"title": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    "chapters within chapters": b'{"title": "a", "chapters": [' * 5_000 + b"]}" * 5_000,
}
ADDRESSES = ["/api/notes/", "/api/auth/register/", "/api/notes/bulk/"]


def send(client, body, path="/api/notes/", **options):
    """POST these bytes as JSON."""
    return client.post(path, data=body, content_type="application/json", **options)


@pytest.fixture(autouse=True)
def nothing_was_kept(alice):
    """Whatever a test here sends: Alice has no note afterwards."""
    yield
    assert alice.get("/api/notes/").json["results"] == []


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_body_that_is_not_json_is_a_400(alice, path, body):
    expect.problem(send(alice, body, path), 400)


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_refused(alice, path, body):
    expect.problem(send(alice, body, path), 400, 413, 422)


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_refused_from_anybody(anonymous, body):
    expect.problem(send(anonymous, body, "/api/token/"), 400, 413, 422)


@pytest.mark.parametrize("body", ["[]", "null", "true", "1", '"title"', '[{"title": "a"}]', "{}"])
def test_json_that_is_no_note_is_a_422(alice, body):
    expect.problem(send(alice, body), 422)


NUL = "a\0b"
EDITS = [
    ("POST", "/api/notes/", {"title": NUL}),
    ("POST", "/api/notes/", {"title": "a", "tags": [NUL]}),
    ("POST", "/api/notes/", {"title": "a", "status": NUL}),
    ("POST", "/api/notes/", {"title": "a", "chapters": [{"title": NUL}]}),
    ("POST", "/api/notes/", {"title": "a", "chapters": [{"title": "b", "topics": [{"name": NUL}]}]}),
    (
        "POST",
        "/api/notes/",
        {
            "title": "a",
            "chapters": [{"title": "b", "topics": [{"name": "c", "explanation": {"content": NUL}}]}],
        },
    ),
    ("POST", "/api/notes/bulk/", {"ids": [1], "action": "tag", "tag": NUL}),
    ("PATCH", "/api/auth/me/", {"name": NUL}),
    ("PATCH", "/api/auth/me/", {"profile": {"bio": NUL}}),
    ("PATCH", "/api/auth/me/", {"profile": {"daily_goal": 2**63}}),
    ("PATCH", "/api/auth/me/", {"profile": {"daily_goal": -(2**63)}}),
    ("PATCH", "/api/auth/me/", {"profile": {"daily_goal": 10**400}}),
    ("POST", "/api/auth/register/", {"email": "nul@example.com", "password": "a long\0password"}),
    ("POST", "/api/auth/register/", {"email": "n\0@example.com", "password": "a long password 4"}),
    ("POST", "/api/token/", {"email": "a\0@example.com", "password": "a long password 4"}),
    ("POST", "/api/token/refresh/", {"refresh": NUL}),
    ("POST", "/api/auth/verify-email/", {"token": NUL}),
]


@pytest.mark.parametrize("method, path, body", EDITS)
def test_nul_and_numbers_beyond_all_bounds_are_a_422(alice, method, path, body):
    before = alice.get("/api/auth/me/").json
    assert expect.problem(alice.open(path, method=method, json=body), 422)["errors"]
    assert alice.get("/api/auth/me/").json == before


MEBIBYTE = 1024 * 1024


def big(size):
    """A body of exactly so many bytes that would be a note if it were smaller."""
    frame = json.dumps({"title": "x", "tags": [""]}).encode()
    return frame.replace(b'""', b'"' + b"x" * (size - len(frame)) + b'"')


@pytest.mark.parametrize("size", [2 * MEBIBYTE + 1, 3 * MEBIBYTE, 30 * MEBIBYTE])
@pytest.mark.parametrize("path", ADDRESSES)
def test_a_body_over_2_mebibytes_is_a_413(alice, path, size):
    expect.problem(send(alice, big(size), path), 413)


def test_a_body_of_exactly_2_mebibytes_is_read(alice):
    expect.invalid(send(alice, big(2 * MEBIBYTE)), "tags")


@pytest.mark.parametrize("body", [big(3 * MEBIBYTE), b" " * 3 * MEBIBYTE, b"\xff" * 3 * MEBIBYTE])
def test_a_big_body_without_a_length_is_a_413_too(alice, body):
    """As a chunked request arrives: a stream whose end the server learns by reading."""
    response = alice.post(
        "/api/notes/",
        input_stream=io.BytesIO(body),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    expect.problem(response, 413)


def test_a_stranger_without_a_token_cannot_send_a_big_body_either(anonymous):
    response = send(anonymous, big(3 * MEBIBYTE))
    expect.problem(response, 401, 413)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "text/json"]
)
@pytest.mark.parametrize("path", ADDRESSES)
def test_another_content_type_is_a_415(alice, path, kind):
    expect.problem(alice.post(path, data=b'{"title": "a"}', content_type=kind), 415)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
def test_json_in_utf8_is_read_however_its_type_is_spelt(alice, kind):
    expect.invalid(alice.post("/api/notes/", data=b'{"title": ""}', content_type=kind), "title")


def test_a_form_is_a_415(alice):
    expect.problem(alice.post("/api/notes/", data={"title": "a"}), 415)
    upload = {"file": (io.BytesIO(b"x"), "a.txt")}
    expect.problem(alice.post("/api/notes/", data=upload, content_type="multipart/form-data"), 415)


def test_a_body_without_any_content_type_is_a_415(alice):
    expect.problem(alice.post("/api/notes/", data=b'{"title": "a"}', content_type=""), 415)


def test_a_missing_body_is_refused(alice):
    expect.problem(alice.post("/api/notes/"), 400, 415, 422)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_gate_stands_before_edits_too(alice, method):
    response = alice.open(
        "/api/notes/1/", method=method, data=b'{"title": NaN}', content_type="application/json"
    )
    expect.problem(response, 400, 404)


def test_a_refused_body_does_not_appear_in_the_refusal(alice):
    secret = "correct-horse-battery"
    response = send(
        alice, f'{{"email": "x", "password": "{secret}", "extra": NaN}}'.encode(), "/api/auth/register/"
    )
    expect.problem(response, 400)
    assert secret not in response.get_data(as_text=True)
