"""Redis dies, falls silent, forgets, remembers what is over, or is full: nothing stale is read, and nobody let in."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.pairs import Author, Pair
from tests.live import eventually

pytestmark = pytest.mark.xdist_group("warm-redis")
SEED = 20250801
PATIENCE = 0.25


@pytest.fixture
def settled(pair: Pair) -> Iterator[Pair]:
    """Give both servers with an empty Redis behind them."""
    pair.settle()
    with pair.client() as client:
        client.flushall()
    yield pair
    if pair.redis.answers():
        with pair.client() as client:
            client.config_set("maxmemory", 0)


def test_a_flush_between_requests_shows_nothing_old_and_lets_nobody_in(settled: Pair) -> None:
    author = settled.author()
    with settled.client() as client:
        for turn in range(4):
            writer, reader = settled.servers if turn % 2 else settled.servers[::-1]
            ended = author.session(reader)
            author.warm_up()
            author.must_write(writer)
            client.flushall()
            author.read_everywhere(reader)
            author.warm_up()
            client.flushall()
            author.must_write(writer)
            author.sign_out(writer, ended)
            author.read_everywhere(reader)
            client.flushall()
            author.check_refused(ended, reader)


def test_a_flush_at_any_moment_shows_nothing_old(settled: Pair) -> None:
    over = threading.Event()

    def flush() -> None:
        chance = random.Random(SEED)
        with settled.client() as client:
            while not over.wait(chance.uniform(0, 0.01)):
                client.flushall()

    def use(author: Author) -> None:
        for turn in range(25):
            author.must_write(settled.servers[turn % 2])
            author.read_everywhere(settled.servers[turn // 2 % 2])

    with ThreadPoolExecutor(4) as executor:
        flushing = executor.submit(flush)
        using = [executor.submit(use, settled.author()) for _ in range(3)]
        try:
            for task in using:
                task.result(60)
        finally:
            over.set()
        flushing.result(5)


def test_keys_that_vanish_one_by_one_show_nothing_old(settled: Pair) -> None:
    chance, author = random.Random(SEED), settled.author()
    with settled.client() as client:
        for _ in range(10):
            writer, reader = chance.sample(settled.servers, 2)
            ended = author.session(writer)
            for step in (
                lambda: author.must_write(writer),  # noqa: B023
                lambda: author.read(reader),  # noqa: B023
                lambda: author.sign_out(reader, ended),  # noqa: B023
                lambda: author.check_refused(ended, writer),  # noqa: B023
                lambda: author.read(writer),  # noqa: B023
            ):
                for key in list(client.scan_iter()):
                    if chance.random() < 0.5:
                        client.delete(key)
                step()


def test_a_redis_that_is_started_anew_shows_nothing_old(settled: Pair) -> None:
    author = settled.author()
    for forgets_first in (True, False):
        ended = author.session(settled.a)
        author.warm_up()
        settled.redis.kill()
        if forgets_first:
            settled.redis.start()
        author.must_write(settled.a)
        author.sign_out(settled.b, ended)
        author.check_refused(ended, settled.a)
        author.read_everywhere(settled.b)
        if not forgets_first:
            settled.redis.start()
        author.read_everywhere(settled.a)
        author.check_refused(ended, settled.a)
    settled.settle()
    author.check_refused(ended, settled.a)
    author.read_everywhere(settled.b)


def test_a_redis_that_remembers_what_is_over_shows_nothing_old_and_lets_nobody_in(settled: Pair) -> None:
    author, other = settled.author(), settled.author()
    ended, changed = author.session(settled.a), other.session(settled.a)
    for one in (author, other):
        one.warm_up()
    with settled.client() as client:
        client.save()
    body = {"current_password": "correct horse battery staple", "password": "another long enough password"}
    author.must_write(settled.a)
    author.sign_out(settled.b, ended)
    other.must_write(settled.b)
    other.person.do(settled.wire(settled.a), "POST", "/api/auth/password/change/", body)
    for one in (author, other):
        one.warm_up()
    settled.redis.kill()
    # One is written to while there is no Redis, the other is not.
    author.must_write(settled.b)
    settled.redis.start()
    for one in (author, other):
        one.read_everywhere(settled.a)
    author.check_refused(ended, settled.b)
    other.check_refused(changed, settled.a)
    settled.settle()
    for one in (author, other):
        one.read_everywhere(settled.b)
        one.warm_up()
        one.must_write(settled.a)
        one.read_everywhere(settled.b)
    author.check_refused(ended, settled.a)
    other.check_refused(changed, settled.b)
    settled.redis.forget()


def test_an_old_memory_that_nobody_noticed_shows_nothing_old(settled: Pair) -> None:
    # Killed and started again between two requests, with what it had saved some writes ago.
    author = settled.author()
    ended = author.session(settled.b)
    author.warm_up()
    with settled.client() as client:
        client.save()
    for turn in range(3):
        author.must_write(settled.servers[turn % 2])
        author.warm_up()
    author.sign_out(settled.a, ended)
    settled.redis.kill()
    settled.redis.start()
    author.read_everywhere(settled.b)
    author.check_refused(ended, settled.b)
    for turn in range(4):
        author.must_write(settled.servers[turn % 2])
        author.read_everywhere(settled.servers[1 - turn % 2])
        author.check_refused(ended, settled.a)
    settled.redis.forget()


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru", "allkeys-random"])
def test_a_redis_without_room_shows_nothing_old(settled: Pair, policy: str) -> None:
    author = settled.author()
    with settled.client() as client:
        client.config_set("maxmemory-policy", policy)
        for turn in range(4):
            writer, reader = settled.servers if turn % 2 else settled.servers[::-1]
            ended = author.session(reader)
            author.warm_up()
            client.config_set("maxmemory", 1)
            author.must_write(writer)
            author.read_everywhere(reader)
            author.sign_out(writer, ended)
            author.check_refused(ended, reader)
            if turn % 2:
                client.config_set("maxmemory", 0)
            author.must_write(writer)
            author.read_everywhere(reader)
            author.check_refused(ended, reader)
            client.config_set("maxmemory", 0)


def test_a_silent_redis_costs_one_request_its_patience_and_shows_nothing_old(settled: Pair) -> None:
    author = settled.author()
    ended = author.session(settled.a)
    author.warm_up()
    settled.redis.freeze()
    try:
        for server in settled.servers:
            seconds = []
            for _ in range(12):
                begin = time.monotonic()
                answer = author.person.get(settled.wire(server, author), author.place)
                seconds.append(time.monotonic() - begin)
                assert answer.status == 200
            assert sorted(seconds)[-2] < PATIENCE, seconds
        author.must_write(settled.a)
        author.read_everywhere(settled.b)
        author.sign_out(settled.b, ended)
        author.check_refused(ended, settled.a)
        author.must_write(settled.b)
    finally:
        settled.redis.thaw()
    # What it had been told before it fell silent, it hears now.
    author.read_everywhere(settled.a)
    author.check_refused(ended, settled.b)
    settled.settle()
    author.read_everywhere(settled.b)
    author.check_refused(ended, settled.a)


def test_limits_hold_at_least_within_each_process_while_redis_is_away(settled: Pair) -> None:
    author = settled.author()
    author.warm_up()
    settled.redis.freeze()
    try:
        before = [author.person.get(settled.wire(server), author.place) for server in settled.servers]
        after = [author.person.get(settled.wire(server), author.place) for server in settled.servers]
    finally:
        settled.redis.thaw()
    for first, second in zip(before, after, strict=True):
        # Counted, though elsewhere.
        left = [int(answer.header("RateLimit-Remaining") or "-1") for answer in (first, second)]
        assert left[0] - 1 == left[1] >= 0


def test_the_redis_of_these_tests_is_well(settled: Pair) -> None:
    eventually(settled.redis.answers, 5, "Redis does not answer")
    author = settled.author()
    author.warm_up()
