"""Files of one note and of many, in every format, through the child that renders them."""

import io
import json
import sqlite3
import tempfile
import zipfile

import orjson
import pytest

from noteassist import children
from noteassist.errors import AppError, Unprocessable
from noteassist.services.exports import asking
from noteassist.services.exports.anki import anki_tag, deck_id, topic_guid
from noteassist.services.exports.formats import FORMATS, export_many, export_note, export_text, name_of_many
from noteassist.services.exports.markdown_reader import read_markdown
from noteassist.services.exports.own_json import read_json

from .notes import detail, explained

STARTS = {
    "md": b"---\n",
    "json": b"{",
    "html": b"<!doctype html>",
    "pdf": b"%PDF-",
    "docx": b"PK",
    "apkg": b"PK",
}


def collection(content):
    """The rows of an Anki collection."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive, tempfile.NamedTemporaryFile() as file:
        file.write(archive.read("collection.anki2"))
        file.flush()
        database = sqlite3.connect(file.name)
        notes = database.execute("SELECT guid, mid, mod, tags, flds FROM notes ORDER BY id").fetchall()
        decks = database.execute("SELECT DISTINCT did FROM cards").fetchall()
        known = json.loads(database.execute("SELECT decks FROM col").fetchone()[0])
        database.close()
    return notes, {known[str(deck)]["name"] for (deck,) in decks}


def exported(notes, form):
    out, told = io.BytesIO(), []
    export_many(iter(notes), form, out, told.append)
    assert told == list(range(1, len(notes) + 1))
    return out.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_a_note_is_a_file_in_each_format(form):
    file = export_note(detail(), form)
    assert file.name == f"Cells.{FORMATS[form].ending}" and file.content.startswith(STARTS[form])
    assert file.media_type == FORMATS[form].media_type
    assert export_note(detail(), form) == file


@pytest.mark.parametrize("form", ["html", "pdf", "docx"])
def test_a_text_is_a_file(form):
    file = export_text("A text", "# One\n\n$x$[^1]\n\n[^1]: y", form)
    assert file.name == f"A-text.{form}" and file.content.startswith(STARTS[form])


@pytest.mark.parametrize("form", ["md", "html", "pdf", "docx"])
def test_many_notes_are_a_zip_with_names_of_their_own(form):
    titles = ["Cells", "cells", "../../Cells", "CON", "", "生物学"]
    content = exported([detail(title=title) for title in titles], form)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        stems = ["Cells", "cells-2", "Cells-3", "note-CON", "note", "生物学"]
        assert archive.namelist() == [f"{stem}.{form}" for stem in stems]
        assert archive.infolist()[0].date_time == (2026, 1, 2, 3, 4, 4)  # of even seconds
        assert all(archive.read(name).startswith(STARTS[form]) for name in archive.namelist())


@pytest.mark.parametrize("form", FORMATS)
def test_no_notes_are_a_file_too(form):
    assert exported([], form)


@pytest.mark.parametrize("form", FORMATS)
def test_the_order_of_notes_is_kept(form):
    content = exported([detail(id=number, title=f"Note {number}") for number in range(7)], form)
    if form == "json":
        found = [note["title"] for note in read_json(content)]
    elif form == "apkg":
        found = [row[4].split("\x1f")[2] for row in collection(content)[0]]
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = [name.partition(".")[0].replace("-", " ") for name in archive.namelist()]
    assert found == [f"Note {number}" for number in range(7)]


def test_a_zip_of_markdown_is_read_back():
    with zipfile.ZipFile(io.BytesIO(exported([explained("## x")], "md"))) as archive:
        draft = read_markdown(archive.read("Cells.md").decode())
    assert draft["chapters"][0]["topics"][0]["explanation"] == {"content": "## x"}


def test_a_note_that_cannot_be_rendered_is_there_as_markdown(monkeypatch):
    monkeypatch.setattr(asking, "SECONDS", 3.0)
    slow = detail(title="Slow")
    slow["chapters"][0]["topics"] = [
        explained("$" + "a" * 1990 + str(number) + "$\n\n" * 2)["chapters"][0]["topics"][0]
        for number in range(200)
    ]
    with zipfile.ZipFile(io.BytesIO(exported([slow, detail()], "html"))) as archive:
        assert archive.namelist() == ["Slow.md", "Cells.html"]
    with pytest.raises(Unprocessable) as refused:
        export_note(slow, "html")
    assert refused.value.code == "export_too_large"


def test_a_bug_is_told_without_what_the_note_says():
    with pytest.raises(AppError) as failed:
        asking.rendered({"format": "html", "note": {"title": "a secret"}})
    assert failed.value.code == "export_failed" and "secret" not in str(failed.value)


def test_cards_of_a_note_that_cannot_be_rendered_say_what_was_typed(monkeypatch):
    monkeypatch.setattr(asking, "SECONDS", 0.0)
    fields = collection(exported([explained("<b> *x*")], "apkg"))[0][0][4]
    assert "<pre>&lt;b&gt; *x*</pre>" in fields


@pytest.mark.parametrize("form", ["md", "pdf", "json", "apkg"])
def test_what_stops_an_export_reaches_the_caller(form):
    def notes():
        yield detail()
        raise KeyError("the database is gone")

    def stop(_number):
        raise InterruptedError

    with pytest.raises(KeyError):
        export_many(notes(), form, io.BytesIO(), lambda _: None)
    with pytest.raises(InterruptedError):
        export_many(iter([detail(), detail()]), form, io.BytesIO(), stop)


def test_a_card_has_its_topic_chapter_text_code_and_source():
    notes, decks = collection(export_note(detail(tags=["two words", "b"]), "apkg").content)
    guid, _, changed, tags, fields = notes[0]
    topic, chapter, note, explanation, code, source = fields.split("\x1f")
    assert (topic, chapter, note, decks) == ("Division", "Growth", "Cells", {"NoteAssist::Cells"})
    assert "<strong>divide</strong>" in explanation and '<span class="builtin">print</span>' in code
    assert 'href="https://example.org/cells"' in source and tags == " two_words b "
    assert guid == topic_guid(detail()["chapters"][0]["topics"][0]) and changed == 1767323045


def test_ids_stay_when_a_note_changes_and_differ_between_servers():
    note, other = detail(), detail(title="Renamed", created_at="2020-01-01T00:00:00Z")
    topic = note["chapters"][0]["topics"][0]
    assert topic_guid(topic) == topic_guid({**topic, "name": "New", "updated_at": "2027-01-01T00:00:00Z"})
    assert topic_guid(topic) != topic_guid({**topic, "created_at": "2020-01-01T00:00:00Z"})
    assert deck_id(note) == deck_id(detail(title="Renamed")) != deck_id(other)


@pytest.mark.parametrize("tag", ["a b", "a\u3000b", "a\tb", " a ", "a\u00a0b"])
def test_a_tag_for_anki_has_no_white_space(tag):
    assert anki_tag(tag) == "_".join(tag.split())


def test_what_is_on_a_card_is_escaped():
    note = explained("{{Topic}} <script>x</script>", title="<b>{{x}}")
    note["chapters"][0]["topics"][0]["name"] = "<img src=x>"
    fields = collection(export_note(note, "apkg").content)[0][0][4]
    assert "<script" not in fields and "<img" not in fields and "&lt;img src=x&gt;" in fields


def test_the_file_of_many_has_a_name():
    moment = orjson.loads(orjson.dumps(detail()))["created_at"]
    assert moment.startswith("2026-01-02")
    assert name_of_many("pdf", detail()["created_at"]) == "noteassist-2026-01-02.zip"


def test_exports_run_in_a_child_with_limits():
    task = children.TASKS["export"]
    assert task.memory_mb <= 1024 and task.file_mb == 0
