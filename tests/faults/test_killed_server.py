"""A server that is killed at any moment has kept its promises when it is back."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import servers
from tests.conftest import KINDS
from tests.faults.writers import Writer
from tests.live import LiveServer, eventually

KILLS = 8
WRITES = 100
SEED = 20250801


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Give the settings of an empty database of each kind."""
    if request.param == "sqlite":
        return {}
    return {"DATABASE_URL": request.getfixturevalue("postgresql_database")}


@pytest.fixture
def server(tmp_path: Path, database: dict[str, str]) -> Iterator[LiveServer]:
    """Give a server on the empty database."""
    with LiveServer(tmp_path, database) as started:
        yield started


@contextmanager
def writing(writers: Sequence[Writer]) -> Iterator[None]:
    """Let everybody write at once inside the block, which has to end with the server's death."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(writers)) as executor:
        running = [executor.submit(writer.write_until_cut, stop) for writer in writers]
        try:
            yield
            for task in running:
                task.result(20)
        finally:
            stop.set()


def test_no_acknowledged_write_is_lost_and_no_half_note_is_left(server: LiveServer) -> None:
    chance = random.Random(SEED)
    writers = [Writer(server, f"writer{number}", SEED + number) for number in range(4)]
    cut = kills = 0
    # On a slow machine it takes more kills until they have met enough writes.
    while kills < KILLS or (kills < 10 * KILLS and sum(writer.acknowledged for writer in writers) <= WRITES):
        kills += 1
        with writing(writers):
            time.sleep(chance.uniform(0.1, 0.7))
            server.kill()
        cut += sum(writer.lost is not None for writer in writers)
        server.restart()
        for writer in writers:
            writer.check()
    # Else the kills missed what they were for.
    assert sum(writer.acknowledged for writer in writers) > WRITES and cut > KILLS


def test_a_killed_server_process_is_replaced_and_has_lost_nothing(server: LiveServer) -> None:
    writers = [Writer(server, f"writer{number}", SEED + number) for number in range(4)]
    with writing(writers):
        time.sleep(0.5)
        killed = server.kill_worker()
    eventually(lambda: server.processes()[1:] not in ([], [killed]), 2, "there is no new server process")
    server.wait_until("/readyz", 10)
    for writer in writers:
        writer.check()


def test_orphaned_server_processes_end_and_free_the_port(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server:
        below = server.processes()[1:]
        server.kill()
        assert below
        eventually(lambda: not any(map(servers.family, below)), 2, "an orphan still runs")
        server.wait_until_port_is_free(1)
