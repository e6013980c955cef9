"""Redis is named but not there: all of NoteAssist works, and says that it is not at its best."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests import servers
from tests.faults.expect import timed
from tests.live import LiveServer
from tests.people import PASSWORD

NOTE = {
    "title": "Alone",
    "tags": ["a"],
    "chapters": [{"title": "One", "topics": [{"name": "A"}, {"name": "B"}]}],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Give a server whose Redis does not exist."""
    url = f"redis://127.0.0.1:{servers.free_port()}/0"
    with LiveServer(tmp_path_factory.mktemp("server"), {"REDIS_URL": url}) as started:
        yield started


@pytest.fixture
def alice(server: LiveServer) -> httpx.Client:
    """Give a client of somebody new."""
    return server.sign_up(f"alice{time.monotonic_ns()}@example.com")


def test_the_server_is_ready_but_says_that_it_is_degraded(server: LiveServer) -> None:
    seconds, answer = timed(server.client(), "GET", "/readyz")
    assert (answer.status_code, answer.json()["status"], seconds < 2) == (200, "degraded", True)
    parts = answer.json()["parts"]
    assert (parts["database"], parts["queue"]) == ("ok", "unavailable")


def test_accounts_work(server: LiveServer, alice: httpx.Client) -> None:
    email = alice.get("/api/auth/me/").json()["email"]
    pair = server.client().post("/api/auth/token/", json={"email": email, "password": PASSWORD}).json()
    fresh = alice.post("/api/auth/token/refresh/", json={"refresh": pair["refresh"]}).json()
    headers = {"Authorization": f"Bearer {fresh['access']}"}
    assert alice.post("/api/auth/password/forgot/", json={"email": email}).status_code == 202
    assert alice.post("/api/auth/logout/", headers=headers).status_code == 204
    assert alice.get("/api/auth/me/", headers=headers).status_code == 401


def test_notes_work(alice: httpx.Client) -> None:
    note = alice.post("/api/notes/", json=NOTE, headers={"Idempotency-Key": "k"}).json()
    path = f"/api/notes/{note['id']}/"
    assert alice.put(path, json={**note, "title": "Other"}).json()["topic_count"] == 2
    assert alice.patch(path, json={"tags": ["b"]}).json()["tags"] == ["b"]
    assert [found["title"] for found in alice.get("/api/notes/?tag=b").json()["results"]] == ["Other"]
    assert alice.post(path + "duplicate/").status_code == 201
    assert alice.delete(path).status_code == 204
    assert alice.post(path + "restore/").status_code == 200


def test_no_request_is_slower_for_it(alice: httpx.Client) -> None:
    # A look at Redis in the way of requests would cost a time-out each.
    seconds = sorted(timed(alice, "POST", "/api/notes/")[0] for _ in range(11))
    assert seconds[5] < 0.5
