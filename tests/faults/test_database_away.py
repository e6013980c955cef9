"""PostgreSQL stops, restarts, freezes and blocks under a server that goes on."""

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests import servers
from tests.faults.expect import assert_unavailable, timed
from tests.live import LiveServer, eventually
from tests.people import PASSWORD

THREADS = 8
REFUSAL_SECONDS = 2.0
FROZEN_SECONDS = 5.0
RECOVERY_SECONDS = 5.0
numbers = itertools.count(1)
Postgres = servers.PostgresServer


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """Give a PostgreSQL that may be mistreated."""
    with servers.postgres_server(private=True) as server:
        assert isinstance(server, Postgres)
        yield server


@pytest.fixture(scope="module")
def server(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Give the server that is never restarted by these tests."""
    url = servers.create_database(postgres.url, "walking")
    settings = {"DATABASE_URL": url, "WEB_THREADS": str(THREADS)}
    with LiveServer(tmp_path_factory.mktemp("server"), settings) as started:
        yield started
        # Threads that were lost on the way would show here.
        assert {answer.status_code for _, answer in at_once(started, THREADS * 3)} == {401}


@pytest.fixture
def alice(server: LiveServer) -> httpx.Client:
    """Give a client of somebody new, once the test before is over for the server too."""
    server.wait_until("/readyz", RECOVERY_SECONDS)
    return server.sign_up(f"alice{next(numbers)}@example.com")


@contextmanager
def stopped(postgres: Postgres) -> Iterator[None]:
    """Have no PostgreSQL inside the block."""
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    """Have a PostgreSQL that takes connections and says nothing."""
    postgres.freeze()
    try:
        yield
    finally:
        postgres.thaw()


def at_once(
    server: LiveServer, number: int, method: str = "GET", path: str = "/api/notes/", **options: Any
) -> list[tuple[float, httpx.Response]]:
    """Send requests in parallel, each through a connection of its own; gives their seconds and answers."""
    clients = [server.client(**options) for _ in range(number)]
    with ThreadPoolExecutor(number) as executor:
        return list(executor.map(lambda client: timed(client, method, path), clients))


def every_kind_of_request(path: str) -> list[tuple[str, str]]:
    """List requests that need the database, each in another way."""
    reads = [("GET", address) for address in ("/api/notes/", path, "/api/tags/", "/api/auth/me/")]
    writes = [("POST", "/api/notes/"), ("PUT", path), ("PATCH", path), ("DELETE", path)]
    return reads + writes


class TestStopped:
    """Nobody listens where PostgreSQL was."""

    def test_each_request_is_refused_within_two_seconds(
        self, server: LiveServer, postgres: Postgres, alice: httpx.Client
    ) -> None:
        path = alice.post("/api/notes/", json={"title": "Kept"}).headers["Location"]
        with stopped(postgres):
            for method, address in every_kind_of_request(path):
                seconds, answer = timed(alice, method, address)
                assert_unavailable(answer)
                assert seconds < REFUSAL_SECONDS, (method, address)
            for address in ("register", "token", "password/forgot"):
                body = {"email": "new@example.com"} | ({} if "forgot" in address else {"password": PASSWORD})
                assert_unavailable(server.client().post(f"/api/auth/{address}/", json=body))
        assert alice.get(path).json()["title"] == "Kept"

    def test_many_requests_at_once_are_refused_as_fast(
        self, server: LiveServer, postgres: Postgres, alice: httpx.Client
    ) -> None:
        with stopped(postgres):
            for seconds, answer in at_once(server, THREADS * 3, headers=alice.headers):
                assert_unavailable(answer)
                assert seconds < REFUSAL_SECONDS

    def test_health_says_alive_and_not_ready(self, server: LiveServer, postgres: Postgres) -> None:
        client = server.client()
        with stopped(postgres):
            assert timed(client, "GET", "/healthz")[1].status_code == 200
            seconds, answer = timed(client, "GET", "/readyz")
        assert (answer.status_code, seconds < REFUSAL_SECONDS) == (503, True)
        assert int(answer.headers["Retry-After"]) >= 1

    def test_work_goes_on_soon_after_the_return(
        self, server: LiveServer, postgres: Postgres, alice: httpx.Client
    ) -> None:
        with stopped(postgres):
            assert_unavailable(alice.get("/api/notes/"))
        eventually(lambda: alice.get("/api/notes/").status_code == 200, RECOVERY_SECONDS, "no recovery")
        assert {answer.status_code for _, answer in at_once(server, THREADS * 3, headers=alice.headers)} == {
            200
        }
        assert alice.post("/api/notes/", json={"title": "Back"}).status_code == 201
        server.wait_until("/readyz", RECOVERY_SECONDS)

    def test_each_write_sent_again_until_acknowledged_happened_once(
        self, server: LiveServer, postgres: Postgres, alice: httpx.Client
    ) -> None:
        done = threading.Event()
        with ThreadPoolExecutor(3) as executor:
            writers = [server.client(headers=alice.headers) for _ in range(3)]
            running = [
                executor.submit(write_stubbornly, client, f"w{n}", done) for n, client in enumerate(writers)
            ]
            for _ in range(3):
                time.sleep(0.3)
                with stopped(postgres):
                    time.sleep(0.3)
            time.sleep(0.3)
            done.set()
            acknowledged = sorted(title for task in running for title in task.result(15))
        assert titles(alice) == acknowledged

    def test_a_restart_while_nobody_asks_goes_unnoticed(
        self, server: LiveServer, postgres: Postgres, alice: httpx.Client
    ) -> None:
        at_once(server, THREADS, headers=alice.headers)  # so that connections lie in the pool
        with stopped(postgres):
            pass
        answers = at_once(server, THREADS * 3, headers=alice.headers)
        answers += at_once(server, THREADS, "POST", headers=alice.headers)
        assert {answer.status_code for _, answer in answers} == {200, 201}


def write_stubbornly(client: httpx.Client, name: str, done: threading.Event) -> list[str]:
    """Create notes, sending each again with its key until it is acknowledged; gives their titles."""
    written: list[str] = []
    while not done.is_set():
        title = f"{name} {len(written)}"
        while True:
            key = {"Idempotency-Key": title}
            answer = client.post("/api/notes/", json={"title": title}, headers=key)
            if answer.status_code == 201:
                break
            assert_unavailable(answer)
            time.sleep(0.05)
        written.append(title)
    return written


def titles(client: httpx.Client) -> list[str]:
    """Give the titles of all notes, sorted."""
    found: list[str] = []
    address: str | None = "/api/notes/?page_size=100"
    while address:
        page = client.get(address).json()
        found += [note["title"] for note in page["results"]]
        address = page["next"]
    return sorted(found)


def test_a_server_started_without_its_database_recovers_by_itself(postgres: Postgres, tmp_path: Path) -> None:
    url = servers.create_database(postgres.url, f"late{next(numbers)}")
    late = LiveServer(tmp_path, {"DATABASE_URL": url})
    try:
        with stopped(postgres):
            late.start(until="/healthz")
            seconds, answer = timed(late.client(), "GET", "/api/notes/")
            assert_unavailable(answer)
            assert seconds < REFUSAL_SECONDS
            assert late.client().get("/readyz").status_code == 503
        # The first request after the return also brings the schema.
        eventually(lambda: registers(late), RECOVERY_SECONDS, "no recovery")
        late.wait_until("/readyz", 1)
    finally:
        late.discard()


def registers(server: LiveServer) -> bool:
    """Try to register somebody; says whether that worked."""
    body = {"email": f"new{next(numbers)}@example.com", "password": PASSWORD}
    return server.client().post("/api/auth/register/", json=body).status_code == 201


class TestFrozen:
    """PostgreSQL's kernel still takes packets, and no process answers them."""

    def test_requests_are_refused_within_five_seconds(
        self, server: LiveServer, postgres: Postgres, alice: httpx.Client
    ) -> None:
        with frozen(postgres):
            for method in ("GET", "POST"):
                seconds, answer = timed(alice, method, "/api/notes/")
                assert_unavailable(answer)
                assert seconds < FROZEN_SECONDS
        eventually(lambda: alice.get("/api/notes/").status_code == 200, RECOVERY_SECONDS, "no recovery")
        assert titles(alice) == []

    def test_health_is_told_at_once(
        self, server: LiveServer, postgres: Postgres, alice: httpx.Client
    ) -> None:
        with frozen(postgres), ThreadPoolExecutor(1) as executor:
            waiting = executor.submit(alice.get, "/api/notes/")
            seconds, answer = timed(server.client(), "GET", "/healthz")
            assert (answer.status_code, seconds < 0.5) == (200, True)
            seconds, answer = timed(server.client(), "GET", "/readyz")
            assert (answer.status_code, seconds < REFUSAL_SECONDS) == (503, True)
            assert_unavailable(waiting.result())

    def test_a_crowd_is_refused_within_five_seconds_and_served_after(
        self, server: LiveServer, postgres: Postgres, alice: httpx.Client
    ) -> None:
        with frozen(postgres):
            refused = at_once(server, THREADS * 3, headers=alice.headers)
        assert max(seconds for seconds, _ in refused) < FROZEN_SECONDS
        for _, answer in refused:
            assert_unavailable(answer)
        eventually(lambda: alice.get("/api/notes/").status_code == 200, RECOVERY_SECONDS, "no recovery")
        served = at_once(server, THREADS * 3, headers=alice.headers)
        assert {answer.status_code for _, answer in served} == {200}

    def test_health_is_told_at_once_in_a_crowd(
        self, server: LiveServer, postgres: Postgres, alice: httpx.Client
    ) -> None:
        with frozen(postgres), ThreadPoolExecutor(1) as executor:
            crowd = executor.submit(at_once, server, THREADS * 2, headers=alice.headers)
            time.sleep(0.5)
            seconds, answer = timed(server.client(), "GET", "/healthz")
            crowd.result()
        assert (answer.status_code, seconds < 1) == (200, True)


@contextmanager
def locked_row(server: LiveServer, client: httpx.Client) -> Iterator[psycopg.Connection[Any]]:
    """Hold the lock that every write of a person needs, inside the block or until the rollback."""
    email = client.get("/api/auth/me/").json()["email"]
    with psycopg.connect(server.environment["DATABASE_URL"]) as other:
        other.execute("SELECT FROM users WHERE email = %s FOR UPDATE", [email])
        yield other
        other.rollback()


class TestBlocked:
    """Statements wait for locks that somebody else holds."""

    def test_writes_that_wait_do_not_hold_up_others(self, server: LiveServer, alice: httpx.Client) -> None:
        bob = server.sign_up(f"bob{next(numbers)}@example.com")
        with ThreadPoolExecutor(1) as executor, locked_row(server, alice) as lock:
            waiting = executor.submit(at_once, server, THREADS, "POST", headers=alice.headers)
            time.sleep(0.3)
            for address in ("/api/notes/", "/healthz"):
                seconds, answer = timed(bob, "GET", address)
                assert (answer.status_code in {200, 503}, seconds < 3) == (True, True)
            lock.rollback()
            statuses = [answer.status_code for _, answer in waiting.result()]
        assert set(statuses) <= {201, 503}
        assert len(titles(alice)) == statuses.count(201)

    def test_an_exhausted_pool_answers_in_time_all_the_same(self, postgres: Postgres, tmp_path: Path) -> None:
        url = servers.create_database(postgres.url, f"small{next(numbers)}")
        settings = {"DATABASE_URL": url, "DATABASE_POOL_SIZE": "2"}
        with LiveServer(tmp_path, settings) as small, ThreadPoolExecutor(1) as executor:
            alice, bob = small.sign_up("alice@example.com"), small.sign_up("bob@example.com")
            with locked_row(small, alice) as lock:
                waiting = executor.submit(at_once, small, 2, "POST", headers=alice.headers)
                time.sleep(0.3)
                seconds, answer = timed(bob, "POST", "/api/notes/")
                assert (answer.status_code in {201, 503}, seconds < 3) == (True, True)
                lock.rollback()
                assert {answer.status_code for _, answer in waiting.result()} <= {201, 503}
            assert bob.get("/api/notes/").status_code == 200

    def test_the_victim_of_a_deadlock_is_tried_again(
        self, server: LiveServer, postgres: Postgres, alice: httpx.Client
    ) -> None:
        note = alice.post("/api/notes/", json={"title": "Contested"}).json()
        owner = "(SELECT user_id FROM notes WHERE id = %s)"
        with psycopg.connect(server.environment["DATABASE_URL"]) as other, ThreadPoolExecutor(1) as executor:
            # It waits with its check for deadlocks, so that the server's transaction is the victim.
            other.execute("SET deadlock_timeout = '60s'")
            other.execute("SELECT FROM notes WHERE id = %s FOR UPDATE", [note["id"]])
            running = executor.submit(timed, alice, "PATCH", f"/api/notes/{note['id']}/")
            time.sleep(0.4)
            other.execute(
                f"UPDATE users SET data_version = data_version + 1 WHERE id = {owner}", [note["id"]]
            )
            other.commit()
            assert running.result()[1].json()["title"] == "New"
        assert "deadlock detected" in (postgres.folder / "server.log").read_text(errors="replace")
