"""Word exports, read back with python-docx."""

import io
import zipfile
from pathlib import Path

import docx
import orjson
import pytest
from docx.oxml.ns import qn

from noteassist.services.exports.markdown_reader import read_markdown
from noteassist.services.exports.rendering import render
from noteassist.services.imports.reading import read_file

from .notes import detail, explained
from .test_pages import HOSTILE

SAMPLE = Path(__file__).parents[2] / "data" / "study_note.md"


def word_of(note):
    return render(orjson.dumps({"format": "docx", "note": note}))


def opened(note):
    return docx.Document(io.BytesIO(word_of(note)))


def paragraphs(note):
    return [(paragraph.style.name, paragraph.text) for paragraph in opened(note).paragraphs]


def test_the_long_note_has_its_headings_tables_and_notes():
    file = opened(read_markdown(SAMPLE.read_text()))
    found = [(paragraph.style.name, paragraph.text) for paragraph in file.paragraphs]
    assert ("Heading 1", "Linear algebra") in found and ("Heading 2", "Русский язык") in found
    assert [(len(table.rows), len(table.columns)) for table in file.tables] == [(6, 3), (7, 3), (3, 3)]
    assert file.tables[1].cell(2, 2).text == "книг"
    assert found[-1] == ("Note", "2. Ударение на письме обычно не ставится.")
    assert any(style == "Code" and "const primes" in text for style, text in found)
    links = {rel.target_ref for rel in file.part.rels.values() if rel.is_external}
    assert "https://en.wikipedia.org/wiki/Vector_space" in links
    assert not any(link.startswith(("javascript", "file")) for link in links)


def test_each_numbered_list_counts_from_its_own_start():
    body = opened(explained("1. a\n2. b\n\ntext\n\n1. c\n   - d\n\ntext\n\n7. e")).element.body
    numbers = [element.get(qn("w:val")) for element in body.iter(qn("w:numId"))]
    assert numbers[0] == numbers[1] and len(set(numbers)) == 4


def test_two_blocks_of_code_do_not_touch():
    note = explained("```\na\n```\n\n```\nb\n```\n\n- one\n\n  ```\n  c\n  ```\n\n```\nd\n```")
    note["chapters"][0]["topics"][0]["code_snippet"] = {"language": "c", "code": "e"}
    styles = [style for style, _ in paragraphs(note)][4:]
    code, rest = "Code", "Normal"
    assert styles == [code, rest, code, rest, code, rest, code, rest, code]


def test_a_formula_is_between_dollars_and_is_read_back():
    text = "So $x_{i}^{*} < 2$ is.\n\n$$\\sum_{i} *x*_{i}$$"
    note = explained(text)
    assert [said for _, said in paragraphs(note)][-2:] == text.split("\n\n")
    [draft] = read_file("a.docx", word_of(note)).drafts
    [*_, chapter] = draft["chapters"]
    assert chapter["topics"][0]["explanation"]["content"] == text


def test_arabic_runs_from_right_to_left():
    body = opened(explained("مرحبا\n\nHello")).element.body
    assert len(list(body.iter(qn("w:bidi")))) == 1


@pytest.mark.parametrize(
    "text", [*HOSTILE, "\x01\x0b\x1b[0m\ufffe", "]]>&<", "a\u2028b", "http://[", "[x](http://[::1)"]
)
def test_hostile_texts_make_a_document_that_opens(text):
    note = explained(f"Before {text} after\n\n```\n{text}\n```")
    topic = note["chapters"][0]["topics"][0]
    note["title"] = note["chapters"][0]["title"] = topic["name"] = text
    topic["source"] = {"title": text, "url": text}
    assert any(content.startswith("Before") for _, content in paragraphs(note))


@pytest.mark.parametrize(
    "text",
    [
        "*a **b " * 2000,
        "*a **b " * 1500 + "c** d* " * 1500,
        "> " * 3000 + "x",
        "- " * 3000 + "x",
        "[^a]" * 500 + "\n\n[^a]: [^a]",
    ],
)
def test_deep_texts_have_an_end(text):
    assert len(paragraphs(explained(text))) > 1


def test_the_same_note_makes_the_same_bytes():
    content = word_of(detail())
    assert content == word_of(detail())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_an_address_with_letters_that_word_does_not_open_is_written_another_way():
    file = opened(explained("[a](<https://example.org/a b|c\\生>)"))
    links = [rel.target_ref for rel in file.part.rels.values() if rel.is_external]
    assert links == ["https://example.org/a%20b%7Cc%5C%E7%94%9F"]
    note = explained("text")
    note["chapters"][0]["topics"][0]["source"] = {"title": "b", "url": "https://example.org/a b|生"}
    links = [rel.target_ref for rel in opened(note).part.rels.values() if rel.is_external]
    assert links == ["https://example.org/a%20b%7C%E7%94%9F"]


def test_every_part_of_the_file_is_whole():
    with zipfile.ZipFile(io.BytesIO(word_of(detail()))) as archive:
        assert archive.testzip() is None and "word/document.xml" in archive.namelist()


def test_pages_are_a4_and_numbered():
    section = docx.Document(io.BytesIO(word_of(explained("A")))).sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    assert 'w:instr="PAGE"' in section.footer.paragraphs[0]._p.xml
