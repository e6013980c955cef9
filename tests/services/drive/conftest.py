"""The application with a Google behind it that does wrong whatever it is told to."""

from collections.abc import Iterator
from typing import Any

import pytest

from noteassist.app import NoteAssist
from noteassist.services.drive import sessions
from noteassist.worker.runner import Runner
from tests.conftest import KINDS
from tests.contract import ai
from tests.people import ApiClient
from tests.services.drive import scene
from tests.stand_ins.google import GoogleStandIn


@pytest.fixture(scope="package")
def stand_in() -> Iterator[GoogleStandIn]:
    """Give a Google for all tests."""
    with GoogleStandIn() as started:
        yield started


@pytest.fixture(scope="package", params=KINDS)
def migrated_app(request: Any, stand_in: GoogleStandIn, tmp_path_factory: Any) -> Iterator[NoteAssist]:
    """Give the application with that Google, once for each kind of database."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    options = scene.settings_for(stand_in, google_deadline=1.0)
    with ai.application(tmp_path_factory.mktemp("instance"), url, **options) as app:
        yield app


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let chunks be the smallest that Google takes, so that little bytes are several."""
    monkeypatch.setattr(sessions, "CHUNK", 256 * 1024)


@pytest.fixture
def google(stand_in: GoogleStandIn) -> Iterator[GoogleStandIn]:
    """Give Google with nothing in it and nothing wrong with it."""
    stand_in.forget()
    yield stand_in
    stand_in.clear()


@pytest.fixture
def connected(alice: ApiClient, google: GoogleStandIn) -> ApiClient:
    """Give Alice, who has connected her Drive."""
    scene.connect(alice, google)
    google.calls.clear()
    return alice


@pytest.fixture
def runner(app: NoteAssist) -> Runner:
    """Give a runner without a heart."""
    return Runner(app, app.config["SETTINGS"])
