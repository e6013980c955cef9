"""Crowds of clients, against a tiny server."""

import resource
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import crowds
from bench.connections import Measured, findings_of, summary
from bench.crowds import Held, Pace, Paced, elsewhere, hear
from bench.errors import BenchError
from bench.wire import encode_request

GET = encode_request("GET", "/", host="127.0.0.1")
SLOW = encode_request("GET", "/slow", host="127.0.0.1")
POST = encode_request("POST", "/", host="127.0.0.1", body={"title": "a"})


class Handler(BaseHTTPRequestHandler):
    """Answers at once, or after 0.2 s; closes an idle connection after a while, and refuses slow bodies with 408."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    timeout = 10

    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(0.2)
        self.reply(200)

    def do_POST(self) -> None:
        try:
            self.rfile.read(int(self.headers["Content-Length"]))
        except TimeoutError:
            self.reply(408)
        else:
            self.reply(201)

    def reply(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """Serve on a free port of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.daemon_threads = True
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made.server_port
        made.shutdown()
        thread.join()


def hold(port: int, seconds: float) -> Held:
    with elsewhere(crowds.run_hold, port, [GET], 30, seconds, 10) as pipe:
        assert [hear(pipe, 20), hear(pipe, 20)] == ["held", "idle"]
        found: Held = hear(pipe, 20)
        return found


def test_connections_that_are_held_answer_again(port: int) -> None:
    found = hold(port, 0.1)
    assert (found.held, found.sampled, found.answered) == (30, 10, 10)
    assert found.errors == Counter()


def test_connections_that_were_closed_meanwhile_are_told(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "timeout", 3)
    found = hold(port, 5)
    assert (found.held, found.sampled, found.answered) == (30, 10, 0)
    assert sum(found.errors.values()) == 10


def test_a_latency_begins_when_the_request_was_due(port: int) -> None:
    # Each takes 0.2 s and is due every 0.1 s, so they fall behind.
    pace = Pace(port, [SLOW], [POST], readers=1, writers=1, every_seconds=0.1)
    with elsewhere(crowds.run_pace, pace, 1.0) as pipe:
        found: Paced = hear(pipe, 30)
    assert found.statuses == {"200": len(found.reads_ms), "201": len(found.writes_ms)}
    assert found.reads_ms[-1] > 600
    assert found.reads_ms == sorted(found.reads_ms)


@pytest.mark.parametrize(
    ("target", "beginning", "told"),
    [
        (crowds.slow_headers, b"GET / HTTP/1.1\r\n", "cut"),
        (crowds.slow_bodies, b"POST / HTTP/1.1\r\nContent-Length: 4011\r\n\r\n", "408"),
    ],
)
def test_slow_clients_begin_anew_and_say_what_they_met(
    port: int, target: object, beginning: bytes, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "timeout", 0.2)
    with elsewhere(target, port, 5, beginning) as pipe:  # type: ignore[arg-type]  # one of two functions
        assert hear(pipe, 20) == "there"
        time.sleep(2)
        pipe.send("enough")
        seen = hear(pipe, 20)
    assert set(seen) == {told}
    assert seen[told] > 5


def test_files_that_may_not_be_opened_are_told_before() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(BenchError, match="ulimit"):
        crowds.open_files(hard + 1)


def test_the_figures_tell_ratios_and_refusals() -> None:
    found = Measured(held=Held(10, held=10, sampled=5, answered=4), streams=Counter({"200": 16, "503": 48}))
    found.alone = [Paced([1.0], [2.0], Counter({"200": 2}))]
    found.beside = {"slow bodies": [Paced([1.5], [8.0], Counter({"200": 1, "503": 1}))]}
    said = {finding.name: finding for finding in findings_of("granian", found)}
    assert said["granian: 10 idle connections"].holds is False
    assert said["granian: reads beside slow bodies, p50"].holds is True
    assert said["granian: writes beside slow bodies, p99"].holds is False
    assert "x 4.00" in said["granian: writes beside slow bodies, p99"].figure
    assert "{'503': 1}" in said["granian: writes beside slow bodies, p99"].figure
    assert said["granian: 64 streams beside slow bodies"].holds is True
    assert all(finding.holds is None for finding in findings_of("gunicorn", found))
    assert summary(found)["streams"] == {"200": 16, "503": 48}
