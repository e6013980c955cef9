"""A quick fuzz of the live server on each database; `python -m tests.fuzz` is the long one."""

import os
from collections.abc import Iterator

import pytest

from tests import servers
from tests.conftest import KINDS
from tests.fuzz.campaign import Plan, fuzz
from tests.fuzz.refusals import is_foreseen

SECONDS = 25


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of an empty database of each kind; an empty one means SQLite in the server's folder."""
    if request.param == "sqlite":
        yield ""
        return
    server, name = os.environ["TEST_DATABASE_URL"], f"noteassist_fuzz_{os.getpid()}"
    yield servers.create_database(server, name)
    servers.drop_database(server, name)


def test_the_live_server_keeps_to_its_document(database_url):
    outcome = fuzz(Plan(seconds=SECONDS, database_url=database_url))
    assert outcome.is_clean, f"{outcome.output}\n{outcome.summary()}"


@pytest.mark.parametrize(
    ("url", "foreseen"),
    [("ftp://example.org/", True), ("https:///path", True), ("https://example.org/book", False)],
)
def test_a_refusal_is_foreseen_only_where_the_value_deserves_it(url, foreseen):
    problem = {"errors": {"json": {"topics": {"0": {"source": {"url": ["Not an http or https address."]}}}}}}
    sent = {"json": {"topics": [{"source": {"url": url}}]}}
    assert is_foreseen(problem, sent) is foreseen


def test_a_refusal_nobody_listed_is_not_foreseen():
    assert not is_foreseen({"errors": {"json": {"title": ["No."]}}}, {"json": {"title": "A note"}})
    assert not is_foreseen({"detail": "No."}, {})
