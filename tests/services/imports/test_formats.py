"""What each kind of file says, as notes."""

import json
import re

import pytest

from noteassist.services import bulk, chapters, tree_changes
from noteassist.services.exports.formats import export_note
from noteassist.services.exports.own_json import write_json
from noteassist.services.exports.own_markdown import write_markdown
from noteassist.services.imports import drafts
from noteassist.services.imports.reading import read_file
from tests.services.exports.notes import detail
from tests.services.imports import samples


def read(name, content):
    """The drafts in a file by their titles, and what was left out."""
    findings = read_file(name, content)
    return {draft["title"]: draft for draft in findings.drafts}, findings.told()


def outline(draft):
    """A draft as [(chapter, [topics])]."""
    return [(part["title"], [topic["name"] for topic in part["topics"]]) for part in draft["chapters"]]


def text(draft, chapter, topic):
    """The explanation of a topic, by the places of its chapter and its own."""
    return draft["chapters"][chapter]["topics"][topic]["explanation"]["content"]


def test_a_vault_of_obsidian():
    notes, skipped = read("vault.zip", samples.vault())
    note = notes["Photosynthesis"]
    assert note["tags"] == ["biology", "biology/plants", "exam", "todo", "todo/reread"]
    assert note["created_at"].isoformat() == "2024-03-05T07:30:00+00:00"
    assert outline(note) == [
        ("Photosynthesis", ["Photosynthesis"]),
        ("Light reactions", ["Light reactions", "Photosystem II", "Photosystem I"]),
        ("Calvin cycle", ["Calvin cycle"]),
    ]
    opening = text(note, 0, 0)
    assert "see the other direction and Mitochondria > Krebs cycle." in opening
    assert "> **Important: Remember**\n> The oxygen" in opening
    assert note["chapters"][0]["topics"][0]["source"]["url"] == "https://example.org/photosynthesis"
    assert text(note, 1, 0).startswith("*(chloroplast.png)*")
    assert text(note, 1, 1) == "It splits water.\n\n#### How\n\n$2 H_2O \\to O_2 + 4 H^+ + 4 e^-$"
    assert "[[not a link]]" in text(note, 1, 2)
    assert text(note, 2, 0).endswith(
        "See also Mitochondria, a drawing and [a page](https://example.org/calvin)."
    )
    assert [entry["file"] for entry in skipped] == ["attachments/chloroplast.png"]


def test_folders_and_nested_tags_are_tags():
    notes, _ = read("vault.zip", samples.vault())
    assert notes["Mitochondria"]["tags"] == ["biology", "biology/cells", "energy"]
    assert notes["2024-03-06"]["tags"] == ["journal"]


def test_front_matter_that_is_broken_stays_in_the_text():
    notes, _ = read("vault.zip", samples.vault())
    assert "title: [broken" in text(notes["2024-03-06"], 0, 0)
    assert text(notes["2024-03-06"], 1, 0) == "- [ ] read Photosynthesis\n- [x] ask about Lecture"


def test_texts_in_other_encodings():
    notes, _ = read("vault.zip", samples.vault())
    assert text(notes["Übung"], 0, 0) == "Note é"
    assert text(notes["old windows"], 0, 0) == "Café – clé"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_text_is_read_in_the_encoding_it_is_in(encoding):
    notes, _ = read("a.md", "# Übung\n\nEin längerer Text.\n".encode(encoding))
    assert text(notes["Übung"], 0, 0) == "Ein längerer Text."


def test_names_of_packers_that_do_not_say_their_encoding():
    content = samples.zipped({"Übung.md": "a"}).replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00")
    notes, _ = read("a.zip", content)
    assert list(notes) == ["Übung"]


def test_an_export_of_notion():
    notes, skipped = read("export.zip", samples.notion())
    history = notes["World History"]
    assert history["tags"] == ["exam", "history"]
    assert history["created_at"].isoformat() == "2024-03-05T14:05:00+00:00"
    assert outline(history) == [
        ("World History", ["World History"]),
        ("Antiquity", ["Antiquity", "Greece"]),
        ("Middle Ages", ["Middle Ages"]),
    ]
    assert text(history, 0, 0) == (
        "- **Teacher:** Ms. Adams\n\nThe outline of the term.\n\n> 💡 Dates matter less than causes."
    )
    assert history["chapters"][0]["topics"][0]["source"]["url"] == "https://example.org/history"
    assert text(history, 1, 0) == "See Rome and Dates."
    assert text(notes["Rome"], 0, 0).startswith("Rome: a city, a republic")
    assert notes["Rome"]["tags"] == ["world history"]
    assert [entry["file"] for entry in skipped] == ["World History/map.png"]


