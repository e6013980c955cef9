import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from noteassist.services.ai.offline import improve, improvements
from tests.services.ai_offline.material import (
    HOSTILE,
    OPERATING_SYSTEMS,
    REAL_TEXTS,
    at_most,
    markdown,
    quick,
)


def words_of(text):
    return Counter(re.findall(r"[^\W\d_]+", text.lower()))


@pytest.mark.parametrize(
    ("untidy", "tidy"),
    [
        ("It is  cold , and wet .", "It is cold, and wet."),
        ("We saw apples ,pears and plums.", "We saw apples, pears and plums."),
        ("The plant needs water;light, and air.", "The plant needs water; light, and air."),
        ("That is the end.The rest is easy.", "That is the end. The rest is easy."),
        ("We have cells.they are small, and so is this.", "We have cells. They are small, and so is this."),
        ("This is the the end of of it.", "This is the end of it."),
        ("This is the\nthe end of it.", "This is the end of it."),
        ("Wait ... and see...", "Wait … and see…"),
        ("The cell -- as we know - is the unit of life.", "The cell – as we know – is the unit of life."),
        ("this is the first. the second is here.", "This is the first. The second is here."),
        ("Now i think that i'm right.", "Now I think that I'm right."),
        ('She said “yes” and then "no" to it.', "She said “yes” and then “no” to it."),
        ("It's his and it’s hers; that’s it.", "It’s his and it’s hers; that’s it."),
        ("Das ist und und bleibt so , wie es ist.", "Das ist und bleibt so, wie es ist."),
    ],
)
def test_typography_is_tidied(untidy, tidy):
    assert improve(untidy) == tidy


@pytest.mark.parametrize(
    "text",
    [
        "He had had enough, and I know that that is true.",
        "Das ist sehr sehr gut, und die, die die Zelle sehen, sind froh.",
        "Nous nous voyons, et vous vous levez.",
        "The value is 1,5 or 3.14 at 10:30, see v1.2.3 and the file a.txt, or Node.js.",
        "See https://x.org/a,b;c?d=e , and write to a.b@x.org about it.",
        "The sum over i is the same when i is even, for i in 1..n.",
        "Use the sign , or the sign ; as you like it.",
        "Run it with --help and read ../x or use ...args in the call.",
        "npm is a tool. git is another one.",
        "The names are a,b,c and the row is name,age,city.",
        "Qu'est-ce que c'est ? C'est la vie : elle est dure !",
        "人人都说日日夜夜。你好，世界",
        'He wrote "the the" and 5" of it.',
        "An iPhone, pH 7 and mRNA are in the list.",
        "He met Dr. with and approx. half of the U.S. team.",
        "First line with a break  \nand the second one.",
        "Is total - discount = price the rule, or not?",
        "#include <stdio.h>",
        "#hashtag and #another",
        "# About iPhones And The Cell\n\nWe know the cell, and it is small.",
        "[1]: https://example.org  'A  title'",
        "A pattern of x , y and of . alone.",
    ],
)
def test_what_is_meant_as_it_stands_stays(text):
    assert improve(text) == text


@pytest.mark.parametrize(
    "protected",
    [
        "`a  ,b  the the`",
        "``a ` ,b``",
        "$a , b  c$",
        "$$\nx  ,y\n$$",
        r"\(a  , b\)",
        "<span  class='a ,b'>",
        '[link](https://x.org/a ,b "the the")',
        "\n\n```python\nx = [1 ,2]  \n\n\n\ny = 'the the'\n```\n\n",
        "\n\n~~~\n```\n ,a\n~~~\n\n",
        "\n\n    code  , the the\n\n",
        "\n\n<div>\n  the  the ,x\n</div>\n\n",
        "\n\n> the the  ,quotation\n\n",
        "\n\n<!-- the the ,x -->\n\n",
        "\n\n- item\n\n  ```\n  a  ,b\n  ```\n\n",
    ],
)
def test_what_is_no_prose_stays_to_the_byte(protected):
    text = f"We know that the the cell is here {protected} and it is small ,too."
    assert protected.strip("\n") in improve(text)


