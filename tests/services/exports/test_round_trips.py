"""What is exported as Markdown or JSON is read back as it was."""

import io

import orjson
import pytest
from hypothesis import given, settings

from noteassist.children import Refused
from noteassist.services.exports.markdown_reader import read_markdown
from noteassist.services.exports.own_json import read_json, write_json, write_json_of_many
from noteassist.services.exports.own_markdown import write_markdown

from .notes import NOTE, TRAPS, detail, draft, explained


def as_draft(note):
    """A detail without what a draft leaves out."""
    topics = [
        {
            "name": topic["name"],
            "explanation": {"content": topic["explanation"]["content"]},
            "code_snippet": topic["code_snippet"],
            "source": topic["source"],
        }
        for topic in note["chapters"][0]["topics"]
    ]
    kept = {name: note[name] for name in ("title", "tags", "status", "created_at", "updated_at")}
    return draft(kept | {"chapters": [{"title": note["chapters"][0]["title"], "topics": topics}]})


@settings(max_examples=300, deadline=None)
@given(NOTE)
def test_markdown_is_read_back_exactly(note):
    assert read_markdown(write_markdown(note)) == draft(note)


@settings(max_examples=100, deadline=None)
@given(NOTE)
def test_json_is_read_back_exactly(note):
    assert read_json(write_json(note)) == [draft(note)]


@pytest.mark.parametrize("first", TRAPS)
def test_an_explanation_that_looks_like_the_file_is_read_back_exactly(first):
    for second in ("", *TRAPS):
        for content in (f"{first}\n{second}", f"Text\n{first}\n\n{second}\n", f"```\n{first}\n{second}"):
            note = explained(content)
            assert read_markdown(write_markdown(note)) == as_draft(note), content


def test_a_plain_note_is_plain_markdown():
    assert write_markdown(detail()).partition("---\n\n")[2] == (
        "# Cells\n\n## Growth\n\n### Division\n\nCells **divide**.\n\n"
        "<!-- code -->\n```python\nprint('cell')\n```\n\n"
        "<!-- source -->\n[A book](https://example.org/cells)\n"
    )


def test_code_in_an_explanation_needs_no_marks():
    note = explained("As here:\n\n```python\n# a comment\n## another\n```\n\n# and a heading")
    assert "<!--" not in write_markdown(note)
    assert read_markdown(write_markdown(note)) == as_draft(note)


def test_a_file_that_an_editor_gave_other_line_ends_is_read():
    text = write_markdown(detail()).replace("\n", "\r\n")
    assert read_markdown(text)["chapters"] == read_markdown(write_markdown(detail()))["chapters"]


def test_text_that_somebody_wrote_into_an_exported_file_is_kept():
    text = write_markdown(detail()).replace("<!-- source -->", "And more.\n\n<!-- source -->")
    topic = read_markdown(text + "\nThe end.")["chapters"][0]["topics"][0]
    assert topic["explanation"]["content"] == "Cells **divide**.\n\nAnd more.\n\nThe end."


@pytest.mark.parametrize(
    "cut", ["<!-- end of explanation -->", "```\n\n<!-- source", "[A book](https://example.org/cells)"]
)
def test_an_exported_file_that_was_cut_is_refused_and_says_where(cut):
    note = detail()
    note["chapters"][0]["topics"][0]["explanation"]["content"] = "## mine"
    whole = write_markdown(note)
    assert cut in whole
    with pytest.raises(Refused) as refused:
        read_markdown(whole[: whole.index(cut)])
    assert refused.value.code == "unreadable" and refused.value.detail.endswith(".")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"notes": []}',
        b'{"format": "other", "version": 1, "notes": []}',
        b'{"format": "noteassist", "version": 2, "notes": []}',
        b'{"format": "noteassist", "version": 1}',
        b'{"format": "noteassist", "version": 1, "notes": [1]}',
        b'{"format": "noteassist", "version": 1, "notes": [{"title": 1}]}',
        b'{"format": "noteassist", "version": 1, "notes": [{"title": "a", "tags": [1]}]}',
        b'{"format": "noteassist", "version": 1, "notes": [{"title": "a", "status": "x"}]}',
        b'{"format": "noteassist", "version": 1, "notes": [{"title": "a", "chapters": {}}]}',
        b'{"format": "noteassist", "version": 1, "notes": [{"title": "a", "chapters": [{"title": null}]}]}',
        b'{"format": "noteassist", "version": 1, "notes": [{"title": "a", "chapters": [{"topics": 1}]}]}',
        b"[" * 100_000,
    ],
)
def test_json_that_is_no_export_is_refused(content):
    with pytest.raises(Refused):
        read_json(content)


@pytest.mark.parametrize("part", ["text", 1, [], {"content": None}, {}])
def test_json_with_a_part_that_is_none_is_refused(part):
    topic = {"name": "C", "explanation": part}
    note = {"title": "A", "chapters": [{"title": "B", "topics": [topic]}]}
    with pytest.raises(Refused):
        read_json(orjson.dumps({"format": "noteassist", "version": 1, "notes": [note]}))


@pytest.mark.parametrize(
    "letter", ["\x85", "\u2028", "\ufeff", "\x07", "\u200f", "\u00a0", "'", '"', ": ", "#", "\\"]
)
def test_titles_and_tags_with_odd_letters_are_read_back_exactly(letter):
    note = explained("text", title=f"a{letter}b", tags=[f"c{letter}d", "#", "#c", "1"])
    assert read_markdown(write_markdown(note)) == as_draft(note)


def test_json_needs_nothing_but_titles():
    note = {"title": "A", "chapters": [{"title": "B", "topics": [{"name": "C"}]}]}
    found = read_json(orjson.dumps({"format": "noteassist", "version": 1, "notes": [note]}))
    topic = {"name": "C", "explanation": None, "code_snippet": None, "source": None}
    chapters = [{"title": "B", "topics": [topic]}]
    assert found == [{"title": "A", "tags": [], "status": "draft", "chapters": chapters}]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_many_notes_are_one_file_of_json(count):
    out, told = io.BytesIO(), []
    write_json_of_many((detail(title=f"Note {number}") for number in range(count)), out, told.append)
    assert [note["title"] for note in read_json(out.getvalue())] == [f"Note {n}" for n in range(count)]
    assert told == list(range(1, count + 1))