def test_a_database_of_notion_is_a_table():
    notes, _ = read("export.zip", samples.notion())
    assert len(read_file("export.zip", samples.notion()).drafts) == len(notes) == 3
    assert text(notes["Dates"], 0, 0) == (
        "| Event | Year | Remark |\n| --- | --- | --- |\n"
        "| Founding of Rome | -753 | a legend \\| told later |\n| Fall of Rome | 476 |  |"
    )


def test_a_long_table_is_split_under_its_head():
    rows = "".join(f"{number},{'x' * 90}\n" for number in range(3000))
    content = samples.zipped({f"Long {'0123456789abcdef' * 2}.csv": "number,text\n" + rows})
    notes, _ = read("export.zip", content)
    topics = notes["Long"]["chapters"][0]["topics"]
    assert len(topics) > 1
    assert all(len(topic["explanation"]["content"]) <= 100_000 for topic in topics)
    assert all(topic["explanation"]["content"].startswith("| number | text |\n| --- |") for topic in topics)
    assert sum(topic["explanation"]["content"].count("\n") - 1 for topic in topics) == 3000


@pytest.mark.parametrize(
    "content", [samples.jex(), samples.zipped(samples.files_of("joplin"))], ids=["jex", "raw"]
)
def test_an_export_of_joplin(content):
    notes, skipped = read("notes.jex", content)
    note = notes["Refraction"]
    assert note["tags"] == ["exam", "physics", "physics/optics"]
    assert note["created_at"].isoformat() == "2022-02-03T04:05:06.789000+00:00"
    assert outline(note) == [("Refraction", ["Refraction"]), ("Snell", ["Snell"]), ("Prisms", ["Prisms"])]
    assert text(note, 0, 0) == (
        "Light bends. See Lenses and *(prism.png)*.\n\nkey: value is text here, not metadata"
    )
    assert note["chapters"][0]["topics"][0]["source"]["url"] == "https://example.org/refraction"
    assert text(notes["Lenses"], 0, 0) == "Convex **and** concave."
    assert [entry["file"] for entry in skipped] == ["Secret", "prism.png"]


@pytest.mark.parametrize("schema", [11, 18])
def test_a_package_of_anki(schema):
    notes, skipped = read("deck.apkg", samples.apkg(schema))
    note = notes["Biology"]
    assert note["tags"] == ["cell", "cell/energy", "exam"]
    assert outline(note) == [
        ("Biology", ["One", "Two"]),
        ("Cells", ["What is ATP?", "[...] make proteins", "Ribosomes make [what?]"]),
    ]
    assert text(note, 0, 0) == "Two"
    assert text(note, 1, 0) == (
        "What is **ATP**?\n\n---\n\nThe *currency* of energy $E_1$\n\n```\na = 1\n```"
    )
    assert text(note, 1, 2).endswith("Ribosomes make **proteins** *(r.mp3)*  \nmany")
    assert [entry["file"] for entry in skipped] == ["r.mp3"]


def test_a_pdf_by_its_outline():
    notes, _ = read("lecture.pdf", samples.pdf())
    note = notes["Lecture 3: Sorting"]
    assert outline(note) == [
        ("Lecture 3: Sorting", ["Lecture 3: Sorting"]),
        ("1. Simple sorts", ["1. Simple sorts", "1.1. Insertion sort", "1.2. Selection sort"]),
        ("2. Fast sorts", ["2. Fast sorts"]),
    ]
    assert text(note, 1, 1) == "- Takes one item at a time\n- Puts it where it belongs"
    assert "```\ndef quick(items):\n    return items\n```" in text(note, 2, 0)


def test_headings_of_a_pdf_stay_in_order_where_one_cannot_be_read():
    # What a heading says is cut, as where letters of a font tell nothing.
    source = """\
#set page(height: 400pt)
#show heading: it => block(if it.body.text.ends-with("Lost") { it.body.text.slice(0, 3) } else { it.body })
#outline()
#pagebreak()
= Four
== 4.1 First
One.
== 4.2 Lost
Two.
== 4.3 Last
Three.
== 4.3 Last
Four.
= Five"""
    notes, _ = read("a.pdf", samples.pdf(source))
    topics = ["4.1 First", "4.2 Lost", "4.3 Last", "4.3 Last"]
    assert outline(notes["a"]) == [("Four", topics), ("Five", [])]
    assert [text(notes["a"], 0, number) for number in range(4)] == ["One.", "Two.", "Three.", "Four."]


