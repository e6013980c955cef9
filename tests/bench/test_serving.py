"""Starting and stopping the server that is measured, with a stand-in for its command."""

import os
import sys
import time
from pathlib import Path

import pytest

from bench import servers
from bench.errors import BenchError

READY_AT_THE_SECOND_ASKING = """\
#!{python}
import os, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

statuses = iter([503, 200])
child = subprocess.Popen(["sleep", "600"])
with open(os.path.join(os.environ["INSTANCE_DIR"], "child"), "w") as file:
    print(child.pid, file=file)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = next(statuses)
        with open(os.path.join(os.environ["INSTANCE_DIR"], "answered"), "a") as file:
            print(status, file=file)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
BROKEN = """\
#!{python}
import sys
sys.exit("Bad configuration: SECRET_KEY is required")
"""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Name a file that is run in place of our command."""
    command = tmp_path / "command"
    monkeypatch.setattr(servers, "COMMAND", command)
    return command


def write(command: Path, script: str) -> None:
    command.write_text(script.format(python=sys.executable))
    command.chmod(0o700)


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"


def ends(pid: int) -> bool:
    """Give a process that was killed the moment that it takes to be gone."""
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_running(pid)


def test_a_server_is_ready_at_its_first_200_and_stopped_with_all_it_started(
    stand_in: Path, tmp_path: Path
) -> None:
    write(stand_in, READY_AT_THE_SECOND_ASKING)

    with servers.serving(servers.server_environment(tmp_path), tmp_path) as server:
        child = int((tmp_path / "child").read_text())
        assert is_running(server.pid)
        assert is_running(child)
        assert (tmp_path / "answered").read_text().split() == ["503", "200"]
        assert 0 < server.ready_seconds < 30

    assert ends(server.pid)
    assert ends(child)


def test_a_server_that_does_not_start_is_quoted(stand_in: Path, tmp_path: Path) -> None:
    write(stand_in, BROKEN)

    with (
        pytest.raises(BenchError, match="ended at its start(?s:.)*SECRET_KEY is required"),
        servers.serving(servers.server_environment(tmp_path), tmp_path),
    ):
        pytest.fail("A server that has ended is not ready.")


def test_a_command_that_fails_stops_the_run(stand_in: Path) -> None:
    write(stand_in, "#!/bin/sh\nexit 3\n")

    with pytest.raises(BenchError, match="noteassist seed-demo ended with status 3"):
        servers.run_command(["seed-demo"], {})


def test_the_callers_settings_do_not_reach_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "a key of somebody")
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/precious")

    environment = servers.server_environment(tmp_path)

    assert "GROQ_API_KEY" not in environment
    assert "DATABASE_URL" not in environment
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["RATELIMIT_ENABLED"] == "0"


def test_another_database_of_the_same_server_keeps_the_rest_of_the_address() -> None:
    address = servers.with_database("postgresql://me:pw@127.0.0.1:5432/postgres?a=b", "bench")

    assert address == "postgresql://me:pw@127.0.0.1:5432/bench?a=b"
