"""Starting and stopping: a request that runs is answered, and a refusal to start is plain."""

import os
import select
import signal
import socket
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.live import LiveServer, eventually

STOP_SECONDS = 30
REFUSAL_SECONDS = 20
MIGRATION_LOCK = 7_305_193_001  # migrations/env.py
PRODUCTION: dict[str, str | None] = {
    "NOTEASSIST_ENV": "production",
    "SECRET_KEY": "nobody will guess these 32 letters",
    "PUBLIC_URL": "https://notes.example.org",
}
GUNICORN = (
    str(Path(sys.executable).with_name("gunicorn")),
    "wsgi:app",
    "--bind=127.0.0.1:{port}",
    "--threads=4",
    "--no-control-socket",  # which would lie in the home of whoever runs the tests
)


def embedded_database(server: LiveServer) -> sqlite3.Connection:
    """Open the database of a server on SQLite."""
    path = Path(server.environment["INSTANCE_DIR"], "noteassist.db")
    return sqlite3.connect(path, isolation_level=None)


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_running_request_is_answered_before_the_server_ends(tmp_path: Path, stop_signal: int) -> None:
    with LiveServer(tmp_path) as server, ThreadPoolExecutor(1) as executor:
        alice = server.sign_up("alice@example.com")
        with closing(embedded_database(server)) as other:
            other.execute("BEGIN IMMEDIATE")
            running = executor.submit(alice.post, "/api/notes/", json={"title": "Last words"})
            time.sleep(0.5)
            os.kill(server.pid, stop_signal)
            time.sleep(1)
            other.execute("ROLLBACK")
            assert running.result(10).status_code == 201
            assert server.wait(STOP_SECONDS) == 0
            assert other.execute("SELECT title FROM notes").fetchall() == [("Last words",)]


