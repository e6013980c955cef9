"""Markdown files that were not written here are read by their headings."""

import pytest

from noteassist.services.exports.markdown_reader import read_markdown


def outline(text, **options):
    """Title, and for each chapter its title with (name, text) of its topics."""
    draft = read_markdown(text, **options)
    chapters = [
        (
            chapter["title"],
            [(t["name"], t["explanation"] and t["explanation"]["content"]) for t in chapter["topics"]],
        )
        for chapter in draft["chapters"]
    ]
    return draft["title"], chapters


def test_the_three_first_levels_are_title_chapters_and_topics():
    text = "# Cells\n\n## Growth\n\n### Division\n\nThey divide.\n\n#### Deeper\n\nAs here.\n\n### Rest\n\n## End\n"
    topics = [("Division", "They divide.\n\n#### Deeper\n\nAs here."), ("Rest", None)]
    assert outline(text) == ("Cells", [("Growth", topics), ("End", [])])


def test_text_before_the_first_topic_is_a_topic_of_its_chapters_name():
    text = "# Cells\n\nAn introduction.\n\n## Growth\n\nThey grow.\n"
    assert outline(text) == (
        "Cells",
        [("Cells", [("Cells", "An introduction.")]), ("Growth", [("Growth", "They grow.")])],
    )


def test_a_file_without_headings_is_one_topic_under_the_name_of_the_file():
    assert outline("Just text.\n\nMore.", name="My file") == (
        "My file",
        [("My file", [("My file", "Just text.\n\nMore.")])],
    )


def test_several_first_headings_are_chapters():
    assert outline("# One\n\n## A\n\na\n\n# Two\n\nb", name="File") == (
        "File",
        [("One", [("A", "a")]), ("Two", [("Two", "b")])],
    )


def test_a_file_that_begins_at_a_deeper_level_loses_nothing():
    assert outline("### One\n\na\n\n#### Sub\n\nb\n\n##### Text\n\nc", name="File") == (
        "File",
        [("One", [("One", "a"), ("Sub", "b\n\n##### Text\n\nc")])],
    )


def test_underlined_headings_are_headings():
    assert outline("Title\n=====\n\nChapter\n-------\n\nText\n\n---\n\nMore") == (
        "Title",
        [("Chapter", [("Chapter", "Text\n\n---\n\nMore")])],
    )


def test_headings_inside_code_are_code():
    text = "# T\n\n## C\n\n```sh\n# no\n## heading\n```\n\n~~~\n# nor this\n```\n~~~\nend"
    assert outline(text)[1][0][1] == [("C", text.partition("## C\n\n")[2])]


def test_closing_signs_of_a_heading_are_not_its_text():
    assert outline("# Title #\n\n## C# and F# ##\n")[1] == [("C# and F#", [])]


def test_lines_that_look_like_marks_are_text_in_a_foreign_file():
    assert outline("## C\n\n<!-- code -->\n```\nx\n```")[1][0][1][0][1] == "<!-- code -->\n```\nx\n```"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_lines_may_end_in_any_way(end):
    assert outline(f"\ufeff# Title{end}{end}## Chapter{end}{end}One{end}Two{end}") == (
        "Title",
        [("Chapter", [("Chapter", "One\nTwo")])],
    )


def test_front_matter_of_others_is_understood():
    text = (
        "---\ntitle: Cells\ntags: [Biology, '#cells']\ncreated: 2025-03-01\n"
        "modified: 2025-03-02T10:00:00+02:00\naliases: [x]\n---\n\n## A\n\nb"
    )
    draft = read_markdown(text)
    assert (draft["title"], draft["tags"], draft["status"]) == ("Cells", ["Biology", "cells"], "draft")
    assert (draft["created_at"], draft["updated_at"]) == ("2025-03-01T00:00:00Z", "2025-03-02T08:00:00Z")


@pytest.mark.parametrize(
    "tags, expected", [("a, b c", ["a", "b c"]), ("a b", ["a", "b"]), ("{x: 1}", []), ("", [])]
)
def test_tags_are_read_as_people_write_them(tags, expected):
    assert read_markdown(f"---\ntags: {tags}\n---\ntext")["tags"] == expected


@pytest.mark.parametrize(
    "head",
    [
        "---\ntitle: [\n---\n",
        "---\nno fields\n---\n",
        "---\n" + "[" * 5000 + "\n---\n",
        "---\na: !!python/object/apply:os.system ['true']\n---\n",
        "---\n\ntext\n",
        "---\nx: " + "a" * 70_000 + "\n---\n",
    ],
)
def test_front_matter_that_cannot_be_read_is_text(head):
    draft = read_markdown(f"{head}The end.")
    assert draft["tags"] == [] and "The end." in draft["chapters"][-1]["topics"][-1]["explanation"]["content"]


def test_aliases_in_front_matter_are_no_bomb():
    levels = "".join(
        f"{chr(97 + n)}: &{chr(97 + n)} [{', '.join([f'*{chr(96 + n)}'] * 9)}]\n" for n in range(1, 9)
    )
    draft = read_markdown(f"---\na: &a [x]\n{levels}tags: *i\n---\ntext")
    assert draft["tags"] == []


def test_a_heading_that_is_too_long_for_a_name_is_kept_in_the_text():
    long = "word " * 100
    chapters = outline(f"# T\n\n## C\n\n### {long}\n\ntext")[1]
    name, content = chapters[0][1][0]
    assert len(name) == 255 and content == f"{long.strip()}\n\ntext"


@pytest.mark.parametrize("text", ["", "\n\n", "---\n---\n", "#", "# \n\n## \n\n### \n"])
def test_nothing_much_is_a_note_with_a_title(text):
    assert read_markdown(text, name="File")["title"]
