"""Imports: files that people have become notes."""

import io

import pytest
from sqlalchemy import select

from noteassist import db
from noteassist.models import NoteRevision
from tests.services.imports import samples

from . import expect

PATH = "/api/notes/import/"
MIB = 1024 * 1024


def send(client, content, name="notes.md", *, query="", **options):
    """Send a file as a browser does."""
    return client.post(PATH + query, **samples.multipart(content, name), **options)


def imported(client, content, name="notes.md"):
    """The notes that a file becomes."""
    body = expect.ok(send(client, content, name), 201)
    return [expect.ok(client.get(f"/api/notes/{note_id}/")) for note_id in body["created"]]


def titles(client):
    """The titles of all notes."""
    return {note["title"] for note in expect.walk(client, "/api/notes/")}


def test_a_markdown_file_becomes_a_note(alice):
    [note] = imported(alice, b"# Cells\n\n## Parts\n\n### Nucleus\n\nDNA.\n\n### Ribosome\n", "cells.md")
    assert note["title"] == "Cells"
    assert note["status"] == "draft"
    assert expect.outline(note) == [("Parts", ["Nucleus", "Ribosome"])]
    assert note["chapters"][0]["topics"][0]["explanation"]["content"] == "DNA."
    assert (note["chapter_count"], note["topic_count"]) == (1, 2)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "vault.zip",
            samples.vault(),
            {"Photosynthesis", "Mitochondria", "2024-03-06", "Übung", "old windows"},
        ),
        ("export.zip", samples.notion(), {"World History", "Rome", "Dates"}),
        ("notes.jex", samples.jex(), {"Refraction", "Lenses"}),
        ("raw.zip", samples.zipped(samples.files_of("joplin")), {"Refraction", "Lenses"}),
        ("deck.apkg", samples.apkg(), {"Biology"}),
        ("new deck.apkg", samples.apkg(18), {"Biology"}),
        ("lecture.pdf", samples.pdf(), {"Lecture 3: Sorting"}),
        ("networks.docx", samples.word(), {"Computer Networks"}),
    ],
)
def test_what_other_programs_export_becomes_notes(alice, name, content, expected):
    imported(alice, content, name)
    assert titles(alice) == expected


def test_the_kind_is_found_by_content_and_not_by_name(alice):
    [note] = imported(alice, samples.pdf(), "lecture.zip")
    assert note["title"] == "Lecture 3: Sorting"


def test_what_is_left_out_is_told_with_the_reason(alice):
    body = expect.ok(send(alice, samples.vault(), "vault.zip"), 201)
    assert body["skipped"] == [
        {"file": "attachments/chloroplast.png", "reason": "Pictures and other attachments are not imported."}
    ]


def test_a_dry_run_says_what_would_be_made_and_makes_nothing(alice):
    body = expect.ok(send(alice, samples.notion(), "export.zip", query="?dry_run=true"))
    assert {"title": "World History", "chapters": 3, "topics": 4} in body["would_create"]
    assert body["skipped"][0]["file"] == "World History/map.png"
    assert titles(alice) == set()


def test_dry_run_false_is_none(alice):
    expect.ok(send(alice, b"text", query="?dry_run=false"), 201)


@pytest.mark.parametrize("query", ["?dry_run=1", "?dry_run=", "?dryrun=true", "?dry_run=true&dry_run=true"])
def test_other_queries_are_refused(alice, query):
    expect.problem(send(alice, b"text", query=query), 422)
    assert titles(alice) == set()


def test_times_and_tags_of_a_note_come_along(alice):
    refraction = imported(alice, samples.jex(), "notes.jex")[0]
    assert refraction["tags"] == ["exam", "physics", "physics/optics"]
    assert refraction["created_at"] == "2022-02-03T04:05:06.789000Z"
    assert refraction["updated_at"] == "2022-02-04T04:05:06.789000Z"


def test_an_imported_note_has_a_revision_that_says_so(alice, app):
    [note] = imported(alice, b"text", "a.md")
    with app.app_context():
        columns = (NoteRevision.number, NoteRevision.origin, NoteRevision.summary)
        [revision] = db.read_rows(select(*columns).where(NoteRevision.note_id == note["id"]))
    assert tuple(revision) == (1, "import", "Imported from a.md")


def test_each_user_has_their_own(alice, bob):
    [note] = imported(alice, b"text", "a.md")
    expect.problem(bob.get(f"/api/notes/{note['id']}/"), 404)
    assert titles(bob) == set()


