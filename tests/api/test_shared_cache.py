"""What is remembered for all: JSON in Redis or in the process, and a Redis that is away costs no answer."""

import pickle
from dataclasses import replace

import pytest
import redis

from noteassist.api.shared_cache import remembered
from noteassist.app import create_app
from tests import servers
from tests.conftest import make_settings


@pytest.fixture(scope="module")
def redis_server():
    """A Redis that may be stopped."""
    with servers.redis_server(private=True) as server:
        yield server


@pytest.fixture(params=["redis", "process"])
def cached_app(request, redis_server, tmp_path):
    """An application with each kind of cache; nothing here needs a database."""
    url = redis_server.url if request.param == "redis" else ""
    app = create_app(make_settings(tmp_path, "", redis_url=url))
    with app.app_context():
        yield app
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()


@pytest.fixture
def count(cached_app):
    """Ask for a number that grows with each time it is really counted."""
    counted = []

    def count(name="a number", app=cached_app, worth=True):
        def make():
            counted.append(1)
            return {"number": len(counted)}

        return remembered(app, name, make, lambda _: worth)["number"]

    return count


def test_what_was_made_is_given_again_for_a_minute(count):
    assert [count(), count()] == [1, 1]


def test_each_name_has_its_own(count):
    assert [count(), count("another"), count()] == [1, 2, 1]


def test_what_is_not_worth_it_is_made_anew(count):
    assert [count(worth=False), count(worth=False)] == [1, 2]


def test_a_reader_who_changes_it_changes_nothing(cached_app):
    remembered(cached_app, "x", lambda: {"list": [1]}, lambda _: True)["list"].append(2)
    found = remembered(cached_app, "x", dict, lambda _: True)
    found["list"].append(3)
    assert remembered(cached_app, "x", dict, lambda _: True) == {"list": [1]}


def test_redis_holds_json_for_a_minute_at_most(redis_server, tmp_path):
    app = create_app(make_settings(tmp_path, "", redis_url=redis_server.url))
    with app.app_context(), redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        remembered(app, "x", lambda: {"a": 1}, lambda _: True)
        [key] = client.keys()
        assert client.get(key) == b'{"a":1}'
        assert 0 < client.ttl(key) <= 60


def test_a_pickle_in_redis_is_not_read(redis_server, tmp_path):
    app = create_app(make_settings(tmp_path, "", redis_url=redis_server.url))
    with app.app_context(), redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        remembered(app, "x", lambda: {"a": 1}, lambda _: True)
        [key] = client.keys()
        client.set(key, b"!" + pickle.dumps({"a": 2}))
        assert remembered(app, "x", lambda: {"a": 3}, lambda _: True) == {"a": 3}


def test_two_instances_share_a_redis_and_nothing_else(redis_server, tmp_path):
    settings = make_settings(tmp_path, "", redis_url=redis_server.url)
    apps = [create_app(settings), create_app(replace(settings, secret_key="x" * 40))]
    for number, app in enumerate(apps):
        with app.app_context():
            assert remembered(app, "x", lambda n=number: {"a": n}, lambda _: True) == {"a": number}


def test_while_redis_is_away_everything_is_made_anew(redis_server, tmp_path):
    app = create_app(make_settings(tmp_path, "", redis_url=redis_server.url))
    redis_server.stop()
    try:
        with app.app_context():
            assert remembered(app, "x", lambda: {"a": 1}, lambda _: True) == {"a": 1}
            assert remembered(app, "x", lambda: {"a": 2}, lambda _: True) == {"a": 2}
    finally:
        redis_server.start()
