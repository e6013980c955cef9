"""PostgreSQL is started anew under servers that answer from memory."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.pairs import Author, Pair
from tests.live import eventually

pytestmark = pytest.mark.xdist_group("warm-kills")
RECOVERY_SECONDS = 6.0


@pytest.fixture
def settled(pair: Pair) -> Iterator[Pair]:
    """Give both servers with Redis behind them."""
    pair.settle()
    yield pair
    for server in pair.servers:
        server.wait_until("/readyz", RECOVERY_SECONDS)


def peek(author: Author) -> None:
    """Read while there may be no database: what is answered is right, or that it cannot be."""
    for server in author.pair.servers:
        floor = author.known
        answer = author.person.get(author.pair.wire(server, author), author.place)
        assert answer.status in {200, 503}, answer
        if answer.status == 200:
            assert floor <= int(answer.json["title"]) <= author.tried


def test_a_restart_shows_nothing_old_and_lets_nobody_in(settled: Pair) -> None:
    author = settled.author()
    ended = author.session(settled.a)
    author.warm_up()
    author.must_write(settled.a)
    settled.postgres.stop()
    try:
        for _ in range(3):
            peek(author)
        assert not author.write(settled.b)
        refused = ended.ask(settled.wire(settled.a), "POST", "/api/auth/logout/")
        assert refused.status == 503
        peek(author)
    finally:
        settled.postgres.start()
    eventually(lambda: author.write(settled.a), RECOVERY_SECONDS, "no write succeeds")
    author.read_everywhere(settled.b)
    author.sign_out(settled.a, ended)
    author.check_refused(ended, settled.b)
    author.check_stored(settled.b)


def test_restarts_under_load_show_nothing_old(settled: Pair) -> None:
    authors = [settled.author() for _ in range(3)]
    deadline = time.monotonic() + 2.5

    def use(author: Author) -> None:
        turn = 0
        while time.monotonic() < deadline:
            turn += 1
            if not author.write(settled.servers[turn % 2]):
                time.sleep(0.05)
            peek(author)

    with ThreadPoolExecutor(3) as executor:
        using = [executor.submit(use, author) for author in authors]
        for _ in range(2):
            time.sleep(0.4)
            settled.postgres.stop()
            settled.postgres.start()
        for task in using:
            task.result(30)
    for server in settled.servers:
        server.wait_until("/readyz", RECOVERY_SECONDS)
    for author in authors:
        # A write whose acknowledgement was lost may have happened; whoever reads it, reads what is stored.
        eventually(lambda: author.write(settled.a), RECOVERY_SECONDS, "no write succeeds")  # noqa: B023
        author.check_stored(settled.b)
