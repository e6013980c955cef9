"""An application whose Google is the stand-in."""

import re

import pytest

from tests.conftest import KINDS
from tests.contract import ai
from tests.services.drive import scene
from tests.stand_ins.google import GoogleStandIn

# As Google's codes and tokens begin, with more behind it than chance would put into a digest.
SECRET = re.compile(r"(ya29\.|1//|\b4/)[\w-]{20}")


@pytest.fixture(scope="module")
def stand_in():
    """Give a Google for all tests."""
    with GoogleStandIn() as started:
        yield started


@pytest.fixture(scope="module", params=KINDS)
def migrated_app(request, stand_in, tmp_path_factory):
    """Give the application with that Google, once for each kind of database."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    options = scene.settings_for(stand_in, google_deadline=4.0, public_url="https://notes.example.org")
    with ai.application(tmp_path_factory.mktemp("instance"), url, **options) as app:
        yield app


@pytest.fixture
def google(stand_in):
    """Give Google with nothing in it and nothing wrong with it."""
    stand_in.forget()
    yield stand_in
    stand_in.clear()
