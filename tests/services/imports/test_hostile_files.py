"""Files that are made to do harm are refused, by a child that has no disk."""

import tarfile

import pytest

from noteassist.children import TASKS
from noteassist.errors import ImportRefused
from noteassist.services.imports.importing import read_upload
from tests.services.imports import hostile, samples

WORD = "word/document.xml"
SLIPS = ("../a.md", "/etc/a.md", "C:/a.md", "a/../../b.md", "..\\a.md", "\\\\host\\a.md")
UNSAFE = {
    "a file of zeros": lambda: samples.zipped({"a.md": hostile.ZEROS}),
    "entries that overlap": hostile.overlapping,
    "a symbolic link": hostile.symlink,
    "a name twice": hostile.twice,
    "a tar with a symbolic link": lambda: hostile.tar_with(tarfile.SYMTYPE),
    "a tar with a hard link": lambda: hostile.tar_with(tarfile.LNKTYPE),
    "a tar with a device": lambda: hostile.tar_with(tarfile.CHRTYPE),
    "a tar with a pipe": lambda: hostile.tar_with(tarfile.FIFOTYPE),
    "a tar that leads out": lambda: hostile.tar_with(tarfile.REGTYPE, "../a.md"),
    "a billion laughs": lambda: hostile.word_with(WORD, hostile.LAUGHS),
    "laughs in UTF-16": lambda: hostile.word_with(WORD, hostile.LAUGHS.encode("utf-16")),
    "an entity of a file": lambda: hostile.word_with("docProps/core.xml", hostile.FILE_ENTITY),
    "a view without an end": hostile.endless_view,
    "a virtual table": hostile.virtual_table,
}
TOO_LARGE = {
    "many files": lambda: hostile.many_files(10_001),
    "very many files": lambda: hostile.many_files(30_000),
    "many cards": hostile.many_cards,
    "a package of zeros": hostile.zstd_bomb,
    "a long text": lambda: b"a line\n" * 800_000,
}
UNREADABLE = {
    "an archive cut off": lambda: samples.vault()[:-30],
    "an archive cut short": lambda: samples.vault()[:200],
    "a locked archive": hostile.locked,
    "a tar cut off": lambda: samples.jex()[:1500],
    "a page that unpacks twice": hostile.pdf_flate_bomb,
    "pages in a circle": hostile.pdf_page_loop,
    "a deep object": hostile.pdf_deep,
    "a PDF cut off": lambda: samples.pdf()[:500],
    "a PDF of nothing": lambda: b"%PDF-1.7\n",
    "a PDF without text": lambda: samples.pdf("#set page(height: 3cm)\n"),
    "an empty document": lambda: hostile.word_with(WORD, ""),
    "a document without a body": lambda: hostile.word_with("_rels/.rels", "<x/>"),
    "a damaged collection": hostile.damaged_collection,
    "a collection that is none": hostile.no_collection,
    "tables in the thousands": hostile.big_schema,
    "other JSON": lambda: b'{"a": 1}',
    "JSON of a later version": lambda: b'{"format": "noteassist", "version": 99, "notes": []}',
    "nothing": lambda: b"",
    "white space": lambda: b" \n\t\n",
    "an archive of pictures": lambda: samples.zipped({"a.png": b"\x89PNG"}),
}
UNSUPPORTED = {
    "a picture": lambda: b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "a program": lambda: b"\x7fELF\x02\x01\x01" + bytes(100),
    "rich text": lambda: b"{\\rtf1 text}",
    "gzip": lambda: b"\x1f\x8b\x08\x00text",
    "a web page": lambda: b"<!DOCTYPE html><p>text",
    "another tar": lambda: samples.tarred({"a.md": b"text"}),
    "a spreadsheet": lambda: samples.zipped({"[Content_Types].xml": "", "xl/workbook.xml": ""}),
}
CASES = [
    (code, name, make)
    for code, cases in (
        ("import_unsafe", UNSAFE),
        ("import_too_large", TOO_LARGE),
        ("import_unreadable", UNREADABLE),
        ("import_unsupported", UNSUPPORTED),
    )
    for name, make in cases.items()
]


def refusal(content, **options):
    """How a file is refused; with all the time that a busy machine needs."""
    with pytest.raises(ImportRefused) as raised:
        read_upload("a file", content, **{"seconds": 60, "wait_seconds": 60} | options)
    assert raised.value.detail.endswith(".")
    assert raised.value.status == 422
    return raised.value


@pytest.mark.parametrize(
    ("code", "make"), [(code, make) for code, _, make in CASES], ids=[c[1] for c in CASES]
)
def test_it_is_refused_with_a_reason(code, make):
    assert refusal(make()).code == code


@pytest.mark.parametrize("name", SLIPS)
def test_a_path_that_leads_out_is_refused(name):
    assert refusal(samples.zipped({name: "text"})).code == "import_unsafe"


def test_archives_in_archives_are_opened_one_level_deep():
    part = samples.zipped({"c.zip": samples.zipped({"a.md": "text"}), "b.md": "text"})
    reading = read_upload("a.zip", samples.zipped({"part.zip": part}))
    assert [draft["title"] for draft in reading.drafts] == ["b"]
    assert reading.skipped == [{"file": "c.zip", "reason": "This file has to be imported by itself."}]


def test_what_takes_too_long_is_ended():
    error = refusal(hostile.pdf_operator_flood(), seconds=1.0)
    assert error.code == "import_too_large"
    assert "too long" in error.detail


def test_what_needs_too_much_memory_is_ended():
    files = {f"{number}.bin": hostile.noise(30) for number in range(8)}
    content = samples.zipped({"word/document.xml": "<x/>"} | files)
    assert refusal(content).code in {"import_too_large", "import_unreadable"}


def test_after_a_refusal_the_next_file_is_read():
    refusal(hostile.pdf_operator_flood(), seconds=1.0)
    [draft] = read_upload("a.md", b"text", seconds=60, wait_seconds=60).drafts
    assert draft["title"] == "a"


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 1_000_000,
        b"[a](" * 250_000,
        b"[[" * 500_000,
        b"# " + b"[" * 1_000_000,
        b"# " + b"*_" * 500_000,
        b"# a" + b" " * 1_000_000 + b"b",
        b"`" * 1_000_000,
        b"> " * 500_000 + b"[!a]",
        b"---\n" + b"a\n" * 500_000,
        b"---\na: &a [x]\nb: *a\n---\ntext",
        b"---\na: " + b"[" * 19_000 + b"\n---\ntext",
    ],
    ids=[
        "brackets",
        "links",
        "wikilinks",
        "heading",
        "emphasis",
        "spaces",
        "ticks",
        "quotes",
        "front",
        "alias",
        "deep",
    ],
)
def test_a_text_that_is_slow_to_understand_is_only_a_text(content):
    reading = read_upload("a.md", content, seconds=60, wait_seconds=60)
    assert [draft["title"][:1] for draft in reading.drafts] != []


def test_what_was_taken_for_front_matter_stays_in_the_text():
    [draft] = read_upload("a.md", b"---\na: &a [x]\ntags: *a\n---\ntext", seconds=60, wait_seconds=60).drafts
    assert draft["tags"] == []
    assert "tags: *a" in draft["chapters"][0]["topics"][0]["explanation"]["content"]


def test_the_child_can_write_no_file():
    assert TASKS["import"].file_mb == 0
