"""One of two servers is cut off from Redis: what it acknowledges, the other one knows."""

import time
from collections.abc import Iterator

import pytest

from tests.faults.pairs import Author, Pair
from tests.proxies import Mode

pytestmark = pytest.mark.xdist_group("warm-redis")
# Longer than whoever found Redis away goes on without it.
PAUSE_SECONDS = 7.0
FAULTS: tuple[Mode, ...] = ("cut", "silent", "deaf")


@pytest.fixture
def settled(pair: Pair) -> Iterator[Pair]:
    """Give both servers with Redis behind them."""
    pair.settle()
    yield pair
    for way in pair.ways:
        way.turn("open")


@pytest.mark.parametrize("fault", FAULTS)
def test_who_is_cut_off_and_who_is_not_never_disagree(settled: Pair, fault: Mode) -> None:
    authors = [settled.author() for _ in range(3)]
    ended = [author.session(settled.a) for author in authors]
    kept = authors[0].session(settled.b)
    for author in authors:
        author.warm_up()
    settled.way_a.turn(fault)
    check_all(settled, authors)
    # Whoever ends a session, it has ended for both.
    authors[0].sign_out(settled.a, ended[0])
    authors[0].check_refused(ended[0], settled.b)
    authors[1].sign_out(settled.b, ended[1])
    authors[1].check_refused(ended[1], settled.a)
    authors[2].must_write(settled.a)
    settled.way_a.turn("open")
    # What was held is delivered now, late.
    authors[2].read_everywhere(settled.b)
    check_all(settled, authors)
    authors[2].sign_out(settled.a, ended[2])
    for author, person in zip(authors, ended, strict=True):
        author.check_refused(person, settled.b)
    authors[0].read(settled.a, kept)
    authors[0].read(settled.b, kept)


def check_all(pair: Pair, authors: list[Author]) -> None:
    """Write through either server, and read through the other first."""
    for author in authors:
        for writer, reader in ((pair.a, pair.b), (pair.b, pair.a), (pair.a, pair.b)):
            author.must_write(writer)
            author.read_everywhere(reader)
            author.warm_up()


def test_a_late_message_turns_nothing_back(settled: Pair) -> None:
    for held in range(3):
        author = settled.author()
        author.warm_up()
        # The first of two writers gets stuck on its way; the other one has written when it comes through.
        settled.way_a.turn_after(held, "silent")
        author.must_write(settled.a)
        for _ in range(2):
            author.must_write(settled.b)
            author.warm_up()
        settled.way_a.turn("open")
        for _ in range(3):
            author.read_everywhere(settled.b)
        author.must_write(settled.b)
        author.read_everywhere(settled.a)
        if held < 2:
            settled.settle()


def test_all_is_right_while_redis_is_found_again(settled: Pair) -> None:
    author = settled.author()
    author.warm_up()
    for way in settled.ways:
        way.turn("cut")
    author.must_write(settled.a)
    author.read_everywhere(settled.b)
    settled.way_b.turn("open")
    # One of them finds it before the other, and nobody knows when.
    deadline = time.monotonic() + PAUSE_SECONDS
    while time.monotonic() < deadline:
        for writer, reader in ((settled.a, settled.b), (settled.b, settled.a)):
            author.must_write(writer)
            author.read_everywhere(reader)
            author.warm_up()
        time.sleep(0.1)
        if time.monotonic() > deadline - PAUSE_SECONDS / 2:
            settled.way_a.turn("open")
    person = author.session(settled.a)
    author.sign_out(settled.b, person)
    author.check_refused(person, settled.a)
