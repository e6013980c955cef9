"""Facts in Redis: leases, marks, signatures, and what somebody else has written there."""

import pickle
import time

import pytest
import redis

from noteassist.freshness.facts import MARK_SECONDS, Facts
from noteassist.limiting import Window
from noteassist.redis_scripts import Scripts
from tests import servers

WINDOWS = [Window("minute", "limits:{u1}:minute", 3, 60)]
EPOCH, LATER = "epoch", int(time.time()) + 3600
HOSTILE = (
    b"",
    b"0",
    pickle.dumps({"a": 1}),
    b"x" * 100_000,
    b"\xff\r\n:1\r\n",
    b"1:FREE:99999999999:epoch:run:00",
)


@pytest.fixture(scope="module")
def redis_server():
    """A Redis that may be started anew."""
    with servers.redis_server(private=True) as server:
        yield server


@pytest.fixture
def client(redis_server):
    """A client of it, empty."""
    with redis.Redis.from_url(redis_server.url) as connection:
        connection.flushall()
        yield connection


@pytest.fixture
def facts(redis_server, client):
    """Facts of a process."""
    return Facts(Scripts(redis_server.url), b"key")


def asked(facts, fact=None, windows=WINDOWS, epoch=EPOCH):
    return facts.ask(facts.question(1, 7, fact, windows), epoch)


def stated(facts, version=5, **changes):
    """State a fact, and give what is asked for then."""
    lease = asked(facts).lease
    facts.state(lease, 1, 7, **{"version": version, "tier": "FREE", "expires": LATER, **changes})
    return asked(facts).fact


def test_what_is_stated_under_a_lease_is_found_by_another_process(facts, redis_server):
    stated(facts)
    other = Facts(Scripts(redis_server.url), b"key")
    fact = asked(other).fact
    assert (fact.version, fact.tier, fact.expires, fact.epoch) == (5, "FREE", LATER, EPOCH)


def test_a_request_is_counted_only_where_the_fact_is_the_expected_one(facts, client):
    fact = stated(facts)
    assert client.get("limits:{u1}:minute") is None
    assert [asked(facts, fact).figures[0] for _ in range(5)] == [0, 0, 0, 1, 1]


def test_a_lease_ends_with_the_next_write(facts):
    lease = asked(facts).lease
    facts.mark(1, "w")
    facts.settle(1, "w")
    facts.state(lease, 1, 7, version=5, tier="FREE", expires=LATER)
    assert asked(facts).fact is None


def test_while_a_write_is_under_way_nothing_is_known_and_nothing_can_be_stated(facts):
    fact, lease = stated(facts), asked(facts).lease
    facts.mark(1, "w")
    assert asked(facts, fact) == (None, None, None)
    facts.state(lease, 1, 7, version=5, tier="FREE", expires=LATER)
    facts.settle(1, "w")
    assert asked(facts).fact is None


def test_two_writes_at_once_are_both_waited_for(facts):
    facts.mark(1, "a")
    facts.mark(1, "b")
    facts.settle(1, "a")
    assert asked(facts).lease is None
    facts.settle(1, "b")
    assert asked(facts).lease is not None


def test_a_mark_that_was_lost_takes_with_it_what_was_stated_meanwhile(facts, client):
    facts.mark(1, "w")
    client.flushall()
    assert stated(facts) is not None
    facts.settle(1, "w")
    assert asked(facts).fact is None


def test_the_mark_of_a_writer_that_died_is_over_after_a_while(facts, client):
    facts.mark(1, "dead")
    assert 0 < client.pttl("marks:{u1}") <= MARK_SECONDS * 1000
    client.zadd("marks:{u1}", {"dead": 1})
    facts.mark(1, "w")
    assert client.zrange("marks:{u1}", 0, -1) == [b"w"]


def test_a_fact_of_another_epoch_does_not_count(facts):
    fact = stated(facts)
    assert asked(facts, fact, epoch="next").figures is None
    assert asked(facts, epoch="next").fact is None


def test_a_fact_of_another_run_of_the_server_does_not_count_even_if_it_is_still_there(
    facts, redis_server, client
):
    fact, lease = stated(facts), asked(facts).lease
    redis_server.stop()
    redis_server.start()
    assert client.hexists("facts:{u1}", "7")
    assert asked(facts, fact).figures is None
    assert asked(facts).fact is None
    client.hdel("facts:{u1}", "7")
    facts.state(lease, 1, 7, version=5, tier="FREE", expires=LATER)
    assert not client.hexists("facts:{u1}", "7")


def test_a_fact_is_about_one_session_of_one_user_and_of_one_key(facts, client, redis_server):
    written = stated(facts).written
    client.hset("facts:{u1}", "8", written)
    client.hset("facts:{u2}", "7", written)
    assert facts.ask(facts.question(1, 8, None, ()), EPOCH).fact is None
    assert facts.ask(facts.question(2, 7, None, ()), EPOCH).fact is None
    assert asked(Facts(Scripts(redis_server.url), b"another key")).fact is None


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_what_somebody_else_wrote_as_a_fact_is_as_if_there_were_nothing(facts, client, value):
    client.hset("facts:{u1}", mapping={"7": value, "lease": value})
    found = asked(facts)
    assert found.fact is None and found.lease is not None
    assert stated(facts).version == 5


@pytest.mark.parametrize("key", ["facts:{u1}", "marks:{u1}", "limits:{u1}:minute"])
@pytest.mark.parametrize("kind", ["string", "list", "set", "hash", "zset", "stream"])
def test_a_key_of_another_type_is_as_if_there_were_nothing(facts, client, key, kind):
    def spoil():
        client.delete(key)
        {
            "string": lambda: client.set(key, b"\x80\x04."),
            "list": lambda: client.lpush(key, "x"),
            "set": lambda: client.sadd(key, "x"),
            "hash": lambda: client.hset(key, "x", "y"),
            "zset": lambda: client.zadd(key, {"x": 1}),
            "stream": lambda: client.xadd(key, {"x": "y"}),
        }[kind]()

    spoil()
    facts.mark(1, "w")
    facts.settle(1, "w")
    fact = stated(facts)
    assert asked(facts, fact).figures[0] == 0
