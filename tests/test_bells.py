"""The bell: it is heard where it can be, and ringing it costs nobody any time."""

import threading
import time

import pytest
import redis

from noteassist.bells import (
    MOST_RINGS,
    MOST_TOPPED_UP,
    QUEUE,
    WORK,
    BellJob,
    LocalBell,
    RqBell,
    enqueue,
    queue_of,
)
from tests import servers
from tests.services.tasks.scene import until


@pytest.fixture(scope="module")
def redis_server():
    """Give a Redis that may be stopped and frozen."""
    with servers.redis_server(private=True) as server:
        yield server


@pytest.fixture
def queue(redis_server):
    """Give the empty queue of bells."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        yield queue_of(client)


def test_each_ring_is_heard_once():
    bell = LocalBell()
    for _ in range(3):
        bell.ring()
    assert [bell.wait(0) for _ in range(4)] == [True, True, True, False]


def test_who_waits_is_woken():
    bell = LocalBell()
    threading.Timer(0.1, bell.ring).start()
    begin = time.monotonic()
    assert bell.wait(10) and time.monotonic() - begin < 1


@pytest.mark.parametrize("rung, due, heard", [(0, 3, 3), (2, 3, 3), (5, 3, 5), (0, 10**6, MOST_TOPPED_UP)])
def test_a_local_bell_is_topped_up_to_what_is_due(rung, due, heard):
    bell = LocalBell()
    for _ in range(rung):
        bell.ring()
    bell.top_up(due)
    assert bell.rings == heard


def test_a_bell_that_is_rung_for_ever_holds_no_more_than_its_most():
    bell = LocalBell()
    for _ in range(MOST_RINGS * 3):
        bell.ring()
    assert bell.rings == MOST_RINGS


def test_those_who_are_to_stop_are_woken_without_work():
    bell = LocalBell()
    threading.Timer(0.1, bell.wake_all).start()
    begin = time.monotonic()
    assert bell.wait(10) is False and time.monotonic() - begin < 1


def test_a_ring_is_a_job_that_names_our_function(redis_server, queue):
    RqBell(redis_server.url).ring("improve 1")
    until(lambda: len(queue) == 1)
    (job,) = queue.get_jobs()
    assert (job.func_name, [*job.args], job.kwargs, job.description) == (WORK, [], {}, "improve 1")
    assert queue.name == QUEUE and isinstance(job, BellJob)


def test_rings_within_a_moment_share_a_bell(redis_server, queue):
    bell = RqBell(redis_server.url)
    for number in range(200):
        bell.ring(f"improve {number}")
    until(lambda: len(queue) and not bell.waiting)
    time.sleep(0.1)
    assert 1 <= len(queue) < 20


@pytest.mark.parametrize("due, length", [(3, 3), (0, 0), (MOST_TOPPED_UP + 50, MOST_TOPPED_UP)])
def test_the_queue_is_topped_up_to_what_is_due(redis_server, queue, due, length):
    for _ in range(3):
        RqBell(redis_server.url).top_up(due)
    assert len(queue) == length


@pytest.mark.parametrize("way", ["stop", "freeze"])
def test_ringing_takes_no_time_while_redis_is_away(redis_server, queue, way):
    bell = RqBell(redis_server.url)
    bell.ring("before")
    until(lambda: len(queue) == 1)
    getattr(redis_server, way)()
    try:
        begin = time.monotonic()
        for number in range(2000):
            bell.ring(f"improve {number}")
        assert time.monotonic() - begin < 0.5
        assert len(bell.waiting) <= MOST_RINGS
    finally:
        redis_server.start() if way == "stop" else redis_server.thaw()


def test_the_bell_is_rung_again_when_redis_is_back(redis_server, queue):
    bell = RqBell(redis_server.url)
    redis_server.stop()
    try:
        bell.ring("lost")
        until(lambda: not bell.waiting)
    finally:
        redis_server.start()
    bell.ring("heard")
    until(lambda: len(queue) >= 1, 4)


@pytest.mark.parametrize("name", ["os.system", "noteassist.worker.bell.other", "builtins.print", ""])
def test_a_job_of_another_name_is_no_work(queue, name):
    called = []
    job = BellJob.create(name or "x", connection=queue.connection, serializer=queue.serializer)
    job.work = lambda: called.append(1)
    with pytest.raises(ValueError, match="no work of ours"):
        job.perform()
    assert called == []


def test_a_bell_calls_what_the_worker_put_there(queue):
    job = BellJob.create(WORK, connection=queue.connection, serializer=queue.serializer)
    job.work = lambda: "worked"
    assert job.perform() == "worked"


def test_where_nobody_answers_no_more_bells_pile_up(redis_server, queue):
    enqueue(queue, ["earlier"] * MOST_RINGS)
    RqBell(redis_server.url).ring("one more")
    time.sleep(0.3)
    assert len(queue) == MOST_RINGS
