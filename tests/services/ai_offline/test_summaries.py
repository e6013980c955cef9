import os
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noteassist.services.ai.offline import summarize
from noteassist.services.ai.offline.sentences import sentences_of
from noteassist.services.ai.offline.summaries import FORMATS, LENGTHS, wanted_sentences
from tests.services.ai_offline.material import (
    HOSTILE,
    OPERATING_SYSTEMS,
    REAL_TEXTS,
    at_most,
    markdown,
    quick,
)


def folded(text):
    return " ".join(text.split())


def bullets_of(summary):
    return [line[2:] for line in summary.split("\n") if line.startswith("- ")]


def places_in(text, sentences):
    """Find each sentence behind the one before it; ValueError when it is not there."""
    places, start = [], 0
    for sentence in sentences:
        start = text.index(sentence, start)
        places.append(start)
        start += len(sentence)
    return places


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", ["operating systems", *REAL_TEXTS])
def test_a_summary_of_a_real_text_is_made_of_its_sentences_in_order(name, length):
    text = REAL_TEXTS.get(name, OPERATING_SYSTEMS)
    sentences = bullets_of(summarize(text, length=length, format="bullets"))
    assert len(places_in(folded(text), sentences)) >= 3


def test_a_summary_has_no_code_no_table_and_no_formula():
    code = "```\nCells in code.\n```\n\n    Cells far in.\n\n"
    figures = "| Cells in a table. |\n| --- |\n\n$$\nCells in maths.\n$$\n\n"
    text = f"{code}{figures}Plants have cells. Walls hold them."
    assert summarize(text, length="long", format="paragraph") == "Plants have cells. Walls hold them."


def test_a_summary_begins_with_what_the_text_is_about():
    summary = summarize(OPERATING_SYSTEMS, length="short", format="paragraph")
    assert summary.startswith("An operating system has two jobs.")
    assert "\n" not in summary


def test_a_summary_prefers_definitions():
    summary = summarize(OPERATING_SYSTEMS, length="medium", format="paragraph")
    assert "A **process** is a program in execution." in summary
    assert "A **thread** is one flow of control inside a process." in summary
    assert "A **deadlock** is a circle of threads" in summary


def test_bullets_stand_under_the_headings_of_the_text_in_their_order():
    summary = summarize(OPERATING_SYSTEMS, length="long", format="bullets")
    headings = re.findall(r"^## (.+)$", summary, re.MULTILINE)
    assert headings[1:4] == ["Processes and threads", "Scheduling", "Memory"]
    assert len(headings) == len(set(headings))


def test_a_text_with_one_section_gives_bullets_without_headings():
    text = "# Life\n\n## Empty\n\n## Cells\n\n" + " ".join(
        f"Cell number {number} does work {number * 7}." for number in range(9)
    )
    assert "#" not in summarize(text, length="medium", format="bullets")


def test_questions_and_what_leads_to_a_list_are_left_out():
    text = (
        "Plants make sugar from light. Why do plants make sugar from light? Plants need these things:\n\n"
        "- light\n- water\n\nLeaves hold the green pigment of plants. Roots take water up for the plants."
    )
    summary = summarize(text, length="short", format="paragraph")
    assert "?" not in summary
    assert ":" not in summary


def test_lines_that_are_no_sentences_are_left_out():
    text = "tags: cells, plants, cells of plants\n\n" + "Plants have cells with walls. " * 2
    text += (
        "Animals have cells without walls. Water enters the cells. Roots drink.\n\nSource: cells of plants"
    )
    summary = summarize(text, length="short", format="paragraph")
    assert "tags" not in summary
    assert "Source" not in summary


def test_notes_that_are_only_a_list_can_be_summarised():
    text = "\n".join(f"- fact {number}: the moon of planet {number} is cold" for number in range(20))
    assert len(bullets_of(summarize(text, length="short", format="bullets"))) == 1 + 1 + 1


def test_of_two_sentences_that_say_the_same_one_is_enough():
    text = (
        "Water boils at one hundred degrees at sea level. Salt dissolves in water quickly. "
        "At sea level, pure water boils at one hundred degrees. Ice floats on lakes in winter. Steam drives turbines."
    )
    assert summarize(text, length="medium", format="paragraph").count("boils") == 1


@pytest.mark.parametrize("text", ["Osmosis", "One sentence only.", "One sentence. And  a\nsecond one."])
def test_a_text_of_one_or_two_sentences_comes_back(text):
    for length in LENGTHS:
        assert summarize(text, length=length, format="paragraph") == folded(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```python\nprint(1)\n```", "```python\nprint(1)\n```"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("😀 😀", "😀 😀"),
        ("# First\n\n## Second", "- First\n- Second"),
        ("$$x = 1$$", "$$x = 1$$"),
        (" \n\t ", "There is no text to summarise."),
    ],
)
def test_a_text_without_sentences_shows_what_there_is(text, expected):
    assert summarize(text, length="short", format="paragraph") == expected


def test_japanese_sentences_are_joined_without_blanks():
    text = "細胞は生命の単位です。細胞には膜があります。膜は細胞を守ります。植物の細胞には壁もあります。"
    summary = summarize(text, length="short", format="paragraph")
    assert " " not in summary
    assert len(sentences_of(summary, "")) == 2


def test_a_long_paragraph_summary_has_parts_where_the_sections_change():
    assert summarize(OPERATING_SYSTEMS, length="long", format="paragraph").count("\n\n") >= 4


def test_the_number_of_sentences_never_falls_with_the_length():
    for available in range(1, 600):
        short, medium, long = (wanted_sentences(available, length) for length in LENGTHS)
        assert 1 <= short <= medium <= long <= min(available, 20)
        assert short <= 3
        assert medium <= 8


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_another_hash_seed_gives_the_same_summary(seed):
    program = (
        "import sys; from noteassist.services.ai.offline import summarize;"
        "text = summarize(sys.stdin.buffer.read().decode(), length='long', format='bullets');"
        "sys.stdout.buffer.write(text.encode())"
    )
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    ran = subprocess.run(
        command, input=OPERATING_SYSTEMS.encode(), env=environment, capture_output=True, check=True
    )
    assert ran.stdout.decode() == summarize(OPERATING_SYSTEMS, length="long", format="bullets")


def test_an_unknown_length_or_format_is_refused():
    for wrong in ({"length": "tiny", "format": "bullets"}, {"length": "short", "format": "poem"}):
        with pytest.raises(ValueError, match="There is no summary"):
            summarize("A text.", **wrong)


@quick
@given(text=markdown, length=st.sampled_from(LENGTHS), format=st.sampled_from(FORMATS))
def test_any_text_gives_a_summary(text, length, format):
    summary = summarize(text, length=length, format=format)
    assert summary.strip()
    assert not summary.endswith("\n")
    assert summary == summarize(text, length=length, format=format)


@quick
@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1, max_size=9), min_size=3, max_size=60))
def test_the_sentences_of_any_prose_are_verbatim_and_in_order(words):
    text = " ".join(word + ("." if number % 5 == 4 else "") for number, word in enumerate(words))
    assert places_in(folded(text), bullets_of(summarize(text, length="long", format="bullets")))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_summarised_with_little_work(name):
    with at_most(cpu_seconds=3):
        assert summarize(HOSTILE[name], length="long", format="bullets")
