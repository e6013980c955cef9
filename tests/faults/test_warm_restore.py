"""A backup is restored while Redis remembers what came after it."""

import subprocess
from pathlib import Path

import pytest

from tests import servers
from tests.faults.pairs import SETTINGS
from tests.live import SERVE, LiveServer
from tests.visitors import Person, send
from tests.wires import Wire

pytestmark = pytest.mark.xdist_group("warm-redis")
ROUNDS = 3


def run(server: LiveServer, *words: str) -> None:
    """Run a command of noteassist."""
    subprocess.run([SERVE[0], *words], env=server.environment, check=True, capture_output=True, timeout=60)


def read_often(server: LiveServer, *people: Person) -> list[list[str]]:
    """Read as often as it takes; gives the titles of each."""
    wire = Wire(server.port)
    for _ in range(ROUNDS):
        found = [person.get(wire, "/api/notes/") for person in people]
    wire.close()
    return [[note["title"] for note in answer.json["results"]] for answer in found]


def write(server: LiveServer, person: Person, title: str) -> None:
    """Make a note."""
    wire = Wire(server.port)
    person.do(wire, "POST", "/api/notes/", {"title": title})
    wire.close()


def test_after_a_restored_backup_nothing_is_read_that_came_after_it(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    with servers.redis_server(private=True) as redis_server:
        settings = {**SETTINGS, "REDIS_URL": redis_server.url, "NOTEASSIST_ENV": "development"}
        with LiveServer(tmp_path / "server", settings) as server:
            wire = Wire(server.port)
            alice = Person.signed_up(wire, "alice@example.com")
            wire.close()
            write(server, alice, "Before")
            run(server, "backup", str(backup))
            wire = Wire(server.port)
            later, eve = alice.again(wire), Person.signed_up(wire, "eve@example.com")
            wire.close()
            for number in range(3):
                write(server, alice, f"After {number}")
                write(server, eve, f"Eve's {number}")
                assert len(read_often(server, alice, eve, later)[0]) == number + 2
            server.terminate()
            server.wait(15)
            run(server, "restore", "--replace", str(backup))
            server.wait_until_port_is_free()
            server.start()
            assert read_often(server, alice) == [["Before"]]
            wire = Wire(server.port)
            for person in (later, eve):
                assert person.get(wire, "/api/notes/").status == 401
            # Ids are given anew: of a session, of an account.
            bob = Person.signed_up(wire, "bob@example.com")
            assert send(wire, "GET", "/api/notes/", headers=bob.headers).json["results"] == []
            wire.close()
            titles = ["Before"]
            for number in range(5):
                titles.insert(0, f"Again {number}")
                write(server, alice, titles[0])
                assert read_often(server, alice, bob) == [titles, []]
