"""The real server as a process of its own: started, killed, stopped and started again by tests."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests import servers
from tests.people import PASSWORD

ROOT = Path(__file__).parent.parent
SERVE = (str(Path(sys.executable).with_name("noteassist")), "serve")
START_SECONDS = 30.0
PR_SET_PDEATHSIG = 1
# Cheap hashes, no limits, and rules under which a start migrates by itself; all else is as a user has it.
ENVIRONMENT = {"NOTEASSIST_ENV": "testing", "PASSWORD_MEMORY_KIB": "8", "RATELIMIT_ENABLED": "0"}
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")

libc = ctypes.CDLL(None)


class ServerFailed(AssertionError):
    """The server did not do what was waited for; the message ends with its log."""


class LiveServer:
    """`noteassist serve` in a folder and on a port of its own, ready inside its `with` block.

    Use it from the main thread: the kernel kills the process with the thread that started it, so that none
    outlives the test run. Settings are environment variables; None takes one away.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str | None] | None = None,
        *,
        command: Sequence[str] = SERVE,
    ) -> None:
        self.folder = folder
        self.port = servers.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self.command = [word.format(port=self.port) for word in command]
        own = {"INSTANCE_DIR": str(folder / "instance"), "PORT": str(self.port)}
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        everything: dict[str, str | None] = {**passed_on, **ENVIRONMENT, **own, **(settings or {})}
        self.environment = {name: value for name, value in everything.items() if value is not None}
        self.process: subprocess.Popen[bytes] | None = None
        self.clients: list[httpx.Client] = []

    def __enter__(self) -> Self:
        """Start the server and wait until it is ready."""
        try:
            self.start()
        except BaseException:
            self.discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server; what a failed test wants to know of it is added to the failure."""
        self.discard()
        if error is not None:
            error.add_note(self.log_tail())

    @property
    def pid(self) -> int:
        """Give the id of the process that was started."""
        assert self.process is not None, "the server was not started"
        return self.process.pid

    def start(self, until: str = "/readyz") -> float:
        """Start the server and wait until this path answers 200; gives the seconds that took."""
        begin = time.monotonic()
        self.launch()
        self.wait_until(until)
        return time.monotonic() - begin

    def launch(self) -> None:
        """Start the process and wait for nothing."""
        assert self.process is None or self.process.poll() is not None, "the server still runs"
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def wait_until(self, path: str = "/readyz", seconds: float = START_SECONDS) -> None:
        """Wait until this path answers 200; raises ServerFailed when it takes longer or the process ends."""
        assert self.process is not None
        client = self.client(timeout=2)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerFailed(f"the server ended with {self.process.returncode}\n{self.log_tail()}")
            with suppress(httpx.TransportError):
                if client.get(path).status_code == 200:
                    return
            time.sleep(0.02)
        raise ServerFailed(f"{path} did not answer 200 within {seconds} s\n{self.log_tail()}")

    def wait(self, seconds: float) -> int:
        """Wait for the process to end by itself; gives its exit status, raises ServerFailed."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ServerFailed(f"the server still runs after {seconds} s\n{self.log_tail()}") from None

    def processes(self) -> list[int]:
        """Give the ids of the started process and of the server processes below it."""
        return servers.family(self.pid)

    def kill(self) -> None:
        """Kill the started process alone, as an operator's mistake or the kernel would; not those below it."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait(5)

    def kill_worker(self) -> int:
        """Kill one of the processes that answer requests; gives its id."""
        worker = self.processes()[-1]
        assert worker != self.pid, "there is no server process"
        os.kill(worker, signal.SIGKILL)
        return worker

    def terminate(self) -> None:
        """Ask the server to stop, as service managers do; does not wait."""
        os.kill(self.pid, signal.SIGTERM)

    def restart(self) -> float:
        """Kill the server where it still runs, and start it again; gives the seconds until it was ready."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.wait_until_port_is_free()
        return self.start()

    def wait_until_port_is_free(self, seconds: float = 5) -> None:
        """Wait until nobody listens on the server's port; raises ServerFailed."""
        eventually(lambda: not self.is_listening(), seconds, f"port {self.port} is still taken")

    def is_listening(self) -> bool:
        """Say whether somebody takes connections on the server's port."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def discard(self) -> None:
        """End every process of the server at once, and close its clients."""
        for client in self.clients:
            client.close()
        if self.process is not None:
            # The whole session: the server processes may have outlived the one that was started.
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def log_tail(self, length: int = 4000) -> str:
        """Give the end of what the server wrote."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- the end of the server's log:\n{text[-length:]}"

    def client(self, **options: Any) -> httpx.Client:
        """Make a client of the server, one for each thread; it is closed with the server."""
        # Without the certificates, whose loading takes longer than most requests.
        client = httpx.Client(
            base_url=self.url, **{"timeout": 15, "verify": False, "trust_env": False, **options}
        )
        self.clients.append(client)
        return client

    def sign_up(self, email: str, **options: Any) -> httpx.Client:
        """Register an account; gives a client that is signed in."""
        client = self.client(**options)
        answer = client.post("/api/auth/register/", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        return client


def eventually(condition: Callable[[], object], seconds: float, failure: str) -> float:
    """Wait until a condition holds; gives the seconds that took, raises ServerFailed."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds:
            raise ServerFailed(f"{failure} after {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - begin


def _die_with_parent() -> None:
    # The setting outlasts the exec that follows.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
