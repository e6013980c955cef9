"""The worker of an upload is killed; the next one goes on, and there is one file."""

from collections.abc import Iterator

import httpx
import pytest

from tests.live import LiveServer, eventually
from tests.services.drive.scene import KEY
from tests.stand_ins.google import CLIENT, GoogleStandIn
from tests.stand_ins.google_faults import Fine, Slow

TOPICS = 30


@pytest.fixture
def google() -> Iterator[GoogleStandIn]:
    """Give a Google."""
    with GoogleStandIn() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, google: GoogleStandIn, tmp_path) -> Iterator[LiveServer]:
    """Give a server that does its tasks itself, on either database."""
    url = request.getfixturevalue("postgresql_database") if request.param == "postgresql" else None
    settings = {
        "DATABASE_URL": url,
        "GOOGLE_CLIENT_ID": CLIENT["client_id"],
        "GOOGLE_CLIENT_SECRET": CLIENT["client_secret"],
        "GOOGLE_BASE_URL": google.url,
        "ENCRYPTION_KEYS": KEY,
        "RATELIMIT_ENABLED": "0",
    }
    with LiveServer(tmp_path, settings) as started:
        yield started


def uploading(server: LiveServer, google: GoogleStandIn) -> tuple[httpx.Client, str, str]:
    """Let somebody upload a note of three chunks; gives the client, the note and the task."""
    alice = server.sign_up("alice@example.com")
    back = google.allow(alice.get("/api/drive/connect/").json()["authorization_url"])
    assert server.client().get("/api/drive/callback/", params=back).json()["connected"] is True
    topics = [{"name": f"Topic {n}", "explanation": {"content": f"{n} " * 30_000}} for n in range(TOPICS)]
    body = {"title": "Cells", "chapters": [{"title": "One"}]}
    note = alice.post("/api/notes/", json=body).json()
    chapter = f"/api/chapters/{note['chapters'][0]['id']}/topics/"
    for topic in topics:
        assert alice.post(chapter, json=topic).status_code == 201
    task = alice.post(f"/api/notes/{note['id']}/upload-to-drive/", json={"format": "md"}).json()
    return alice, f"/api/notes/{note['id']}/", task["status_url"]


@pytest.mark.parametrize("chunk", [0, 1, 2], ids=["first", "second", "last"])
def test_an_upload_survives_its_worker(server: LiveServer, google: GoogleStandIn, chunk: int) -> None:
    google.next("chunk", *[Fine()] * chunk, Slow(20))
    alice, note, task = uploading(server, google)
    eventually(lambda: google.steps["chunk"] == chunk + 1, 60, "the chunk did not come")
    server.kill()
    server.start()
    eventually(lambda: alice.get(task).json()["status"] == "succeeded", 60, "the upload did not go on")
    [file] = google.google.files.values()
    assert file.content == alice.get(f"{note}export/?format=md").content
    assert (google.steps["ids"], google.steps["start"]) == (1, 1)
    assert alice.get(task).json()["result"]["drive_file_id"] == file.id
