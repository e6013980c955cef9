"""Things that the contract tests start from."""

import pytest

from .warm import House, in_groups


@pytest.fixture
def note(alice, note_tree):
    """A note of Alice's with two chapters of two topics each, as its creation answered it."""
    return alice.post("/api/notes/", json=note_tree(chapters=2, topics=2, title="Cell biology")).json


@pytest.fixture
def path(note):
    """Where Alice's note lives."""
    return f"/api/notes/{note['id']}/"


@pytest.fixture
def chapter(note):
    """The first chapter of Alice's note."""
    return note["chapters"][0]


@pytest.fixture
def topic(chapter):
    """The first topic of Alice's note."""
    return chapter["topics"][0]


@pytest.fixture
def make_note(alice):
    """Make a note of Alice's with these fields; answers the detail."""

    def make(title="A note", **fields):
        response = alice.post("/api/notes/", json={"title": title, **fields})
        assert response.status_code == 201, response.get_data(as_text=True)
        return response.json

    return make


@pytest.fixture
def patched(alice):
    """Send a PATCH as Alice that must succeed; answers the thing as it then stands."""

    def patch(path, **changes):
        response = alice.patch(path, json=changes)
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.json

    return patch


@pytest.fixture(scope="session", params=in_groups("full", "embedded"))
def house(request, tmp_path_factory):
    """A running server beside its twin that keeps no answers ready."""
    with House(request.param, tmp_path_factory.mktemp(request.param)) as house:
        yield house
