"""Exports by a real server: killed half-way, downloaded by clients that stall, and no half file for anybody."""

import hashlib
import socket
import time
import zipfile
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from tests.conftest import KINDS
from tests.live import LiveServer, eventually

NOTES = 60


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveServer]:
    """Give a server on an empty database of each kind, with a folder of its own for temporary files."""
    database = {}
    if request.param == "postgresql":
        database = {"DATABASE_URL": request.getfixturevalue("postgresql_database")}
    (tmp_path / "temporary").mkdir()
    settings = {"TMPDIR": str(tmp_path / "temporary"), "RATELIMIT_ENABLED": "0"}
    with LiveServer(tmp_path, {**database, **settings}) as started:
        yield started


@pytest.fixture
def alice(server: LiveServer) -> httpx.Client:
    """Alice, who has notes."""
    client = server.sign_up("alice@example.com")
    for number in range(NOTES):
        topic = {"name": "Topic", "explanation": {"content": f"What *{number}* means. " * 200}}
        body = {"title": f"Note {number}", "chapters": [{"title": "Chapter", "topics": [topic]}]}
        assert client.post("/api/notes/", json=body).status_code == 201
    return client


def ask(client: httpx.Client, form: str) -> str:
    """Ask for everything; gives where the task is."""
    answer = client.post("/api/notes/export/", json={"format": form})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["status_url"])


def task_at(client: httpx.Client, url: str) -> dict[str, object]:
    """Read a task."""
    found: dict[str, object] = client.get(url).json()
    return found


def download(client: httpx.Client, url: str) -> bytes:
    """Wait for a task and download its file, which has to be whole."""
    eventually(lambda: task_at(client, url)["finished_at"], 90, "the export has not ended")
    task = client.get(url).json()
    assert task["status"] == "succeeded", task
    answer = client.get(task["result"]["download_url"])
    assert answer.status_code == 200
    digest = answer.headers["Repr-Digest"].removeprefix("sha-256=:").removesuffix(":")
    assert hashlib.sha256(answer.content).digest() == b64decode(digest)
    return answer.content


def test_an_export_whose_server_is_killed_is_made_anew(server: LiveServer, alice: httpx.Client) -> None:
    url = ask(alice, "pdf")
    eventually(lambda: "notes are done" in str(task_at(alice, url)["message"]), 60, "nothing was begun")
    assert task_at(alice, url)["status"] == "running"
    server.kill()
    server.restart()
    names = zipfile.ZipFile(BytesIO(download(alice, url))).namelist()
    assert names == [f"Note-{number}.pdf" for number in range(NOTES)]
    attempt = task_at(alice, url)["attempt"]
    assert isinstance(attempt, int) and attempt >= 2
    assert list((server.folder / "temporary").iterdir()) == []


def test_clients_that_stall_in_a_download_keep_nobody_waiting(
    server: LiveServer, alice: httpx.Client
) -> None:
    url = ask(alice, "pdf")
    whole = download(alice, url)
    path = alice.get(url).json()["result"]["download_url"]
    stalled = [_stalled(server, alice, path) for _ in range(20)]
    try:
        begin = time.monotonic()
        for _ in range(20):
            assert alice.get("/api/notes/?page_size=5").status_code == 200
        assert time.monotonic() - begin < 10
        assert alice.get(path).content == whole
    finally:
        for connection in stalled:
            connection.close()


def _stalled(server: LiveServer, client: httpx.Client, path: str) -> socket.socket:
    """Ask for a download and read nothing of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    token = client.headers["Authorization"]
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode())
    return connection
