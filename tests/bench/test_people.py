"""Meeting the seeded users of a server: signing in and learning the ids of their notes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.errors import BenchError
from bench.people import fetch, meet, meet_all

NOTES = {"one": list(range(1, 46)), "two": list(range(100, 120)), "none": []}
PAGE = 20


class Handler(BaseHTTPRequestHandler):
    """Signs in whoever knows the secret and lists their notes in pages of 20."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["password"] != "secret":
            self.answer(401, {"code": "invalid_credentials"})
        else:
            names = {"user1@example.com": "one", "user2@example.com": "two"}
            self.answer(200, {"access": names.get(body["email"], "none")})

    def do_GET(self) -> None:
        if self.path == "/missing/":
            self.answer(404, {"code": "not_found"})
            return
        ids = NOTES[self.headers["Authorization"].removeprefix("Bearer ")]
        start = int(self.path.partition("?cursor=")[2] or 0)
        following = f"http://127.0.0.1:1/api/notes/?cursor={start + PAGE}"
        results = [{"id": note_id} for note_id in ids[start : start + PAGE]]
        more = start + PAGE < len(ids)
        self.answer(200, {"results": results, "next": following if more else None})

    def answer(self, status: int, body: object) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """Serve on a free port of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def nothing() -> None:
    """Report to nobody."""


def test_all_pages_of_a_list_are_walked(port: int) -> None:
    person = meet(port, "user1@example.com", "secret")

    assert list(person.note_ids) == NOTES["one"]
    assert person.pages == (
        "/api/notes/",
        "/api/notes/?cursor=20",
        "/api/notes/?cursor=40",
    )


def test_users_are_met_in_the_order_of_their_numbers(port: int) -> None:
    people = meet_all(port, 2, "secret", (), nothing)

    assert [person.token for person in people] == ["one", "two"]


def test_with_a_token_nobody_signs_in(port: int) -> None:
    people = meet_all(port, 2, "wrong", ("two", "one"), nothing)

    assert [person.note_ids[0] for person in people] == [100, 1]


def test_a_wrong_password_is_named(port: int) -> None:
    with pytest.raises(BenchError, match="401.*invalid_credentials"):
        meet(port, "user1@example.com", "wrong")


def test_a_user_without_notes_means_that_nothing_is_seeded(port: int) -> None:
    with pytest.raises(BenchError, match="user9@example.com has no notes"):
        meet(port, "user9@example.com", "secret")


def test_a_server_that_is_away_is_named() -> None:
    with pytest.raises(BenchError, match="/api/token/ on port 1"):
        meet(1, "user1@example.com", "secret")


def test_bytes_are_fetched_as_they_come(port: int) -> None:
    assert json.loads(fetch(port, "/api/notes/", "none")) == {"results": [], "next": None}


def test_bytes_of_a_failure_are_not_taken_for_an_answer(port: int) -> None:
    with pytest.raises(BenchError, match="GET /missing/ .* answered 404.*not_found"):
        fetch(port, "/missing/", "one")
