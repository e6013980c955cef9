"""What only Obsidian writes: comments, highlights and properties."""

import pytest

from noteassist.services.imports.obsidian import read_page


def opening(markdown):
    """The text of the first topic that a page makes."""
    return read_page(markdown, "Folder/Page.md")["chapters"][0]["topics"][0]["explanation"]["content"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("One %%private%% two.", "One  two."),
        ("One.\n%% private %%\nTwo.", "One.\nTwo."),
        ("One.\n\n%%\nprivate\n\n```\ncode\n```\n%%\n\nTwo.", "One.\n\n\nTwo."),
        ("%% a %% text %% b %%\nTwo.", " text \nTwo."),
        ("A rise of 5%% and more.", "A rise of 5%% and more."),
        ("`%%a%%` and %%b%%", "`%%a%%` and "),
        ("```mermaid\n%% kept %%\n```\n%%gone%%", "```mermaid\n%% kept %%\n```"),
        ("%% open\n\n```\n%%\n```", "%% open\n\n```\n%%\n```"),
    ],
)
def test_comments_are_left_out_but_not_code(written, kept):
    assert opening(written).strip("\n") == kept


def test_plain_text_has_no_comments():
    [chapter] = read_page("%% Section 1\n%% Section 2", "script.txt")["chapters"]
    assert chapter["topics"][0]["explanation"]["content"] == "%% Section 1\n%% Section 2"


def test_a_tag_in_a_comment_is_none():
    assert read_page("Text #a %%#b%%", "Page.md")["tags"] == ["a"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("A ==marked word== here.", "A **marked word** here."),
        ("这是==重点==吗", "这是**重点**吗"),
        ("==**both**==", "**both**"),
        ("`a ==b== c`", "`a ==b== c`"),
        ("if a == b and c == d", "if a == b and c == d"),
        ("a==b and c==d", "a==b and c==d"),
    ],
)
def test_highlights_are_bold_but_comparisons_stay(written, kept):
    assert opening(written) == kept


def test_properties_without_a_place_of_their_own_open_the_text():
    page = (
        "---\naliases: [Leaf, Green]\nauthor: '[[Ada]]'\ndue: 2024-05-06\ntags: a\ncssclass: wide\n---\nText."
    )
    assert opening(page) == "- **Aliases:** Leaf, Green\n- **Author:** Ada\n- **Due:** 2024-05-06\n\nText."


def test_a_page_of_properties_alone_is_kept():
    assert opening("---\nsource: A book, page 7\nstatus: read\n---\n") == (
        "- **Source:** A book, page 7\n- **Status:** read"
    )


def test_a_property_with_a_place_of_its_own_is_not_told_twice():
    draft = read_page(
        "---\nsource: https://example.org/\nstatus: published\ncreated: 2024-01-02\n---\nText.", "Page.md"
    )
    [topic] = draft["chapters"][0]["topics"]
    assert topic["explanation"]["content"] == "Text."
    assert topic["source"]["url"] == "https://example.org/"
