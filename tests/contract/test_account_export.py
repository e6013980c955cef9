"""Everything that the server has of somebody, as one ZIP file."""

import io
import json
import tracemalloc
import zipfile

import pytest
from sqlalchemy import insert

from noteassist import db
from noteassist.models import AiOutput
from noteassist.security.rotation import ENCRYPTED
from noteassist.services import account_export

from . import ai, expect
from .test_api_keys import make
from .test_two_factor import Device

EXPORT = "/api/auth/me/export/"


def download(client):
    """The archive, opened."""
    answer = client.get(EXPORT)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    archive = zipfile.ZipFile(io.BytesIO(answer.get_data()))
    assert archive.testzip() is None
    return archive


def read(archive, name):
    """A JSON file of the archive."""
    return json.loads(archive.read(name))


def test_it_is_one_zip_file_to_save(alice):
    answer = alice.get(EXPORT)
    assert answer.mimetype == "application/zip"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="noteassist-account-')
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert zipfile.ZipFile(io.BytesIO(answer.get_data())).testzip() is None


def test_notes_are_there_as_json_that_can_be_imported_and_as_markdown(alice, bob, note, path):
    archive = download(alice)
    exported = read(archive, "notes.json")
    assert [one["title"] for one in exported["notes"]] == [note["title"]]
    assert "# Cell biology" in archive.read("notes/Cell-biology.md").decode()
    files = {"file": (io.BytesIO(archive.read("notes.json")), "notes.json")}
    created = expect.ok(bob.post("/api/notes/import/", data=files), 201)["created"]
    copied = expect.ok(bob.get(f"/api/notes/{created[0]}/"))
    assert expect.outline(copied) == expect.outline(note)


def test_the_trash_and_every_revision_are_there(alice, note, path):
    for number in range(25):
        expect.ok(alice.patch(path, json={"title": f"Title {number}"}))
    alice.delete(path)
    live = expect.ok(alice.post("/api/notes/", json={"title": "Another"}), 201)
    archive = download(alice)
    assert [one["id"] for one in read(archive, "trash.json")["notes"]] == [note["id"]]
    assert "trash/Title-24.md" in archive.namelist()
    revisions = read(archive, "revisions.json")
    said = [one["note"]["title"] for one in revisions if one["note_id"] == note["id"]]
    assert said == [f"Title {number}" for number in reversed(range(25))] + ["Cell biology"]
    topics = [one["note"]["chapters"][0]["topics"] for one in revisions if one["note_id"] == note["id"]]
    assert {topic[0]["explanation"]["content"] for topic in topics} == {
        note["chapters"][0]["topics"][0]["explanation"]["content"]
    }
    assert [one["number"] for one in revisions if one["note_id"] == live["id"]] == [1]


def test_revisions_say_what_the_api_says_of_them(alice, note, path, patched):
    patched(path, title="Later")
    revisions = read(download(alice), "revisions.json")
    for one in revisions:
        shown = expect.ok(alice.get(f"{path}revisions/{one['number']}/"))
        assert (one["origin"], one["created_at"]) == (shown["origin"], shown["created_at"])
        assert one["note"]["chapters"] == shown["note"]["chapters"]


def test_everything_else_is_there_and_no_secret(alice, note):
    made = make(alice, "read")
    device = Device(alice)
    archive = download(alice)
    (account,) = read(archive, "account.json")
    assert account["email"] == alice.email
    assert [key["prefix"] for key in read(archive, "data/api_keys.json")] == [made["prefix"]]
    assert len(read(archive, "data/sessions.json")) == 1
    assert read(archive, "data/profiles.json")[0]["timezone"] == "UTC"
    assert read(archive, "data/two_factor.json")[0]["confirmed_at"]
    everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
    for secret in (made["key"], device.secret, *device.codes, alice.access, alice.refresh, "$argon2"):
        assert secret not in everything


def test_each_table_of_users_is_there_or_left_out_for_a_reason(alice):
    names = {table.name for table in account_export.own_tables()}
    assert set(account_export.LEFT_OUT) <= names
    written = {f"data/{name}.json" for name in names - set(account_export.LEFT_OUT)}
    assert written <= set(download(alice).namelist())


def test_no_encrypted_column_is_written():
    written = {
        (table.name, column.name)
        for table in account_export.own_tables()
        if table.name not in account_export.LEFT_OUT
        for column in account_export._shown(table)
    }
    assert not {(column.class_.__table__.name, column.key) for _, column in ENCRYPTED} & written
    assert not {pair for pair in written if "password" in pair[1] or "hash" in pair[1]}


def test_nobody_elses_data_is_in_it(alice, bob, note):
    bob.post("/api/notes/", json={"title": "A secret of Bob's"})
    archive = download(alice)
    everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert "Bob" not in everything and bob.email not in everything


def fill(app, user_id, count, size):
    """Give somebody many long outputs."""
    values = {
        "user_id": user_id,
        "tool": "summarize",
        "title": "Cells",
        "language": "en",
        "provider": "offline",
        "model": "none",
        "created_at": db.utcnow(),
    }
    with app.app_context(), db.transaction():
        for number in range(count):
            own = {
                "task_id": f"00000000-0000-0000-0000-{number:012}",
                "content": f"{number:06} " * (size // 7),
            }
            db.execute(insert(AiOutput).values(**values, **own))


def test_memory_does_not_grow_with_the_account(app, alice):
    fill(app, alice.user["id"], 200, 200_000)
    tracemalloc.start()
    try:
        answer = alice.get(EXPORT, buffered=False)
        size = sum(len(piece) for piece in answer.response)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        answer.close()
    assert size > 50_000
    # Of 40 MB of outputs 4 MB are read at a time; drivers and rows each hold their own.
    assert peak < 16_000_000


@pytest.mark.parametrize("count", [19, 20, 21, 40])
def test_no_row_is_missing_at_the_border_of_a_batch(app, alice, count):
    fill(app, alice.user["id"], count, 7)
    archive = download(alice)
    assert len({row["id"] for row in read(archive, "data/ai_outputs.json")}) == count
    assert len([name for name in archive.namelist() if name.startswith("ai-outputs/")]) == count


def test_without_a_sign_in_or_with_a_key_there_is_none(alice, anonymous):
    expect.unauthorized(anonymous.get(EXPORT))
    answer = anonymous.get(EXPORT, headers={"X-API-Key": make(alice, "read")["key"]})
    expect.problem(answer, 403, code="insufficient_scope")


def test_outputs_are_there_as_markdown(app, alice, do_tasks):
    alice.post(ai.BASE + "generate/", json={"topic": "The water cycle"})
    do_tasks()
    archive = download(alice)
    (output,) = read(archive, "data/ai_outputs.json")
    (name,) = [name for name in archive.namelist() if name.startswith("ai-outputs/")]
    assert archive.read(name).decode().strip() == output["content"].strip()
