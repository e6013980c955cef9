"""Programs in a real server: they neither slow it down for others nor outlive it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.live import LiveServer, eventually

pytestmark = pytest.mark.needs_sandbox

RUN = "/api/code/run/"
FORK_BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
SLEEPS = "271828{number}"


def sleeper(number: int) -> dict[str, str]:
    """Make a program whose process can be told from all others."""
    return {"language": "bash", "code": f"sleep {SLEEPS.format(number=number)}"}


def is_running(word: str) -> bool:
    """Say whether a process of this machine has this word in its command."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


def start(client: httpx.Client, program: dict[str, str]) -> threading.Thread:
    """Send a program and wait for no answer."""

    def send() -> None:
        with suppress(httpx.TransportError):
            client.post(RUN, json=program)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_a_killed_server_leaves_no_program_behind(tmp_path: Path) -> None:
    with LiveServer(tmp_path, {"SANDBOX_SECONDS": "60"}) as server:
        alice = server.sign_up("alice@example.com", timeout=60)
        word = SLEEPS.format(number=server.pid)
        sent = start(alice, sleeper(server.pid))
        eventually(lambda: is_running(word), 30, "the program does not run")
        server.kill()
        eventually(lambda: not is_running(word), 5, "the program outlives its server")
        sent.join()


def test_a_killed_server_process_leaves_no_program_behind(tmp_path: Path) -> None:
    with LiveServer(tmp_path, {"SANDBOX_SECONDS": "60"}) as server:
        alice = server.sign_up("alice@example.com", timeout=60)
        word = SLEEPS.format(number=server.pid)
        sent = start(alice, sleeper(server.pid))
        eventually(lambda: is_running(word), 30, "the program does not run")
        server.kill_worker()
        eventually(lambda: not is_running(word), 5, "the program outlives its process")
        sent.join()


def test_a_client_that_goes_away_leaves_a_program_for_its_time_at_most(tmp_path: Path) -> None:
    with LiveServer(tmp_path, {"SANDBOX_SECONDS": "4"}) as server:
        alice = server.sign_up("alice@example.com", timeout=60)
        alice.post(RUN, json={"language": "bash", "code": ":"})
        word = SLEEPS.format(number=server.pid)
        with suppress(httpx.ReadTimeout):
            alice.post(RUN, json=sleeper(server.pid), timeout=1.5)
        eventually(lambda: not is_running(word), 10, "the program runs on")


def test_others_are_served_during_a_fork_bomb(tmp_path: Path) -> None:
    # Of request threads there are as many as programs: they would be all taken if programs held them.
    with LiveServer(tmp_path, {"WEB_THREADS": "2", "LIMIT_CODE_RUNS": "100"}) as server:
        alice, bob = (server.sign_up(f"{name}@example.com", timeout=60) for name in ("alice", "bob"))
        bomb = {"language": "python", "code": FORK_BOMB}
        with ThreadPoolExecutor(4) as executor:
            bombs = [executor.submit(alice.post, RUN, json=bomb) for _ in range(4)]
            answers = []
            while not all(one.done() for one in bombs):
                answers.append(bob.get("/api/notes/").status_code)
                time.sleep(0.05)
        statuses = [one.result().status_code for one in bombs]
        assert set(answers) == {200}
        assert set(statuses) <= {200, 503} and 200 in statuses
