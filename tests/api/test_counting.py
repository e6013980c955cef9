"""Counting of requests: the promise of a window, kept the same way in Redis and within a process."""

import threading
import time
import uuid

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from noteassist.limiting import Counter, Window
from noteassist.limiting.memory import MemoryCounter
from noteassist.limiting.shared import SharedCounter
from noteassist.redis_scripts import Scripts
from tests import servers

SECOND = 1_000_000
SPANS = st.sampled_from([1, 60, 900, 3600])


@pytest.fixture(scope="module")
def redis_server():
    """Give a Redis that may be stopped and frozen."""
    with servers.redis_server(private=True) as server:
        yield server


@pytest.fixture
def shared(redis_server):
    """Give a counter in Redis."""
    return SharedCounter(Scripts(redis_server.url))


def window(limit, seconds=60, name="w"):
    """Give a window that nobody has counted in."""
    return Window(name, f"test:{{{uuid.uuid4().hex}}}", limit, seconds)


def drawn(limits, spans):
    """Give one window for each limit."""
    return [
        window(limit, seconds, f"w{n}") for n, (limit, seconds) in enumerate(zip(limits, spans, strict=True))
    ]


@given(
    limits=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    seconds=st.lists(SPANS, min_size=3, max_size=3),
    # Mostly small steps; some that jump, and some back.
    steps=st.lists(
        st.one_of(
            st.integers(0, 3 * SECOND),
            st.integers(-2 * SECOND, 70 * SECOND),
            st.sampled_from([-5000 * SECOND, 60 * SECOND, 60 * SECOND - 1, 3600 * SECOND]),
        ),
        max_size=40,
    ),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_and_a_process_decide_the_same(shared, limits, seconds, steps):
    windows, memory, now = drawn(limits, seconds[: len(limits)]), MemoryCounter(), 10**15
    for step in steps:
        now += step
        assert shared.count(windows, now) == memory.count(windows, now)


@given(
    limit=st.integers(1, 6),
    seconds=SPANS,
    steps=st.lists(st.integers(0, 40 * SECOND), min_size=1, max_size=80),
)
@settings(max_examples=200, deadline=None)
def test_never_more_than_the_limit_in_any_window(limit, seconds, steps):
    one, memory, now, allowed = window(limit, seconds), MemoryCounter(), 0, []
    for step in steps:
        now += step
        if not memory.count([one], now)[0]:
            allowed.append(now)
    for begin in allowed:
        assert sum(begin <= at < begin + seconds * SECOND for at in allowed) <= limit


@given(limit=st.integers(1, 4), seconds=SPANS, steps=st.lists(st.integers(0, 10 * SECOND), max_size=30))
@settings(max_examples=200, deadline=None)
def test_who_is_refused_and_comes_back_when_told_is_let_in_and_never_waits_longer_than_the_window(
    limit, seconds, steps
):
    one, memory, now = window(limit, seconds), MemoryCounter(), 0
    for step in steps:
        now += step
        refused, _, wait = memory.count([one], now)
        if refused:
            assert 0 < wait <= seconds * SECOND
            now += wait
            assert memory.count([one], now)[0] == 0


def test_a_request_that_one_window_refuses_is_counted_in_none(shared):
    small, large = window(1), window(10, 3600)
    for counter in (shared, MemoryCounter()):
        figures = [counter.count([small, large], 10**15) for _ in range(3)]
        assert [found[0] for found in figures] == [0, 1, 1]
        assert [found[3] for found in figures] == [1, 1, 1]


def test_a_clock_that_is_set_back_blocks_nobody_for_longer_than_the_window(shared):
    one = window(1)
    for counter in (shared, MemoryCounter()):
        assert counter.count([one], 10**15)[0] == 0
        past = 10**15 - 365 * 86400 * SECOND
        refused, _, wait = counter.count([one], past)
        assert refused and wait <= 60 * SECOND
        assert counter.count([one], past + 60 * SECOND) == [0, 1, 60 * SECOND]


def test_redis_counts_by_its_own_clock(shared, move_clock):
    one = window(1)
    assert shared.count([one])[0] == 0
    move_clock(3600)
    assert shared.count([one])[0] == 1


def test_keys_are_forgotten_with_their_window_and_stay_small(shared, redis_server):
    one, client = window(10**9), redis.Redis.from_url(redis_server.url)
    for second in range(200):
        shared.count([one], 10**15 + second * SECOND // 2)
    assert client.memory_usage(one.key) < 2500
    assert 59_000 < client.pttl(one.key) <= 60_000


@pytest.mark.parametrize("nonsense", [b"", b"x", b"\xc1", b"\x93\x01\x02\x03", b"\xa3abc", b"\x92\xa1x\xa1y"])
def test_nonsense_in_redis_counts_as_nothing(shared, redis_server, nonsense):
    one = window(2)
    redis.Redis.from_url(redis_server.url).set(one.key, nonsense)
    assert shared.count([one], 10**15) == [0, 1, 60 * SECOND]


def test_a_value_of_another_type_in_redis_counts_as_nothing(shared, redis_server):
    one = window(2)
    redis.Redis.from_url(redis_server.url).lpush(one.key, "x")
    assert shared.count([one], 10**15)[0] == 0


def test_a_script_that_redis_has_forgotten_is_sent_again(shared, redis_server):
    redis.Redis.from_url(redis_server.url).script_flush()
    assert shared.count([window(1)])[0] == 0


def test_memory_is_bounded_and_forgets_who_came_longest_ago():
    memory, first, second = MemoryCounter(most_keys=2), window(1), window(1)
    for one in (first, second, first):
        memory.count([one], 0)
    memory.count([window(1)], 0)
    assert len(memory.hits) == 2
    assert memory.count([first], 0)[0] == 1 and memory.count([second], 0)[0] == 0


@pytest.mark.parametrize("url", ["", "redis"])
def test_threads_get_exactly_what_there_is(redis_server, url):
    counter, one, got = Counter(Scripts(redis_server.url) if url else None), window(50), []

    def take():
        for _ in range(20):
            got.append(counter.count([one]).is_allowed)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got.count(True) == 50 and len(got) == 160


def test_while_redis_is_frozen_one_request_waits_and_the_others_do_not(redis_server):
    counter, one = Counter(Scripts(redis_server.url)), window(100)
    counter.count([one])
    redis_server.freeze()
    try:
        begin = time.monotonic()
        assert all(counter.count([one]).is_allowed for _ in range(50))
        assert time.monotonic() - begin < 0.5
    finally:
        redis_server.thaw()


def test_when_the_pause_is_over_one_of_many_requests_finds_out_if_redis_is_back(redis_server):
    counter, one, seconds = Counter(Scripts(redis_server.url)), window(1000), []
    counter.count([one])
    redis_server.freeze()

    def take():
        begin = time.monotonic()
        counter.count([one])
        seconds.append(time.monotonic() - begin)

    try:
        counter.shared.scripts.paused_until = time.monotonic()
        threads = [threading.Thread(target=take) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        redis_server.thaw()
    assert sum(took > 0.2 for took in seconds) == 1


def test_processes_share_the_limit_while_each_counts_alone():
    counter, one = Counter(Scripts("redis://127.0.0.1:1/0"), processes=4), window(10)
    assert sum(counter.count([one]).is_allowed for _ in range(20)) == 3


def test_a_redis_that_was_started_anew_is_used_at_once(redis_server):
    counter, one = Counter(Scripts(redis_server.url)), window(100)
    assert counter.count([one]).is_allowed
    redis_server.stop()
    redis_server.start()
    assert counter.count([one]).is_allowed
    assert counter.shared.scripts.paused_until == 0.0
