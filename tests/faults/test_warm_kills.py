"""A server is killed while it writes: the other one reads what was written, whatever the first had still to say."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.pairs import Author, Pair, wait_until_idle
from tests.live import eventually

pytestmark = pytest.mark.xdist_group("warm-kills")
SEED = 20250801


@pytest.fixture
def settled(pair: Pair) -> Iterator[Pair]:
    """Give both servers with Redis behind them; the one that a test has killed is started again."""
    pair.settle()
    yield pair
    for way in pair.ways:
        way.turn("open")
        way.delay = 0
    revive(pair)


def revive(pair: Pair) -> None:
    """Start the first server again, where it was killed."""
    if pair.a.process is None or pair.a.process.poll() is not None:
        pair.a.wait_until_port_is_free()
        pair.a.start()


@pytest.mark.parametrize("messages", range(3))
def test_a_writer_that_dies_between_any_two_messages_leaves_nothing_old(settled: Pair, messages: int) -> None:
    authors = [settled.author() for _ in range(3)]
    ended = authors[1].session(settled.b)
    for author in authors:
        author.warm_up()
    with ThreadPoolExecutor(1) as executor:
        # So many of its messages get through to Redis; at the next it waits, and there it dies.
        settled.way_a.turn_after(messages, "silent")
        writing = executor.submit(authors[0].write, settled.a)
        eventually(lambda: settled.way_a.mode == "silent" or writing.done(), 5, "the write does not go on")
        settled.kill(settled.a)
        writing.result(5)
    wait_until_idle(settled)
    first = authors[0]
    assert first.stored() in {first.tried - 1, first.tried}
    first.known = first.stored()
    # First without the message that it had on its lips, and then with it.
    for _ in range(2):
        for _ in range(3):
            assert first.read(settled.b) == first.stored()
        settled.way_a.turn("open")
    first.must_write(settled.b)
    first.read(settled.b)
    authors[1].sign_out(settled.b, ended)
    revive(settled)
    for author in authors:
        author.check_stored(settled.a)
    authors[1].check_refused(ended, settled.a)


def test_kills_under_load_leave_nothing_old(settled: Pair) -> None:
    chance = random.Random(SEED)
    authors = [settled.author() for _ in range(3)]
    died_writing = 0
    for _ in range(3):
        settled.way_a.delay = chance.choice([0, 0.01, 0.03])
        died_writing += kill_while_writing(settled, authors, chance.uniform(0.15, 0.4))
        for author in authors:
            # What was acknowledged, before anything else; then what may have been written unheard.
            author.read(settled.b)
        wait_until_idle(settled)
        for author in authors:
            author.known = max(author.known, author.stored())
            author.read(settled.b)
        settled.way_a.delay = 0
        revive(settled)
        for author in authors:
            author.check_stored(settled.a)
    assert died_writing > 2, "the kills missed what they were for"


def kill_while_writing(pair: Pair, authors: list[Author], seconds: float) -> int:
    """Kill the first server while everybody writes there and reads elsewhere; gives how many writes were cut."""
    over = threading.Event()

    def write(author: Author) -> bool:
        while author.write(pair.a):
            author.read(pair.b)
        return True

    def read(author: Author) -> None:
        while not over.is_set():
            author.read(pair.b)
            time.sleep(0.005)

    with ThreadPoolExecutor(2 * len(authors)) as executor:
        writing = [executor.submit(write, author) for author in authors]
        time.sleep(seconds)
        pair.kill(pair.a)
        cut = sum(task.result(20) for task in writing)
        over.set()
    return cut
