"""Signals: heard in this process and, over Redis, in others; without Redis a little later."""

import threading
import time

import pytest

from noteassist import redis_clients, signals
from noteassist.signals import Signals
from tests import servers
from tests.services.tasks.scene import until


@pytest.fixture(scope="module")
def redis_server():
    """Give a Redis that may be stopped and frozen."""
    with servers.redis_server(private=True) as server:
        yield server


@pytest.fixture
def two(redis_server):
    """Give the signals of two processes that are connected."""
    pair = Signals(redis_server.url), Signals(redis_server.url)
    with pair[0].listening("x"), pair[1].listening("x"):
        until(lambda: pair[0].is_connected and pair[1].is_connected)
    yield pair
    for one in pair:
        one.publisher.close()


def test_a_signal_is_heard_in_the_process_without_redis():
    alone = Signals()
    with alone.listening("task:1") as heard:
        alone.announce("task:2")
        assert not heard.is_set()
        alone.announce("task:1")
        assert heard.is_set()


def test_who_waits_is_woken_at_once():
    alone = Signals()
    begin = time.monotonic()
    with alone.listening("task:1") as heard:
        threading.Timer(0.1, alone.announce, ["task:1"]).start()
        alone.wait(heard, 30)
        assert 0.05 < time.monotonic() - begin < 0.3
        assert not heard.is_set()


def test_all_who_listen_hear_it():
    alone = Signals()
    with alone.listening("a", "b") as first, alone.listening("b") as second, alone.listening("c") as third:
        alone.announce("b")
        assert [heard.is_set() for heard in (first, second, third)] == [True, True, False]
        alone.wake_all()
        assert third.is_set()


def test_nothing_is_kept_of_those_who_are_gone():
    alone = Signals()
    with alone.listening("a", "a", "b"), alone.listening("a"):
        assert set(alone.listeners) == {"a", "b"}
    assert alone.listeners == {}
    alone.announce("a")


def test_a_signal_reaches_another_process(two):
    with two[1].listening("task:1") as heard, two[1].listening("task:2") as other:
        two[0].announce("task:1")
        assert heard.wait(2) and not other.is_set()


def test_a_process_is_told_of_what_it_listens_for_and_of_nothing_else(two, redis_server):
    watcher = redis_clients.quick(redis_server.url)
    with two[1].listening("task:1", "user:1"), two[1].listening("user:1"):
        reached = [
            watcher.publish(f"{signals.CHANNEL}:{name}", b"") for name in ("task:1", "user:1", "task:2")
        ]
        assert reached == [1, 1, 0]
    until(lambda: watcher.publish(f"{signals.CHANNEL}:task:1", b"") == 0)
    watcher.close()


def test_who_listens_again_at_once_is_told(two):
    for _ in range(50):
        with two[1].listening("task:1") as heard:
            two[0].announce("task:1")
            assert heard.wait(2)


def test_a_signal_reaches_those_of_its_own_process_once_it_went_round(two):
    with two[0].listening("task:1") as heard:
        two[0].announce("task:1")
        assert heard.wait(2)


def test_arbitrary_bytes_on_the_channel_hurt_nobody(two):
    with two[1].listening("task:1") as heard:
        for garbage in (b"", b"\xff\xfe", b"x" * 10_000, b"task:"):
            for channel in (two[1].own_channel, "noteassist:signals:task:1", b"noteassist:signals:\xff"):
                two[0].publisher.publish(channel, garbage)
        heard.clear()
        two[0].announce("task:1")
        assert heard.wait(2)
    assert two[1].thread.is_alive()


@pytest.mark.parametrize("way", ["stop", "freeze"])
def test_without_redis_the_own_process_hears_it_and_nobody_waits(redis_server, two, way):
    getattr(redis_server, way)()
    try:
        with two[0].listening("task:1") as heard:
            begin = time.monotonic()
            for _ in range(20):
                two[0].announce("task:1")
            assert heard.is_set()
            assert time.monotonic() - begin < redis_clients.QUICK_SECONDS + 0.5
    finally:
        redis_server.start() if way == "stop" else redis_server.thaw()


def test_while_redis_is_away_one_looks_more_often(redis_server, two):
    redis_server.stop()
    try:
        with two[0].listening("task:1") as heard:
            until(lambda: not two[0].is_connected)
            begin = time.monotonic()
            two[0].wait(heard, 30)
            assert time.monotonic() - begin < signals.LOOK_SECONDS / 2
    finally:
        redis_server.start()


def test_everybody_hears_it_again_when_redis_is_back(redis_server, two, monkeypatch):
    monkeypatch.setattr(two[0].breaker, "seconds", 0.2)
    redis_server.stop()
    with two[1].listening("task:1") as heard:
        two[0].announce("task:1")
        until(lambda: not two[1].is_connected)
        redis_server.start()
        until(lambda: two[1].is_connected)
        heard.clear()
        until(lambda: two[0].announce("task:1") or heard.is_set(), 5)


def test_after_an_outage_the_own_process_hears_every_signal(redis_server, two):
    redis_server.stop()
    try:
        two[0].announce("task:1")
        with two[0].listening("task:1") as heard:
            two[0].announce("task:1")
            assert heard.is_set()
    finally:
        redis_server.start()
