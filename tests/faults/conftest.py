"""Databases of their own for servers that are mistreated."""

import itertools
import os
from collections.abc import Iterator

import pytest

from tests import servers

numbers = itertools.count(1)


@pytest.fixture
def postgresql_database() -> Iterator[str]:
    """Give the URL of a new, empty PostgreSQL database."""
    name = f"noteassist_faults_{os.getpid()}_{next(numbers)}"
    server = os.environ["TEST_DATABASE_URL"]
    yield servers.create_database(server, name)
    servers.drop_database(server, name)
