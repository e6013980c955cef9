"""Exports: the file of one note at once, and of many as a task whose file can be downloaded for a day."""

import hashlib
import io
import json
import re
import unicodedata
import zipfile
from base64 import b64encode

import pytest

from . import ai, expect
from .test_ai_downloads import file_names

PATH = "/api/notes/export/"
FORMATS = {
    "pdf": ("application/pdf", ".pdf", b"%PDF-"),
    "md": ("text/markdown", ".md", b"---\n"),
    "html": ("text/html", ".html", b"<!doctype html>"),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx", b"PK\3\4"),
    "json": ("application/json", ".json", b"{"),
    "apkg": ("application/octet-stream", ".apkg", b"PK\3\4"),
}
NAMES = {
    "a path": "../../etc/passwd",
    "a path of Windows": "C:\\windows\\..\\cells",
    "lines": "Cells\r\nSet-Cookie: evil=1\r\n\r\nbody",
    "quotes": 'cells"; filename="evil.exe',
    "right to left": "cells\u202efdp.exe\u2066\u200f",
    "a device": "CON",
    "a device with an ending": "lpt1.txt",
    "300 characters": "生" * 255,
    "emoji": "🙂👩‍👩‍👧 cells",
    "percent": "100%41 %0d%0aX: y %2e%2e%2f",
    "only signs": '"/\\:*?<>|',
    "dots": "....",
}


@pytest.fixture
def export(alice, do_tasks):
    """Have notes of Alice's exported; gives the result of the task."""

    def ask(form="json", **body):
        task = expect.ok(alice.post(PATH, json={"format": form, **body}), 202)
        do_tasks()
        return finished(alice, task)["result"]

    return ask


def finished(client, accepted):
    """A task that must have succeeded."""
    task = expect.ok(client.get(accepted["status_url"]))
    assert (task["status"], task["error"]) == ("succeeded", None), task
    return task


def test_five_exports_of_a_user_may_be_under_way(alice, bob, note, do_tasks):
    for _ in range(5):
        expect.ok(alice.post(PATH, json={"format": "json"}), 202)
    expect.problem(alice.post(PATH, json={"format": "json"}), 409, code="too_many_exports")
    expect.ok(bob.post(PATH, json={"format": "json"}), 202)
    do_tasks()
    expect.ok(alice.post(PATH, json={"format": "json"}), 202)


def titles(content):
    """The titles of the notes in a JSON export."""
    return [note["title"] for note in json.loads(content)["notes"]]


@pytest.mark.parametrize("form", FORMATS)
def test_a_note_is_exported_in_each_format(alice, path, form):
    answer = alice.get(f"{path}export/?format={form}")
    expect.ok(answer)
    media_type, ending, start = FORMATS[form]
    assert answer.mimetype == media_type and answer.get_data().startswith(start)
    assert all(name == f"Cell-biology{ending}" for name in file_names(answer))


@pytest.mark.parametrize("form", FORMATS)
def test_everything_is_exported_in_each_format(alice, note, make_note, export, form):
    make_note("Another")
    done = export(form)
    answer = alice.get(done["download_url"])
    expect.ok(answer)
    assert len(answer.get_data()) == done["size"] == int(answer.headers["Content-Length"])
    if form in {"md", "html", "pdf", "docx"}:
        names = zipfile.ZipFile(io.BytesIO(answer.get_data())).namelist()
        assert names == [f"Cell-biology.{form}", f"Another.{form}"] and answer.mimetype == "application/zip"
    else:
        _, ending, start = FORMATS[form]
        assert answer.get_data().startswith(start) and done["name"].endswith(ending)