def test_neither_contents_nor_numbers_of_pages_of_our_own_pdf_are_text():
    [draft] = read_file("a.pdf", export_note(detail(), "pdf").content).drafts
    assert outline(draft) == [("Growth", ["Division"])]
    told = json.dumps(draft, default=str)
    assert ". . ." not in told and "/ 3" not in told


def test_the_title_page_of_our_own_pdf_is_what_it_says_and_no_text():
    note = detail() | {
        "title": "A title that needs more than one line of the page " * 4,
        "tags": ["cells", "für später"],
    }
    [draft] = read_file("a.pdf", export_note(note, "pdf").content).drafts
    assert (draft["title"], draft["tags"]) == (note["title"].strip(), note["tags"])
    assert [name for name, _ in outline(draft)] == ["Growth"]
    told = json.dumps(draft["chapters"], default=str)
    assert "published" not in told and "später" not in told and "more than one" not in told


def test_the_title_page_of_our_own_empty_pdf_is_no_text():
    note = detail() | {"chapters": []}
    [draft] = read_file("a.pdf", export_note(note, "pdf").content).drafts
    assert (draft["title"], draft["chapters"]) == (note["title"], [])


def test_numbers_in_titles_of_our_own_pdf_stay():
    chapter = detail()["chapters"][0]
    note = detail() | {"chapters": [chapter | {"title": "3 Laws"}, chapter | {"title": "10.5 Laws"}]}
    [draft] = read_file("a.pdf", export_note(note, "pdf").content).drafts
    assert [name for name, _ in outline(draft)] == ["3 Laws", "10.5 Laws"]


def test_a_pdf_by_the_size_of_its_letters():
    large = "#text(size: 16pt)[{}]\n\n"
    body = "This is the text, which is longer than all headings together, so that it is the text.\n\n"
    notes, _ = read("a.pdf", samples.pdf("".join(large.format(f"Part {n}") + body for n in "ABC")))
    assert outline(notes["a"]) == [(f"Part {name}", [f"Part {name}"]) for name in "ABC"]
    assert text(notes["a"], 0, 0) == body.strip()


def test_a_pdf_by_its_pages():
    notes, _ = read("a.pdf", samples.pdf("One.\n#pagebreak()\nTwo.\n"))
    assert outline(notes["a"]) == [("Pages 1–2", ["Page 1", "Page 2"])]
    assert text(notes["a"], 0, 1) == "Two."


def test_a_word_document():
    notes, _ = read("networks.docx", samples.word())
    note = notes["Computer Networks"]
    assert note["tags"] == ["exam", "networks"]
    assert outline(note) == [
        ("Computer Networks", ["Computer Networks"]),
        ("Layers", ["Layers", "Transport"]),
        ("Programs", ["Programs"]),
    ]
    assert text(note, 1, 0) == "There are **seven** layers, with \\* and \\_."
    assert text(note, 1, 1) == (
        "- TCP\n- UDP\n1. first\n1. second\n\n| port | use |\n| --- | --- |\n| 80 | a\\|b |"
    )
    assert text(note, 2, 0) == "```\nimport socket\n    pass\n```\n\nSee [the RFC](https://example.org/rfc)"


OWN = {
    "title": "Ours & exact",
    "tags": ["a", "b c"],
    "status": "archived",
    "created_at": "2024-01-02T03:04:05.678901Z",
    "updated_at": "2024-02-03T04:05:06.789012Z",
    "chapters": [
        {
            "title": "# One",
            "topics": [
                {
                    "name": "T\tabs",
                    "explanation": {"content": "\n  [[kept]] #kept\r\n## not a heading\x07\n\n"},
                    "code_snippet": {"language": "c++", "code": "\tint a;\n```\n\n"},
                    "source": {"title": "", "url": "https://example.org/"},
                },
                {"name": "Empty", "explanation": None, "code_snippet": None, "source": None},
            ],
        },
        {"title": "Two", "topics": []},
    ],
}


@pytest.mark.parametrize("kind", ["md", "json", "md in zip", "json in zip"])
def test_our_own_files_come_back_as_they_were(kind):
    content = write_json(OWN) if "json" in kind else write_markdown(OWN).encode()
    if "zip" in kind:
        content = samples.zipped({f"notes/a.{kind.split()[0]}": content})
    [note] = read_file(f"a.{kind}", content).drafts
    assert note["created_at"].isoformat() == "2024-01-02T03:04:05.678901+00:00"
    assert note["updated_at"].isoformat() == "2024-02-03T04:05:06.789012+00:00"
    assert {name: note[name] for name in ("title", "tags", "status")} == {
        name: OWN[name] for name in ("title", "tags", "status")
    }
    expected = [
        {
            "title": chapter["title"],
            "topics": [
                {name: value for name, value in topic.items() if value is not None}
                for topic in chapter["topics"]
            ],
        }
        for chapter in OWN["chapters"]
    ]
    assert note["chapters"] == expected


