"""The application with a model behind it that does wrong whatever it is told to."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from noteassist.app import NoteAssist
from tests.conftest import KINDS
from tests.contract import ai
from tests.services.tasks.scene import until
from tests.stand_ins.groq import GroqStandIn

DEADLINE = 1.0
AT_WORK = ("slot-", "lookout")


@pytest.fixture(scope="package")
def stand_in() -> Iterator[GroqStandIn]:
    """Give a provider for all tests."""
    with GroqStandIn() as started:
        yield started


@pytest.fixture(scope="package", params=KINDS)
def migrated_app(request: Any, stand_in: GroqStandIn, tmp_path_factory: Any) -> Iterator[NoteAssist]:
    """Give the application with that provider, once for each kind of database."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    options = {**ai.with_groq(stand_in), "ai_deadline": DEADLINE}
    with ai.application(tmp_path_factory.mktemp("instance"), url, **options) as app:
        yield app
        # A crew's threads end by themselves, and hold connections until then.
        until(lambda: not [one for one in threading.enumerate() if one.name.startswith(AT_WORK)])


@pytest.fixture
def groq(stand_in: GroqStandIn) -> Iterator[GroqStandIn]:
    """Give the provider as it is at first."""
    stand_in.clear()
    yield stand_in
    stand_in.always(None)
    stand_in.answer(None)
    stand_in.delay = stand_in.token_delay = 0