def test_front_matter_stays():
    front = "---\ntitle:  the the\ndate: 1 ,2\n---"
    assert improve(f"{front}\ntext").startswith(front)


@pytest.mark.parametrize(
    ("untidy", "tidy"),
    [
        ("#Title\ntext", "# Title\n\ntext"),
        ("## Title: ##\ntext", "## Title\n\ntext"),
        ("# C#\n\n### Deep\n\n##### Deeper\n\n## Up", "# C#\n\n## Deep\n\n### Deeper\n\n## Up"),
        ("Title\n=====\ntext\n\nSub\n---", "# Title\n\ntext\n\n## Sub"),
        (
            "# THE CELL AND DNA\n\nThe cell is small, and it has a core.",
            "# The cell and DNA\n\nThe cell is small, and it has a core.",
        ),
        ("- item\n\nSub\n---\ntext", "- item\n\n## Sub\n\ntext"),
        ("one\n\n\n\n\ntwo   ", "one\n\ntwo"),
        ("* a\n+ b\n• c", "- a\n- b\n- c"),
        ("text\n* a\n    * b\n* c", "text\n\n- a\n  - b\n- c"),
        ("1. a\n1. b\n    * c\n7. d", "1. a\n2. b\n   - c\n3. d"),
        ("3. a\n2. b\n1. c", "3. a\n2. b\n1. c"),
        ("```python\nx = 1\n\n", "```python\nx = 1\n```"),
        ("text\n```\ncode\n```\ntext", "text\n\n```\ncode\n```\n\ntext"),
    ],
)
def test_the_form_of_markdown_is_tidied(untidy, tidy):
    assert improve(untidy) == tidy


def test_a_well_written_text_is_left_alone():
    assert improve(OPERATING_SYSTEMS) == OPERATING_SYSTEMS.strip("\n")


def test_a_text_that_never_settles_stays_as_it_was(monkeypatch):
    monkeypatch.setattr(improvements, "_MOST_PASSES", 0)
    assert improve("the the text ,\n") == "the the text ,"


def test_a_paragraph_that_shouts_is_left_alone():
    text = "THE CELL IS SMALL. IT HAS A CORE, AND THE CORE HAS DNA."
    assert improve(text) == text


def test_bullets_can_be_asked_for():
    text = "First one. Second one!\n\nAlone."
    assert improve(text, instructions="please use Bullet points") == "- First one.\n- Second one!\n\nAlone."
    assert improve(text, instructions="as a numbered list") == "1. First one.\n2. Second one!\n\nAlone."


@pytest.mark.parametrize("instructions", [None, "", "make it shorter", "no bullets, please", "x" * 9_000])
def test_other_instructions_change_nothing(instructions):
    text = "First one. Second one!\n\nAlone."
    assert improve(text, instructions=instructions) == text


@pytest.mark.parametrize("name", REAL_TEXTS)
def test_the_words_of_a_real_text_stay(name):
    improved = improve(REAL_TEXTS[name])
    assert words_of(improved) == words_of(REAL_TEXTS[name])
    assert improve(improved) == improved


@quick
@example(text="Title\n===\nwe know that it is so", instructions=None)
@given(text=markdown, instructions=st.sampled_from([None, "bullets", "numbered"]))
def test_improving_twice_changes_nothing_more(text, instructions):
    once = improve(text, instructions=instructions)
    assert improve(once, instructions=instructions) == once
    assert not once.endswith("\n")


@quick
@given(markdown)
def test_no_word_comes_and_only_doubles_go(text):
    before, after = words_of(text), words_of(improve(text))
    assert not after - before
    assert all(before[word] > 1 for word in before - after)


@quick
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="`\r"), max_size=80))
def test_any_code_in_a_fence_stays(code):
    assert f"```x\n{code}\n```" in improve(f"the the text ,here\n```x\n{code}\n```\nmore  text")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_improved_with_little_work(name):
    with at_most(cpu_seconds=3):
        once = improve(HOSTILE[name])
    assert improve(once) == once
