"""The front door: who is calling, from where, and what every answer carries."""

import ipaddress

import pytest

from noteassist import json_gate
from noteassist.app import create_app
from noteassist.door import client_address
from noteassist.errors import AppError
from tests.conftest import make_settings

PROXIES = (ipaddress.ip_network("10.0.0.0/8"),)


@pytest.fixture
def shop(tmp_path):
    """A client of an application that a web shop of an origin may call, behind TLS."""
    settings = make_settings(
        tmp_path, "", cors_origins=("https://app.example",), public_url="https://notes.example"
    )
    return create_app(settings).test_client()


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_callers_address_is_the_last_that_no_trusted_proxy_wrote(peer, forwarded, address):
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(environ, PROXIES) == address


def test_a_known_origin_may_read_the_answer(shop):
    answer = shop.get("/healthz", headers={"Origin": "https://app.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers.getlist("Vary")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.evil", "null", "http://app.example"]
)
def test_an_unknown_origin_may_not(shop, origin):
    assert "Access-Control-Allow-Origin" not in shop.get("/healthz", headers={"Origin": origin}).headers


def test_a_preflight_is_answered_without_a_token(shop):
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "PATCH"}
    answer = shop.options("/api/notes/1/", headers=headers)
    assert answer.status_code == 204
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_behind_tls_browsers_are_told_to_stay_there(shop):
    assert "max-age=" in shop.get("/healthz").headers["Strict-Transport-Security"]


def test_without_tls_they_are_not(anonymous):
    assert "Strict-Transport-Security" not in anonymous.get("/healthz").headers


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b'"\\ud83d\\ude42"', b'{"a": [1, -2.5e3, "\\\\u0000"]}']
)
def test_the_gate_lets_good_json_through(body):
    json_gate.parse(body)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"NaN", 400),
        (b"-Infinity", 400),
        (b'{"a":1,"a":2}', 400),
        (b'"\xff"', 400),
        (b"[" * 100_000, 400),
        (b"[" * 33 + b"]" * 33, 400),
        (b"1e999", 422),
        (b"1" * 5000, 422),
        (b'"\\u0000"', 422),
        (b'{"a\\u0000": 1}', 422),
        (b'["\\ud800"]', 422),
        (b'["\\uDFFF"]', 422),
    ],
)
def test_the_gate_refuses_the_rest(body, status):
    with pytest.raises(AppError) as raised:
        json_gate.parse(body)
    assert raised.value.status == status


def test_the_gate_says_where_the_trouble_is():
    with pytest.raises(AppError) as raised:
        json_gate.parse(b'{"chapters": [{"title": "\\u0000"}]}')
    assert raised.value.errors == {
        "json": {"chapters": {"0": {"title": ["NUL characters are not allowed."]}}}
    }