def test_the_same_key_imports_once(alice):
    headers = {"Idempotency-Key": "once"}
    first = send(alice, b"text", headers=headers)
    again = send(alice, b"text", headers=headers)
    assert expect.ok(again, 201) == expect.ok(first, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(expect.walk(alice, "/api/notes/")) == 1
    other = send(alice, b"TEXT", headers=headers)
    expect.problem(other, 422, code="idempotency_key_reused")


def test_an_import_changes_the_version_of_the_data(alice):
    tag = alice.get("/api/notes/").headers["ETag"]
    imported(alice, b"text")
    assert alice.get("/api/notes/", headers={"If-None-Match": tag}).status_code == 200


def test_signed_out_nothing_is_imported(anonymous):
    expect.unauthorized(send(anonymous, b"text"))


def test_other_methods_are_refused(alice):
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = alice.open(PATH, method=method)
        expect.problem(answer, 405)
        assert answer.headers["Allow"].split(", ") in (["OPTIONS", "POST"], ["POST", "OPTIONS"])


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/octet-stream", None])
def test_other_bodies_are_refused(alice, content_type):
    expect.problem(alice.post(PATH, data=b"{}", content_type=content_type), 415)


def test_no_body_is_refused(alice):
    expect.problem(alice.post(PATH), 415)


def test_files_go_nowhere_else(alice):
    data = {"file": (io.BytesIO(b"text"), "a.md")}
    answer = alice.post("/api/notes/", data=data, content_type="multipart/form-data")
    expect.problem(answer, 415)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"upload": [b"text"]},
        {"file": "text and no file"},
        {"file": [b""]},
        {"file": [b"one", b"two"]},
        {"file": [b"text"], "title": "mine"},
    ],
    ids=["none", "wrong field", "no file", "empty", "two", "one more field"],
)
def test_one_file_is_wanted_and_nothing_else(alice, data):
    sent = {
        name: [(io.BytesIO(one), "a.md") for one in value] if isinstance(value, list) else value
        for name, value in data.items()
    }
    answer = alice.post(PATH, data=sent, content_type="multipart/form-data")
    expect.invalid(answer, next((name for name in data if name != "file"), "file"), "form")
    assert titles(alice) == set()


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n--xy", b"\r\n--other--\r\n"])
def test_a_body_that_is_cut_off_is_refused(alice, end):
    body = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\ntext' + end
    answer = alice.post(PATH, data=body, content_type="multipart/form-data; boundary=xyz")
    expect.problem(answer, 400)
    assert titles(alice) == set()


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=\u00e4"])
def test_a_body_without_boundary_is_refused(alice, content_type):
    expect.problem(alice.post(PATH, data=b"--x\r\n", content_type=content_type), 400)


def test_25_mib_are_taken_and_a_byte_more_is_not(alice):
    note = b"# Big\n\nA picture beside it.\n"
    room = 25 * MIB - len(samples.zipped([("big.md", note), samples.stored("p.png", b"")]))
    exact = samples.zipped([("big.md", note), samples.stored("p.png", b"\x89" * room)])
    assert len(exact) == 25 * MIB
    expect.ok(send(alice, exact, "big.zip", query="?dry_run=true"))
    expect.problem(send(alice, exact + b"x", "big.zip", query="?dry_run=true"), 413)


def test_a_large_body_of_nobody_is_not_read(anonymous):
    expect.problem(send(anonymous, b"x" * (2 * MIB + 1)), 413)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\\b\\c.md", "x" * 1000 + ".md", "\u202egpj.md", 'q"uote.md', "a.md\u0000"]
)
def test_a_strange_name_is_only_a_title(alice, name):
    [note] = imported(alice, b"text", name)
    assert 1 <= len(note["title"]) <= 255
    assert "/" not in note["title"] and "\\" not in note["title"] and "\0" not in note["title"]


def bare(note):
    """What a note says, without ids and the times of its parts."""
    names = {"id", "order", "updated_at", "created_at", "slug"}

    def stripped(value):
        if isinstance(value, dict):
            return {name: stripped(part) for name, part in value.items() if name not in names}
        return [stripped(part) for part in value] if isinstance(value, list) else value

    return stripped(note) | {"created_at": note["created_at"], "updated_at": note["updated_at"]}


@pytest.mark.parametrize("form", ["md", "json"])
def test_an_exported_note_is_the_same_in_another_account(alice, bob, note, form):
    answer = alice.get(f"/api/notes/{note['id']}/export/?format={form}")
    assert answer.status_code == 200
    [copy] = imported(bob, answer.get_data(), f"a.{form}")
    assert bare(copy) == bare(expect.ok(alice.get(f"/api/notes/{note['id']}/")))


def test_an_exported_deck_becomes_a_note(alice, bob, note):
    answer = alice.get(f"/api/notes/{note['id']}/export/?format=apkg")
    [copy] = imported(bob, answer.get_data(), "a.apkg")
    assert (copy["title"], copy["topic_count"]) == (note["title"], note["topic_count"])


@pytest.mark.parametrize("form", ["pdf", "docx"])
def test_an_exported_document_becomes_a_note_of_the_same_chapters(alice, bob, note, form):
    answer = alice.get(f"/api/notes/{note['id']}/export/?format={form}")
    [copy] = imported(bob, answer.get_data(), f"a.{form}")
    assert copy["title"] == note["title"]
    # In a PDF file the number of a chapter is part of its title.
    found = [chapter["title"].removeprefix(f"{number} ") for number, chapter in enumerate(copy["chapters"])]
    assert [title for title in found if title != note["title"]] == [one["title"] for one in note["chapters"]]