def test_the_sizes_are_those_of_notes():
    assert drafts.TAGS_PER_NOTE == bulk.TAGS_PER_NOTE
    assert drafts.CHAPTERS_PER_NOTE == chapters.CHAPTERS_PER_NOTE
    assert drafts.TOPICS_PER_CHAPTER == tree_changes.TOPICS_PER_CHAPTER


def test_what_is_too_long_is_split_and_told():
    body = "word " * 50_000
    notes, skipped = read("a.md", f"# N\n\n## C\n\n### T\n\n{body}\n".encode())
    topics = notes["N"]["chapters"][0]["topics"]
    assert [topic["name"] for topic in topics] == ["T", "T (2)", "T (3)"]
    assert "".join(topic["explanation"]["content"] for topic in topics).split() == body.split()
    assert skipped == [
        {"file": "a.md", "reason": "“T” is longer than 100,000 characters and became 3 topics."}
    ]


def test_what_is_too_many_is_split_and_told():
    topics = "".join(f"### T{number}\n" for number in range(450))
    chapters_ = "".join(f"## C{number}\n" for number in range(250))
    notes, skipped = read("a.md", f"# N\n\n## C\n{topics}{chapters_}".encode())
    assert [len(note["chapters"]) for note in notes.values()] == [200, 53]
    assert list(notes) == ["N", "N (2)"]
    first = notes["N"]["chapters"]
    assert [(part["title"], len(part["topics"])) for part in first[:3]] == [
        ("C", 200),
        ("C (2)", 200),
        ("C (3)", 50),
    ]
    assert [entry["reason"] for entry in skipped] == [
        "“C” has more than 200 topics and became 3 chapters.",
        "“N” has too many chapters or topics for one note and became 2 notes.",
    ]


def test_long_titles_and_tags_are_cut_and_told():
    tags = ", ".join(f"t{number}" for number in range(25))
    content = f"---\ntags: [{tags}, {'y' * 60}]\n---\n# {'x' * 300}\n\ntext\n"
    notes, skipped = read("a.md", content.encode())
    [note] = notes.values()
    assert len(note["title"]) == 255
    assert len(note["tags"]) == 20
    assert len(skipped) == 3
    assert text(note, 0, 0) == f"{'x' * 300}\n\ntext"
    assert all("cut to" in entry["reason"] or "first 20" in entry["reason"] for entry in skipped)


LONG = "Why a *sum* of many small things is distributed like none of them, and what comes of it: " * 4
VERY_LONG = "one word after the other, [a link](https://example.org) and #1 " * 100


@pytest.mark.parametrize("title", [LONG, VERY_LONG], ids=["300 characters", "6,000 characters"])
@pytest.mark.parametrize(
    "lines",
    [
        "# {}",
        "# {}\n\ntext",
        "# {}\n\n## Chapter\n\ntext",
        "# Note\n\n## {}\n\n### Topic\n\ntext",
        "# Note\n\n## {}\n\ntext",
        "# Note\n\n## Chapter\n\n### {}",
        "# Note\n\n## Chapter\n\n### {}\n\ntext",
        "# Note\n\n## Chapter\n\n### Topic\n\n#### {}\n\ntext",
        "{}\n===\n\ntext",
    ],
)
def test_a_long_heading_loses_nothing(lines, title):
    notes, skipped = read("a.md", lines.format(title).encode())
    [note] = notes.values()
    read_again = " ".join(
        topic["explanation"]["content"]
        for chapter in note["chapters"]
        for topic in chapter["topics"]
        if topic["explanation"]
    )
    assert words(read_again).count(words(title)) == 1
    assert ("text" in words(lines)) == ("text" in words(read_again))
    names = [note["title"], *(name for chapter, topics in outline(note) for name in (chapter, *topics))]
    assert all(len(name) <= 255 for name in names)
    assert {name[-1] for name in names if len(name) > 20} <= {"…"}
    reasons = {entry["reason"].partition("… ” was")[2] for entry in skipped}
    assert reasons <= {""} and len(skipped) == ("####" not in lines)


def words(markdown):
    """A text without marks and spaces."""
    return re.sub(r"\(https://example.org\)|[\W_]", "", markdown)


def test_control_characters_and_zeros_are_no_text():
    notes, _ = read("a.md", b"# A\x07B\n\none\x00two\x0bthree\r\nfour\r" + b"and more of it " * 20)
    assert text(notes["AB"], 0, 0).startswith("onetwothree\nfour\nand more")