def test_a_server_that_has_lost_a_process_stops_as_soon_as_any_other(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server:
        killed = server.kill_worker()
        eventually(lambda: server.processes()[-1] not in {killed, server.pid}, 10, "no new process")
        server.wait_until()
        server.terminate()
        assert server.wait(10) == 0


def test_a_server_whose_process_still_loads_stops_at_once(tmp_path: Path) -> None:
    server = LiveServer(tmp_path)
    try:
        server.launch()
        eventually(lambda: len(server.processes()) > 1, 10, "no process")
        server.terminate()
        assert server.wait(10) == 0
        assert "Killing" not in server.log_tail()
    finally:
        server.discard()


def test_clients_that_only_stay_connected_do_not_hold_the_server_up(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server:
        server.sign_up("alice@example.com")
        with socket.create_connection(("127.0.0.1", server.port)):
            begin = time.monotonic()
            server.terminate()
            assert server.wait(STOP_SECONDS) == 0
        assert time.monotonic() - begin < 5
        assert not server.is_listening()


def refusal_of(server: LiveServer) -> tuple[int, str]:
    """Start a server that must refuse to; gives its exit status and what it wrote."""
    try:
        server.launch()
        return server.wait(REFUSAL_SECONDS), server.log.read_text()
    finally:
        server.discard()


def test_production_does_not_start_on_an_empty_database(tmp_path: Path, postgresql_database: str) -> None:
    for number, url in enumerate([None, postgresql_database]):
        folder = tmp_path / str(number)
        (folder / "instance").mkdir(parents=True)
        status, said = refusal_of(LiveServer(folder, PRODUCTION | {"DATABASE_URL": url}))
        assert status == 1
        assert "NoteAssist does not start: schema none" in said
        assert "noteassist db upgrade" in said
        assert "Traceback" not in said


def test_no_server_starts_on_a_schema_from_the_future(tmp_path: Path, postgresql_database: str) -> None:
    with psycopg.connect(postgresql_database) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    for settings in (PRODUCTION, {"NOTEASSIST_ENV": "development"}):
        status, said = refusal_of(LiveServer(tmp_path, settings | {"DATABASE_URL": postgresql_database}))
        assert status == 1
        assert "9999" in said and "too old" in said
        assert "Traceback" not in said


def test_a_bad_configuration_is_told_with_every_problem_at_once(tmp_path: Path) -> None:
    settings = {"PORT": "many", "WEB_PROCESSES": "2", "SIGNUP_OPEN": "perhaps", "SECRET_KEY": "short"}
    status, said = refusal_of(LiveServer(tmp_path, settings))
    assert status == 2
    for problem in (
        "PORT='many'",
        "SIGNUP_OPEN='perhaps'",
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY is shorter",
    ):
        assert problem in said
    assert "Traceback" not in said


def test_a_second_server_on_the_same_port_is_refused(tmp_path: Path) -> None:
    # The kernel would let both listen, and give each of them some of the requests.
    with LiveServer(tmp_path / "first") as first:
        status, said = refusal_of(LiveServer(tmp_path / "second", {"PORT": str(first.port)}))
    assert status != 0
    assert f"127.0.0.1:{first.port}" in said and "in use" in said


def test_a_missing_instance_folder_is_made_also_where_the_secret_is_given(tmp_path: Path) -> None:
    with LiveServer(tmp_path, {"SECRET_KEY": PRODUCTION["SECRET_KEY"]}) as server:
        assert notes_of_somebody_new(server, "alice@example.com") == 1


def notes_of_somebody_new(server: LiveServer, email: str) -> int:
    """Register and write a note; gives the number of notes that are then listed."""
    client = server.sign_up(email)
    assert client.post("/api/notes/", json={"title": "First"}).status_code == 201
    return len(client.get("/api/notes/").json()["results"])


def test_two_processes_migrate_an_empty_database_once_and_both_serve(
    tmp_path: Path, postgresql_database: str
) -> None:
    settings = {"DATABASE_URL": postgresql_database, "REDIS_URL": os.environ["TEST_REDIS_URL"]}
    with LiveServer(tmp_path, settings | {"WEB_PROCESSES": "2"}) as server:
        assert notes_of_somebody_new(server, "alice@example.com") == 1
        with psycopg.connect(postgresql_database) as connection:
            assert len(connection.execute("SELECT * FROM alembic_version").fetchall()) == 1
        eventually(lambda: "Started worker-2" in server.log.read_text(), 10, "one process is missing")
        with ExitStack() as stack:
            address = ("127.0.0.1", server.port)
            connections = [stack.enter_context(socket.create_connection(address)) for _ in range(32)]
            server.kill_worker()
            time.sleep(0.5)
            # The kernel spreads connections over the processes: those of the other one stay.
            closed, _, _ = select.select(connections, [], [], 0)
            assert 0 < len(closed) < 32
        assert notes_of_somebody_new(server, "bob@example.com") == 1
        assert "Traceback" not in server.log_tail()


def test_processes_that_start_at_once_migrate_one_after_the_other(
    tmp_path: Path, postgresql_database: str
) -> None:
    settings = {"DATABASE_URL": postgresql_database, "REDIS_URL": os.environ["TEST_REDIS_URL"]}
    waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = %s::oid"
    with psycopg.connect(postgresql_database) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        (number,) = other.execute(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).fetchall()[0]
        server = LiveServer(tmp_path, settings | {"WEB_PROCESSES": "2"})
        try:
            server.launch()
            eventually(lambda: other.execute(waiting, [number]).rowcount == 2, 60, "they do not wait")
            other.rollback()
            server.wait_until("/readyz")
            assert "Traceback" not in server.log_tail()
        finally:
            server.discard()


def test_gunicorn_serves_too(tmp_path: Path) -> None:
    with LiveServer(tmp_path, command=GUNICORN) as server:
        assert notes_of_somebody_new(server, "alice@example.com") == 1
        assert server.client().get("/api/notes/").status_code == 401
        server.terminate()
        assert server.wait(STOP_SECONDS) == 0


def test_gunicorn_refuses_what_serve_refuses(tmp_path: Path) -> None:
    (tmp_path / "instance").mkdir()
    status, said = refusal_of(LiveServer(tmp_path, PRODUCTION, command=GUNICORN))
    assert status != 0
    assert "noteassist db upgrade" in said


def test_clients_under_way_when_the_server_stops_are_all_answered(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server, ThreadPoolExecutor(8) as executor:
        alice = server.sign_up("alice@example.com")
        writers = [server.client(headers=alice.headers) for _ in range(6)]
        answers: list[list[int]] = [[] for _ in writers]
        running = [executor.submit(write_until_it_ends, *each) for each in zip(writers, answers, strict=True)]
        eventually(lambda: all(answers), 15, "somebody has no answer")
        with closing(embedded_database(server)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(1)
            before = [len(statuses) for statuses in answers]
            server.terminate()
            time.sleep(1)
            other.execute("ROLLBACK")
            assert server.wait(STOP_SECONDS) == 0
            for writer in running:
                writer.result(10)
            after = [len(statuses) for statuses in answers]
            # Everybody waited for an answer and got it, and whatever was done was told.
            assert all(told > waiting for waiting, told in zip(before, after, strict=True))
            assert {status for statuses in answers for status in statuses} == {201}
            assert other.execute("SELECT count(*) FROM notes").fetchall() == [(sum(after),)]


def write_until_it_ends(client: httpx.Client, statuses: list[int]) -> None:
    """Write notes over one connection until the server closes it, keeping the status of every answer."""
    with suppress(httpx.TransportError):
        while True:
            statuses.append(client.post("/api/notes/", json={"title": "Again"}).status_code)
