"""The load driver against a tiny server."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import loop
from bench.driver import Load, measure, shares
from bench.errors import BenchError
from bench.loop import MAX_FAILURES, ClosedLoop, Outcome
from bench.wire import encode_request


class Handler(BaseHTTPRequestHandler):
    """Answers by path: /ok, /dear (20 ms of work), /missing, /leave (goes away), /close (answers and closes)."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together, else each answer waits for an acknowledgement

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]  # set by the fixture
        if self.path == "/leave":
            self.close_connection = True
            return
        started = time.thread_time()
        while self.path == "/dear" and time.thread_time() < started + 0.02:
            pass
        status, body = (404, b"no such note") if self.path == "/missing" else (200, b"{}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/close":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """Serve on a free port of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.asked = []  # type: ignore[attr-defined]  # what the tests look at
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def get(path: str) -> bytes:
    return encode_request("GET", path, host="127.0.0.1")


def load(server: ThreadingHTTPServer, *paths: str, connections: int = 2, seconds: float) -> Outcome:
    requests = [get(path) for path in paths]
    with ClosedLoop(server.server_port, requests, connections, 0.0) as made:
        return made.run(seconds)


def asked(server: ThreadingHTTPServer) -> list[str]:
    found: list[str] = server.asked  # type: ignore[attr-defined]  # set by the fixture
    return found


@pytest.fixture
def ten_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a load end after ten answers, so that no test depends on how fast this machine is."""
    monkeypatch.setattr(loop, "MAX_REQUESTS", 10)


@pytest.mark.usefixtures("ten_requests")
def test_every_request_that_was_sent_is_counted_once(server: ThreadingHTTPServer) -> None:
    outcome = load(server, "/a", "/b", seconds=60.0)

    # The other connection's request is under way when the tenth answer comes, and counts too.
    assert len(asked(server)) == len(outcome.latencies_ms) == outcome.statuses["200"] == 11
    assert outcome.failures == 0


@pytest.mark.usefixtures("ten_requests")
def test_the_prepared_requests_go_round(server: ThreadingHTTPServer) -> None:
    load(server, "/a", "/b", "/c", connections=1, seconds=60.0)

    assert asked(server) == ["/a", "/b", "/c"] * 3 + ["/a"]


def test_a_load_lasts_as_long_as_it_was_asked_to(server: ThreadingHTTPServer) -> None:
    outcome = load(server, "/ok", seconds=0.2)

    assert 0.2 <= outcome.seconds < 20


def test_an_answer_that_is_no_success_is_counted_and_quoted(
    server: ThreadingHTTPServer,
) -> None:
    outcome = load(server, "/ok", "/missing", seconds=5.0)

    assert outcome.failures == outcome.statuses["404"] >= MAX_FAILURES
    assert "no such note" in outcome.sample


def test_a_load_that_only_fails_ends_early(server: ThreadingHTTPServer) -> None:
    outcome = load(server, "/missing", seconds=60.0)

    assert outcome.seconds < 30
    assert len(asked(server)) <= MAX_FAILURES + 2


def test_a_connection_closed_without_an_answer_is_a_failure(
    server: ThreadingHTTPServer,
) -> None:
    outcome = load(server, "/leave", connections=1, seconds=5.0)

    assert outcome.statuses["ConnectionResetError"] == outcome.failures == MAX_FAILURES


@pytest.mark.usefixtures("ten_requests")
def test_a_connection_closed_after_an_answer_is_opened_again(server: ThreadingHTTPServer) -> None:
    outcome = load(server, "/close", connections=1, seconds=60.0)

    assert (outcome.failures, outcome.statuses["200"]) == (0, 10)


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening
        port = unused.getsockname()[1]
        with pytest.raises(BenchError, match=f"127.0.0.1:{port}"):
            ClosedLoop(port, [get("/")], 1, 0.0)


def test_a_measurement_joins_its_processes_and_reads_the_servers_processor_time(
    server: ThreadingHTTPServer,
) -> None:
    asking = Load(server.server_port, [get("/dear")], 3, 0.3, warm_seconds=0.1, processes=2)

    measured = measure(asking, {"app": os.getpid()})

    # Each of the three connections has asked at least once, in the warm-up (not counted) and after it.
    answered = len(measured.outcome.latencies_ms)
    assert 3 <= measured.outcome.statuses["200"] == answered <= len(asked(server)) - 3
    # 20 ms each, less what is lost to whole ticks.
    assert answered * 0.02 - 0.03 <= measured.cpu_seconds["app"] < 60


def test_what_is_to_be_in_a_cache_is_asked_for_once_before_anything_is_measured(
    server: ThreadingHTTPServer,
) -> None:
    first = [get(f"/first{number}") for number in range(7)]

    measured = measure(Load(server.server_port, [get("/ok")], 3, 0.1, warm_seconds=0.0, prime=first), {})

    paths = asked(server)
    begun = paths.index("/ok")
    assert {f"/first{number}" for number in range(7)} == set(paths[:begun])
    assert set(paths[begun:]) == {"/ok"}
    assert measured.outcome.statuses["200"] == len(paths) - begun


def test_a_load_ends_after_so_many_answers_when_that_is_sooner(server: ThreadingHTTPServer) -> None:
    measured = measure(Load(server.server_port, [get("/ok")], 2, 60.0, warm_seconds=0.0, most=25), {})

    # The other connection's request is under way when the last answer comes.
    assert measured.outcome.statuses["200"] == len(asked(server)) == 26


def test_a_driver_process_that_cannot_start_is_reported() -> None:
    with pytest.raises(BenchError, match="Nothing answers"):
        measure(Load(1, [get("/")], 1, 0.1), {})


def test_connections_are_dealt_out_to_the_processes() -> None:
    assert shares(8, 3) == [3, 3, 2]
    assert sum(shares(32, 5)) == 32
