"""Uploads that go well, in every format."""

import pytest

from noteassist.services.drive import documents
from noteassist.services.drive.documents import NOTE_FORMATS
from noteassist.services.tasks.lifecycle import Claimed
from tests.services.drive import scene


@pytest.fixture
def note(connected, note_tree):
    """Give a note of Alice's."""
    return connected.post("/api/notes/", json=note_tree(2, 2, "Cell biology")).json


@pytest.mark.parametrize("form", NOTE_FORMATS)
def test_what_arrives_is_what_an_export_gives(app, connected, google, note, form):
    ended = scene.work_until_ended(app, scene.upload_note(connected, note["id"], form))
    assert ended.status == "succeeded", (ended.error_code, ended.error_detail)
    exported = connected.get(f"/api/notes/{note['id']}/export/?format={form}")
    [file] = google.google.files.values()
    assert file.content == exported.data
    assert exported.mimetype == file.media_type
    assert file.name.endswith(f".{form}")


@pytest.mark.parametrize("form", NOTE_FORMATS)
def test_another_attempt_makes_the_same_bytes(context, alice, note_tree, move_clock, form):
    note = alice.post("/api/notes/", json=note_tree(2, 2)).json
    args = {"source": "note", "source_id": note["id"], "format": form}
    task = Claimed("", alice.user["id"], "drive_upload", args, 1, 0, None)
    first = documents.make(task)
    move_clock(3)
    assert documents.make(task) == first