def test_the_file_names_what_it_is_and_nobody_keeps_it(alice, path):
    answer = alice.get(f"{path}export/?format=html")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert expect.directives(answer.headers["Cache-Control"]) == {"private", "no-store"}
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_download_says_how_it_is_and_nobody_keeps_it(alice, note, export):
    answer = alice.get(export("md")["download_url"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert expect.directives(answer.headers["Cache-Control"]) == {"private", "no-store"}
    digest = b64encode(hashlib.sha256(answer.get_data()).digest()).decode()
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert all(re.fullmatch(r"noteassist-\d{4}-\d\d-\d\d\.zip", name) for name in file_names(answer))


def test_a_head_tells_of_a_download_without_it(alice, note, export):
    done = export("md")
    answer = alice.head(done["download_url"])
    assert (answer.status_code, answer.get_data()) == (200, b"")
    assert answer.headers["Content-Length"] == str(done["size"])


@pytest.mark.parametrize("form", ["", "PDF", "exe", "md&format=pdf", "a%00b", "../md"])
def test_an_unknown_format_is_refused(alice, path, form):
    expect.invalid(alice.get(f"{path}export/?format={form}"), "format", where="query")


def test_a_format_has_to_be_named(alice, path):
    expect.invalid(alice.get(f"{path}export/"), "format", where="query")
    expect.invalid(alice.post(PATH, json={}), "format")


@pytest.mark.parametrize(
    "body, field",
    [
        ({"format": "exe"}, "format"),
        ({"format": "md", "ids": []}, "ids"),
        ({"format": "md", "ids": None}, "ids"),
        ({"format": "md", "ids": "1"}, "ids"),
        ({"format": "md", "ids": [0]}, "ids"),
        ({"format": "md", "ids": ["1"]}, "ids"),
        ({"format": "md", "ids": [2**63]}, "ids"),
        ({"format": "md", "ids": list(range(1, 10_002))}, "ids"),
        ({"format": "md", "all": True}, "all"),
    ],
)
def test_a_body_that_says_something_else_is_refused(alice, body, field):
    expect.invalid(alice.post(PATH, json=body), field)
    assert expect.walk(alice, "/api/tasks/") == []


def test_a_strangers_note_is_not_there(bob, alice, path):
    never = f"/api/notes/{expect.NEVER_WAS}/export/?format=md"
    foreign, missing = bob.get(f"{path}export/?format=md"), bob.get(never)
    expect.problem(foreign, 404)
    assert expect.anonymised(foreign) == expect.anonymised(missing)


def test_a_trashed_note_is_not_there(alice, note, path):
    alice.delete(path)
    expect.problem(alice.get(f"{path}export/?format=md"), 404)
    expect.invalid(alice.post(PATH, json={"format": "md", "ids": [note["id"]]}), "ids")


def test_nobody_exports_without_signing_in(anonymous, note):
    for answer in (
        anonymous.get(f"/api/notes/{note['id']}/export/?format=md"),
        anonymous.post(PATH, json={"format": "md"}),
        anonymous.get("/api/notes/exports/1/"),
    ):
        expect.unauthorized(answer)


def test_a_choice_with_a_strangers_note_is_refused_and_says_which(alice, bob, note):
    foreign = bob.post("/api/notes/", json={"title": "Bob's"}).json
    answer = alice.post(PATH, json={"format": "md", "ids": [note["id"], foreign["id"], expect.NEVER_WAS]})
    assert set(expect.invalid(answer, "ids")["errors"]["json"]["ids"]) == {"1", "2"}
    assert expect.walk(alice, "/api/tasks/") == []


def test_everything_is_all_of_mine_without_the_trash_and_the_oldest_first(alice, bob, make_note, export):
    bob.post("/api/notes/", json={"title": "Bob's"})
    notes = [make_note(title) for title in ("One", "Two", "Three")]
    alice.delete(f"/api/notes/{notes[1]['id']}/")
    assert titles(alice.get(export()["download_url"]).get_data()) == ["One", "Three"]


def test_a_choice_is_in_the_order_it_was_made_each_note_once(alice, make_note, export):
    notes = [make_note(title)["id"] for title in ("One", "Two", "Three")]
    done = export(ids=[notes[2], notes[0], notes[2]])
    assert titles(alice.get(done["download_url"]).get_data()) == ["Three", "One"]


def test_more_notes_than_are_looked_up_at_once_are_all_there(alice, make_note, export):
    names = [f"Note {number}" for number in range(205)]
    for name in names:
        make_note(name)
    assert titles(alice.get(export()["download_url"]).get_data()) == names


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_account_is_exported_too(alice, export, form):
    answer = alice.get(export(form)["download_url"])
    assert (answer.status_code, len(answer.get_data())) == (200, int(answer.headers["Content-Length"]))


def test_a_note_that_goes_before_its_turn_ends_the_export(alice, note, make_note, do_tasks):
    other = make_note("Other")
    task = expect.ok(alice.post(PATH, json={"format": "md", "ids": [note["id"], other["id"]]}), 202)
    alice.delete(f"/api/notes/{other['id']}/")
    do_tasks()
    task = alice.get(task["status_url"]).json
    assert (task["status"], task["error"]["code"], task["result"]) == ("failed", "note_gone", None)


def test_an_export_tells_how_far_it_is_and_its_owner_when_it_is_ready(alice, note, do_tasks):
    accepted = alice.post(PATH, json={"format": "md"})
    assert accepted.headers["Location"] == accepted.json["status_url"]
    do_tasks()
    task = finished(alice, accepted.json)
    assert (task["kind"], task["progress"]) == ("export", 100)
    assert set(task["result"]) == {"download_url", "expires_at", "name", "size"}
    events = alice.get(accepted.json["events_url"]).get_data(as_text=True)
    assert "1 of 1 notes are done." in events
    (told,) = expect.walk(alice, "/api/notifications/")
    assert (told["type"], told["title"]) == ("success", "Your export is ready")
    assert told["action_id"] == task["task_id"]


def test_who_waits_gets_where_the_file_is(alice, note, crew):
    answer = alice.post(PATH, json={"format": "md"}, headers=ai.wait(20))
    done = expect.ok(answer, 201)
    assert (answer.headers["Location"], answer.headers["Preference-Applied"]) == (
        done["download_url"],
        "wait=20",
    )
    expect.ok(alice.get(done["download_url"]))


def test_a_repeated_request_makes_one_export(alice, note, do_tasks):
    headers = {"Idempotency-Key": "once"}
    first, second = (alice.post(PATH, json={"format": "md"}, headers=headers) for _ in range(2))
    assert (second.get_data(), second.headers["Idempotent-Replayed"]) == (first.get_data(), "true")
    assert len(expect.walk(alice, "/api/tasks/")) == 1


def test_each_export_is_of_the_notes_as_they_are_then(alice, note, path, export):
    before = export()
    alice.patch(path, json={"title": "New"})
    after = export()
    assert titles(alice.get(before["download_url"]).get_data()) == ["Cell biology"]
    assert titles(alice.get(after["download_url"]).get_data()) == ["New"]


def test_an_export_is_there_for_24_hours(alice, note, export, move_clock):
    done = export()
    move_clock(86_400 - 60)
    alice = alice.signed_in(alice.app, alice.email, alice.password)
    expect.ok(alice.get(done["download_url"]))
    move_clock(120)
    gone, never = alice.get(done["download_url"]), alice.get(f"/api/notes/exports/{expect.NEVER_WAS}/")
    expect.problem(gone, 404)
    assert expect.anonymised(gone) == expect.anonymised(never)


def test_a_strangers_export_is_not_there(alice, bob, note, export):
    done = export()
    foreign, never = bob.get(done["download_url"]), bob.get(f"/api/notes/exports/{expect.NEVER_WAS}/")
    expect.problem(foreign, 404)
    assert expect.anonymised(foreign) == expect.anonymised(never)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("title", NAMES.values(), ids=NAMES.keys())
def test_the_name_of_a_file_is_safe_whatever_the_title(alice, make_note, form, title):
    answer = alice.get(f"/api/notes/{make_note(title)['id']}/export/?format={form}")
    expect.ok(answer)
    assert "Set-Cookie" not in answer.headers and "X" not in answer.headers
    for name in file_names(answer):
        is_safe_name(name, FORMATS[form][1])


def is_safe_name(name, ending):
    """Hold that a name can be given to a file everywhere, and says what is in it."""
    assert not set(name) & set('/\\:*?"<>|'), name
    assert not name.startswith((".", "-", " ", "~")) and name.endswith(ending)
    assert len(name.encode()) <= 255
    assert {unicodedata.category(letter) for letter in name}.isdisjoint({"Cc", "Cf", "Zl", "Zp"}), name
    assert not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)", name)


def test_names_within_a_zip_are_safe_and_none_is_there_twice(alice, make_note, export):
    for title in [*NAMES.values(), *NAMES.values(), "cells", "CELLS"]:
        make_note(title)
    content = alice.get(export("md")["download_url"]).get_data()
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert len({name.casefold() for name in names}) == len(names) == 2 * len(NAMES) + 2
    for name in names:
        is_safe_name(name, ".md")


def test_a_title_in_another_script_is_in_the_name(alice, make_note):
    answer = alice.get(f"/api/notes/{make_note('Zellen für Zoë 生物学')['id']}/export/?format=md")
    assert "Zellen-für-Zoë-生物学.md" in file_names(answer)
