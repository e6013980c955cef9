"""What an account exports, an empty account can import, and has the same notes then."""

import json
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.people import register
from tests.services.exports.notes import NOTE
from tests.services.imports import samples

from . import expect

FILES = {"md": "everything.zip", "json": "everything.json"}
PARTS = {"explanation": ["content"], "code_snippet": ["language", "code"], "source": ["title", "url"]}


@pytest.fixture
def new_account(app):
    """Register one more account; gives its client."""
    numbers = count(1)
    return lambda: register(app, email=f"person-{next(numbers)}@example.com")


@pytest.fixture
def export(do_tasks):
    """Export everything that an account has; gives the file."""

    def ask(client, form):
        accepted = expect.ok(client.post("/api/notes/export/", json={"format": form}), 202)
        do_tasks()
        task = expect.ok(client.get(accepted["status_url"]))
        assert (task["status"], task["error"]) == ("succeeded", None), task
        answer = client.get(task["result"]["download_url"])
        expect.ok(answer)
        return answer.get_data()

    return ask


def send(client, content, form):
    """Import a file; gives the answer's body."""
    return expect.ok(client.post("/api/notes/import/", **samples.multipart(content, FILES[form])), 201)


def created(client, notes):
    """Make these notes, but for those that the API refuses; gives how many were made."""
    made = 0
    for note in notes:
        body = {name: note[name] for name in ("title", "tags", "status", "chapters")}
        answer = client.post("/api/notes/", json=body)
        assert answer.status_code in {201, 422}, answer.get_data(as_text=True)
        made += answer.status_code == 201
    return made


def all_fields(client):
    """Every field of every note of an account, sorted by what they say."""
    rows = expect.walk(client, "/api/notes/?page_size=100")
    notes = [dict(fields(expect.ok(client.get(f"/api/notes/{row['id']}/")))) for row in rows]
    return sorted(notes, key=json.dumps)


def fields(note) -> Iterator[tuple[str, object]]:
    """The fields of a note but its ids, by their paths."""
    for name in ("title", "status", "created_at", "updated_at", "chapter_count", "topic_count"):
        yield name, note[name]
    yield "tags", sorted(note["tags"])
    for c, chapter in enumerate(note["chapters"], 1):
        yield f"{c}.title", chapter["title"]
        yield f"{c}.order", chapter["order"]
        for t, topic in enumerate(chapter["topics"], 1):
            yield f"{c}.{t}.name", topic["name"]
            yield f"{c}.{t}.order", topic["order"]
            for part, names in PARTS.items():
                yield f"{c}.{t}.{part}", topic[part] and [topic[part][name] for name in names]


@pytest.mark.parametrize("form", FILES)
@settings(
    max_examples=25,
    deadline=None,
    # Every example has accounts of its own in the same application.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(notes=st.lists(NOTE, min_size=1, max_size=4))
def test_everything_exported_is_imported_as_it_was(new_account, export, form, notes):
    owner, newcomer = new_account(), new_account()
    assume(created(owner, notes))
    answer = send(newcomer, export(owner, form), form)
    assert answer["skipped"] == []
    assert all_fields(newcomer) == all_fields(owner)


@pytest.mark.parametrize("form", FILES)
def test_the_export_of_an_empty_account_is_imported_as_no_notes(alice, bob, export, form):
    assert send(bob, export(alice, form), form) == {"created": [], "skipped": []}
