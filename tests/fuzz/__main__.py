"""`python -m tests.fuzz`: fuzz servers of our own and say what was found; exits 1 when there was anything."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests import servers
from tests.fuzz.campaign import Plan, fuzz

SQLITE = "sqlite"


@contextmanager
def new_postgresql_database() -> Iterator[str]:
    """Give the URL of an empty database, on TEST_DATABASE_URL's server or on a private one."""
    name = f"noteassist_fuzz_{os.getpid()}"
    with servers.postgres_server() as server:
        url = servers.create_database(server.url, name)
        try:
            yield url
        finally:
            servers.drop_database(server.url, name)


def is_clean(options: argparse.Namespace, database_url: str) -> bool:
    """Fuzz on one database; prints what is found."""
    plan = Plan(
        seconds=int(options.minutes * 60),
        database_url=database_url,
        workers=options.workers,
        seed=options.seed,
        only=options.only,
    )
    outcome = fuzz(plan, show=True)
    print(
        f"\n{'PostgreSQL' if database_url.startswith('postgres') else 'SQLite'}: {outcome.summary()}",
        flush=True,
    )
    return outcome.is_clean


def main() -> int:
    """Read the command line and fuzz."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=3, help="at least this long on each database (default: 3)"
    )
    parser.add_argument(
        "--database-url", help="an empty PostgreSQL database, or `sqlite`; one after the other when left out"
    )
    parser.add_argument("--workers", type=int, default=1, help="requests at a time (default: 1)")
    parser.add_argument("--seed", type=int, help="generate the same cases as the run that printed this seed")
    parser.add_argument("--only", default="", metavar="REGEX", help="operations whose path matches")
    options = parser.parse_args()
    if options.database_url:
        return int(not is_clean(options, "" if options.database_url == SQLITE else options.database_url))
    embedded = is_clean(options, "")
    with new_postgresql_database() as url:
        return int(not (is_clean(options, url) and embedded))


if __name__ == "__main__":
    sys.exit(main())
