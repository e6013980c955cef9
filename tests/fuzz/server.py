"""A server to fuzz: `noteassist serve` in a process and a folder of its own."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import free_port

START_SECONDS = 60
STOP_SECONDS = 20
# What no request may make the server write.
ALARM = re.compile(r"Traceback \(most recent call last\)|\b(ERROR|CRITICAL)\b")
ALARM_LINES = 40


@dataclass(frozen=True)
class FuzzedServer:
    """Where the server is, and the folder with its log and its outgoing mail."""

    url: str
    folder: Path

    @property
    def log(self) -> Path:
        """Give the file with all that the server wrote."""
        return self.folder / "server.log"

    def alarms(self) -> list[str]:
        """Give the places of the log that speak of an error nobody expected, each with what follows it."""
        lines = self.log.read_text(errors="replace").splitlines()
        found = [number for number, line in enumerate(lines) if ALARM.search(line)]
        starts = [number for place, number in enumerate(found) if not place or number - found[place - 1] > ALARM_LINES]
        return ["\n".join(lines[max(0, number - 1) : number + ALARM_LINES]) for number in starts]


@contextmanager
def serving(folder: Path, database_url: str) -> Iterator[FuzzedServer]:
    """Run a server for the block; raises RuntimeError when it does not start or does not live to the end."""
    port = free_port()
    server = FuzzedServer(f"http://127.0.0.1:{port}", folder)
    environment = os.environ | {
        "INSTANCE_DIR": str(folder),
        "DATABASE_URL": database_url,
        "PORT": str(port),
        # A real hash takes most of a request's time, and the fuzz is not after the hash.
        "PASSWORD_MEMORY_KIB": "8",
    }
    # A name of the module and not of the script, so that it also runs where nothing is installed.
    command = [sys.executable, "-c", "from noteassist.cli import main; main()", "serve"]
    with server.log.open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_until_ready(server, process)
        yield server
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{_tail(server)}")
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: FuzzedServer, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{_tail(server)}")


def _tail(server: FuzzedServer) -> str:
    return server.log.read_text(errors="replace")[-3000:]
