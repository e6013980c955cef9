"""Another process holds SQLite's write lock: writes wait for a while, reads do not."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.faults.expect import assert_unavailable, timed
from tests.live import LiveServer

WAIT_SECONDS = 5  # how long a write waits for the lock


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Give a server on SQLite."""
    with LiveServer(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def alice(server: LiveServer) -> httpx.Client:
    """Give a client of somebody new."""
    return server.sign_up(f"alice{time.monotonic_ns()}@example.com")


@contextmanager
def locked(server: LiveServer) -> Iterator[sqlite3.Connection]:
    """Hold the write lock inside the block, or until the connection is rolled back."""
    path = Path(server.environment["INSTANCE_DIR"], "noteassist.db")
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


@pytest.fixture
def path(alice: httpx.Client) -> str:
    """Give the address of a note."""
    return str(alice.post("/api/notes/", json={"title": "First"}).headers["Location"])


def test_a_write_waits_for_the_lock_and_succeeds(server: LiveServer, alice: httpx.Client) -> None:
    with ThreadPoolExecutor(1) as executor, locked(server) as lock:
        writing = executor.submit(alice.post, "/api/notes/", json={"title": "Patient"})
        time.sleep(2)
        assert not writing.done()
        lock.rollback()
        assert writing.result(WAIT_SECONDS).status_code == 201
    assert [note["title"] for note in alice.get("/api/notes/").json()["results"]] == ["Patient"]


def test_writes_that_have_waited_too_long_are_refused_and_leave_nothing(
    server: LiveServer, alice: httpx.Client, path: str
) -> None:
    before = alice.get(path).json()
    with ThreadPoolExecutor(4) as executor, locked(server):
        writes = [("POST", "/api/notes/"), ("PUT", path), ("PATCH", path), ("DELETE", path)]
        running = [executor.submit(timed, alice, *write) for write in writes]
        refused = [task.result(30) for task in running]
    for _, answer in refused:
        assert_unavailable(answer)
    assert WAIT_SECONDS - 1 < max(seconds for seconds, _ in refused) < WAIT_SECONDS + 3
    assert alice.get(path).json() == before
    assert len(alice.get("/api/notes/").json()["results"]) == 1
    assert alice.patch(path, json={"title": "Later"}).status_code == 200


def test_reads_go_on_while_writes_wait(server: LiveServer, alice: httpx.Client, path: str) -> None:
    reader = server.client(headers=alice.headers)
    with ThreadPoolExecutor(4) as executor, locked(server) as lock:
        waiting = [executor.submit(timed, alice, "PATCH", path) for _ in range(4)]
        for address in ("/api/notes/", path, "/api/auth/me/", "/api/tags/", "/readyz") * 4:
            seconds, answer = timed(reader, "GET", address)
            assert (answer.status_code, seconds < 1) == (200, True)
        assert not any(task.done() for task in waiting)
        lock.rollback()
        assert {task.result(WAIT_SECONDS)[1].status_code for task in waiting} == {200}


def test_the_first_read_after_a_pause_needs_no_lock(server: LiveServer, alice: httpx.Client) -> None:
    with locked(server) as other:
        # What a session's last use is stamped with must not make a read into a write that waits.
        other.execute("UPDATE sessions SET last_seen_at = '2020-01-01 00:00:00.000000'")
        other.execute("COMMIT")
        other.execute("BEGIN IMMEDIATE")
        seconds, answer = timed(alice, "GET", "/api/notes/")
    assert (answer.status_code, seconds < 1) == (200, True)
