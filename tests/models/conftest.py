"""What tests of the schema start from."""

import os

import pytest

from noteassist.app import create_app
from tests import servers
from tests.conftest import KINDS, let_go, make_settings


@pytest.fixture(params=KINDS)
def own_app(request, tmp_path):
    """Give an application on a database of its own that has no schema yet."""
    name, server = f"noteassist_own_{os.getpid()}", os.environ["TEST_DATABASE_URL"]
    url = ""
    if request.param == "postgresql":
        servers.drop_database(server, name)
        url = servers.create_database(server, name).replace("postgresql:", "postgresql+psycopg:", 1)
    app = create_app(make_settings(tmp_path, url))
    with app.app_context():
        yield app
        let_go()
    if url:
        servers.drop_database(server, name)
