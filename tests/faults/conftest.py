"""Databases of their own for servers that are mistreated."""

import itertools
import os
from collections.abc import Iterator

import pytest

from tests import servers
from tests.faults.pairs import Pair

numbers = itertools.count(1)


@pytest.fixture
def postgresql_database() -> Iterator[str]:
    """Give the URL of a new, empty PostgreSQL database."""
    name = f"noteassist_faults_{os.getpid()}_{next(numbers)}"
    server = os.environ["TEST_DATABASE_URL"]
    yield servers.create_database(server, name)
    servers.drop_database(server, name)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Give two servers on one database and one Redis, each with its own way there."""
    with Pair(tmp_path_factory.mktemp("pair")) as pair:
        yield pair
