"""Workers over a Redis that may be mistreated."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from sqlalchemy import delete

from noteassist import db
from noteassist.app import NoteAssist
from noteassist.models import Task, User
from noteassist.services.accounts import promote
from noteassist.worker.crew import Crew
from tests import servers
from tests.contract import ai
from tests.contract.browser import Browser
from tests.people import ApiClient, register


@pytest.fixture(scope="package")
def redis_server() -> Iterator[servers.RedisServer]:
    """Give a Redis that may be stopped, frozen, and filled with anything."""
    with servers.redis_server(private=True) as server:
        assert isinstance(server, servers.RedisServer)
        yield server


@pytest.fixture(scope="package")
def queued_app(
    postgresql_url: str, redis_server: servers.RedisServer, tmp_path_factory: Any
) -> Iterator[NoteAssist]:
    """Give an application whose bells are in that Redis."""
    folder = tmp_path_factory.mktemp("instance")
    with ai.application(folder, postgresql_url, redis_url=redis_server.url, worker_threads=3) as app:
        yield app


@pytest.fixture
def queue(redis_server: servers.RedisServer) -> Iterator[redis.Redis]:
    """Give a client of the empty Redis."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="module")
def crews(queued_app: NoteAssist) -> Iterator[list[Crew]]:
    """Give the crews that work; they end with the module, before tests of others that want tasks to wait."""
    crews: list[Crew] = []
    yield crews
    for crew in crews:
        crew.drain(0)
    for thread in [thread for crew in crews for thread in crew.threads]:
        thread.join(15)


@pytest.fixture
def working(queued_app: NoteAssist, crews: list[Crew], queue: redis.Redis) -> Crew:
    """Let a crew of RQ workers work, another one where a test before has hurt it."""
    if not crews or not all(thread.is_alive() for thread in crews[-1].threads):
        for crew in crews:
            crew.drain(0)
        crews.append(Crew(queued_app, queued_app.config["SETTINGS"]))
        crews[-1].start()
    return crews[-1]


@pytest.fixture
def admin(queued_app: NoteAssist) -> ApiClient:
    """Give the account of an administrator, in a database without another."""
    with queued_app.app_context(), db.transaction():
        db.execute(delete(Task))
        db.execute(delete(User))
    client = register(queued_app, email="root@example.com")
    with queued_app.app_context():
        promote("root@example.com")
    return client


@pytest.fixture
def console(queued_app: NoteAssist, admin: ApiClient) -> Browser:
    """Give an administrator's browser at the console."""
    browser = Browser(queued_app)
    assert browser.sign_in("root@example.com").status_code == 303
    return browser
