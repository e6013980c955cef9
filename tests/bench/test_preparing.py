"""What is made before anything is measured, on a real PostgreSQL and a real Redis."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from bench import comparison
from bench.ceilings import KINDS, ceiling_sites
from bench.errors import BenchError
from bench.growth import add_user, smaller_email
from bench.machine import machine, processor_model, server_versions
from bench.options import Shape
from bench.people import fetch
from bench.seeding import copied_database
from bench.servers import Backing, claim_redis, full_environment, postgres_root, redis_root, run_command
from noteassist.services.demo.content import study_notes
from tests.servers import connectable, create_database, drop_database, redis_server


@pytest.fixture(scope="module")
def own_redis() -> Iterator[str]:
    """Start a Redis that may be emptied."""
    with redis_server(private=True) as server:
        yield server.url


@pytest.fixture(scope="module")
def backing(own_redis: str) -> Backing:
    """Give both servers."""
    database_url = os.environ["TEST_DATABASE_URL"]
    return Backing(database_url, own_redis, postgres_root(database_url), redis_root(own_redis))


@pytest.fixture
def database(backing: Backing) -> Iterator[str]:
    """Give the address of an empty database."""
    name = f"noteassist_test_bench_{os.getpid()}"
    drop_database(backing.database_url, name)
    yield create_database(backing.database_url, name)
    drop_database(backing.database_url, name)


def run(address: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(connectable(address), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_what_a_run_writes_is_gone_for_the_next_one(backing: Backing, database: str) -> None:
    run(database, "CREATE TABLE things AS SELECT 1 AS id")
    # What a run that was killed has left.
    create_database(backing.database_url, f"{database.rpartition('/')[2]}_run")

    with copied_database(backing, database) as copy:
        assert run(copy, "SELECT id FROM things") == [(1,)]
        run(copy, "INSERT INTO things VALUES (2)")
    with copied_database(backing, database) as copy:
        assert run(copy, "SELECT id FROM things") == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        run(copy, "SELECT 1")


def test_a_smaller_user_has_the_first_notes_of_the_large_one_and_is_made_once(
    backing: Backing, database: str, tmp_path: Path
) -> None:
    shape = Shape(users=1, notes=9, chapters=1, topics=1)
    count = f"SELECT title FROM notes JOIN users u ON u.id = user_id WHERE email = '{smaller_email(4)}' ORDER BY 1"
    titles = sorted(note["title"] for note in study_notes(seed=1, notes=4, chapters=1, topics=1))
    ids = "SELECT id FROM users"
    run_command(["db", "upgrade"], full_environment(tmp_path, backing, database))

    add_user(tmp_path, database, shape, 4)
    assert run(database, count) == [(title,) for title in titles]

    first = run(database, ids)
    add_user(tmp_path, database, shape, 4)
    assert run(database, ids) == first

    run(database, "DELETE FROM notes WHERE id = (SELECT min(id) FROM notes)")
    add_user(tmp_path, database, shape, 4)
    assert run(database, count) == [(title,) for title in titles]


def test_a_redis_with_keys_of_somebody_is_not_emptied(own_redis: str) -> None:
    with redis.Redis.from_url(own_redis) as client:
        client.flushdb()
        client.set("precious", 1)
        with pytest.raises(BenchError, match="keys of somebody else"):
            claim_redis(own_redis)
        assert client.get("precious") == b"1"


def test_what_an_earlier_run_has_left_in_redis_is_removed(own_redis: str) -> None:
    with redis.Redis.from_url(own_redis) as client:
        client.flushdb()
        claim_redis(own_redis)
        client.set("left", 1)
        claim_redis(own_redis)
        assert client.get("left") is None


def test_the_ceilings_answer_with_the_same_bytes(backing: Backing, tmp_path: Path) -> None:
    body = b'{"results": []}' * 99
    environment = full_environment(tmp_path, backing, backing.database_url)
    with redis.Redis.from_url(backing.redis_url) as client:
        before = client.info("commandstats").get("cmdstat_get", {}).get("calls", 0)
        with ceiling_sites(backing, environment, tmp_path, body) as sites:
            # Ready is what has answered once; asked now is each once more.
            assert {
                name: fetch(site.port, "/api/notes/", "any") for name, site in sites.items()
            } == dict.fromkeys(KINDS, body)
            assert client.info("commandstats")["cmdstat_get"]["calls"] - before == 4


def test_versions_are_told_and_neither_paths_nor_names(backing: Backing) -> None:
    told = str(machine() | server_versions(backing))

    assert server_versions(backing).keys() == {"postgres", "redis"}
    assert "granian" in told
    assert "/" not in told.replace(processor_model(Path("/proc/cpuinfo")), "")
    assert os.uname().nodename not in told


SAYS_HOW_IT_RUNS = """\
#!/bin/sh
echo "cache=$FRONT_CACHE_MB limits=$RATELIMIT_ENABLED minute=$LIMIT_PER_MINUTE"
exit 1
"""


@pytest.mark.parametrize(
    ("setup", "limits", "told"),
    [
        ("warm", True, "cache= limits=1 minute=999999999"),
        ("warm", False, "cache= limits=0 minute="),
        ("uncached", True, "cache=0 limits=1 minute=999999999"),
    ],
)
def test_our_server_runs_as_a_case_needs_it(
    backing: Backing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setup: str, limits: bool, told: str
) -> None:
    command = tmp_path / "command"
    command.write_text(SAYS_HOW_IT_RUNS)
    command.chmod(0o700)
    monkeypatch.setattr("bench.servers.COMMAND", command)
    environment = full_environment(tmp_path, backing, "postgresql://h/d")
    bench = comparison.Bench(backing, None, None, tmp_path, environment)  # type: ignore[arg-type]  # not asked for

    with pytest.raises(BenchError, match=f"{told}\n"), comparison.our_site(bench, setup, limits=limits):
        pytest.fail("It runs.")
