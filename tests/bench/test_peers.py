"""A peer that is started as a measurement needs it, or taken as it runs."""

import json
import os
import sys
from pathlib import Path

import pytest

from bench.cases import UNCACHED, WARM
from bench.errors import BenchError
from bench.options import Options, read_options
from bench.peers import peer_site
from bench.servers import Backing, status_of
from tests.servers import free_port

ANSWERING = """\
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer

with open({told!r}, "w") as file:
    json.dump(dict(os.environ), file)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
BACKING = Backing("postgresql://h/d", "redis://h/1", postgres_pid=11, redis_pid=12)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Name the file in which the peer says what it was told."""
    (tmp_path / "peer.py").write_text(ANSWERING.format(told=str(tmp_path / "told.json")))
    return tmp_path / "told.json"


def options(told: Path, port: int, **more: str) -> Options:
    command = f"exec {sys.executable} {told.parent / 'peer.py'}"
    environment = {
        "PEER": f"http://127.0.0.1:{port}",
        "PEER_COMMAND": command,
        "BENCH_DATABASE_URL": BACKING.database_url,
        "BENCH_REDIS_URL": BACKING.redis_url,
    }
    return read_options([], environment | more)


def environment_of(told: Path) -> dict[str, str]:
    found = json.loads(told.read_text())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("setup", "limits", "cache", "throttle"),
    [(WARM, True, "1", "1000000/min"), (WARM, False, "1", ""), (UNCACHED, True, "0", "1000000/min")],
)
def test_a_started_peer_is_told_how_to_run_and_stopped_at_the_end(
    told: Path, setup: str, limits: bool, cache: str, throttle: str
) -> None:
    port = free_port()
    with peer_site(options(told, port), BACKING, told.parent, setup, limits=limits) as site:
        environment = environment_of(told)
        assert (environment["PEER_CACHE"], environment["PEER_THROTTLE"]) == (cache, throttle)
        assert environment["PEER_LIST_PREFETCH"] == environment["MAX_REQUESTS"] == "0"
        assert environment["PORT"] == str(port)
        assert site.port == port
        assert status_of(port, "/api/notes/") == 401
        assert site.roots["app"] != os.getpid()
        assert (site.roots["postgres"], site.roots["redis"]) == (11, 12)

    assert status_of(port, "/api/notes/") is None


def test_a_peer_on_servers_of_its_own_counts_those(told: Path) -> None:
    chosen = options(told, free_port(), PEER_PIDS="postgres=77,app=1")
    with peer_site(chosen, BACKING, told.parent, WARM, limits=False) as site:
        assert (site.roots["postgres"], site.roots["redis"]) == (77, 12)
        assert site.roots["app"] > 1


def test_a_port_that_somebody_listens_on_is_not_taken_for_the_started_peer(told: Path) -> None:
    chosen = options(told, free_port())
    with peer_site(chosen, BACKING, told.parent, WARM, limits=False):
        told.unlink()
        with (
            pytest.raises(BenchError, match="Somebody listens on port"),
            peer_site(chosen, BACKING, told.parent, WARM, limits=False),
        ):
            pytest.fail("There are two.")
    assert not told.exists()


def test_a_peer_that_does_not_start_is_quoted(told: Path) -> None:
    chosen = options(told, free_port(), PEER_COMMAND="echo no such database; exit 1")
    with (
        pytest.raises(BenchError, match="ended at its start(?s:.)*no such database"),
        peer_site(chosen, BACKING, told.parent, WARM, limits=False),
    ):
        pytest.fail("It runs.")


def test_a_peer_that_runs_is_taken_as_it_is() -> None:
    chosen = read_options([], {"PEER": "http://127.0.0.1:8900", "PEER_PIDS": "app=5,postgres=6"})
    with peer_site(chosen, BACKING, Path(), WARM, limits=True) as site:
        assert (site.port, site.roots) == (8900, {"app": 5, "postgres": 6})
