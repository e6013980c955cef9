"""The databases that the benchmark fills, and finds again by a mark of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from psycopg import sql

from bench.options import DEFAULT_PASSWORD, Shape
from bench.servers import Backing, connect, full_environment, run_command, with_database
from tests.servers import create_database, drop_database

PREFIX = "noteassist_bench_"
SEED = 1


def seeded_database(backing: Backing, shape: Shape, instance: Path, *, reseed: bool) -> str:
    """Give the address of a database with this much in it, filled now unless it already is."""
    name = PREFIX + shape.name
    address = with_database(backing.database_url, name)
    mark = f"seeded {shape.name}, seed {SEED}"
    if not reseed and mark == read_mark(backing.database_url, name):
        return address
    # One of this name without the mark is what an interrupted run has left.
    drop_database(backing.database_url, name)
    create_database(backing.database_url, name)
    environment = full_environment(instance, backing, address)
    run_command(["db", "upgrade"], environment)
    run_command(seed_arguments(shape), environment)
    with connect(address) as connection:
        # The planner must know the data, also where autovacuum is off or has not come by yet.
        connection.execute("VACUUM ANALYZE")
        # Written last: a database whose seeding was interrupted has no mark and is made anew.
        comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
        connection.execute(comment.format(sql.Identifier(name), sql.Literal(mark)))
    return address


@contextmanager
def copied_database(backing: Backing, address: str) -> Iterator[str]:
    """Lend a copy of a seeded database: what a run writes is gone for the next one."""
    seeded = urlsplit(address).path.lstrip("/")
    name = f"{seeded}_run"
    drop_database(backing.database_url, name)
    copy = create_database(backing.database_url, name, template=seeded)
    with connect(backing.database_url) as connection:
        # Not in the middle of a measurement.
        connection.execute("CHECKPOINT")
    try:
        yield copy
    finally:
        drop_database(backing.database_url, name)


def seed_arguments(shape: Shape) -> list[str]:
    """Write the seeding command."""
    amounts = {
        "--users": shape.users,
        "--notes": shape.notes,
        "--chapters": shape.chapters,
        "--topics": shape.topics,
        "--seed": SEED,
    }
    pairs = [text for name, amount in amounts.items() for text in (name, str(amount))]
    return ["seed-demo", *pairs, "--password", DEFAULT_PASSWORD]


def read_mark(database_url: str, name: str) -> str | None:
    """Read what an earlier run has noted on a database, if it is there at all."""
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    with connect(database_url) as connection:
        row = connection.execute(query, (name,)).fetchone()
    return row[0] if row else None
