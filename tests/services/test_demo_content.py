"""Check that the study content is deterministic, varied and acceptable to the server."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from noteassist.services.demo import content
from noteassist.services.demo.content import demo_notes, study_notes

SEEDS = (0, 1, 7, 2024)
SIZE = {"notes": 25, "chapters": 4, "topics": 5}
DEMO_FOLDER = Path(content.__file__).parent
PRINT_DIGEST = """
import hashlib, json
from noteassist.services.demo.content import study_notes
notes = list(study_notes(seed=3, notes=25, chapters=4, topics=5))
print(hashlib.sha256(json.dumps(notes).encode()).hexdigest())
"""


def topics_of(notes: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the topics of all notes."""
    return (topic for note in notes for chapter in note["chapters"] for topic in chapter["topics"])


def explanations_of(notes: Iterable[dict[str, Any]]) -> list[str]:
    """Return the explanations that are there."""
    return [topic["explanation"]["content"] for topic in topics_of(notes) if topic["explanation"]]


def digest(notes: Iterable[dict[str, Any]]) -> str:
    """Return a fingerprint of the notes, including the order of their keys."""
    return hashlib.sha256(json.dumps(list(notes)).encode()).hexdigest()


def assert_text(value: object, longest: int) -> None:
    """Check for a text that the server would neither trim nor refuse."""
    assert isinstance(value, str)
    assert 1 <= len(value) <= longest
    assert value == value.strip()


def assert_topic(topic: dict[str, Any]) -> None:
    """Check a topic against the body of POST /api/notes/."""
    assert list(topic) == ["name", "explanation", "code_snippet", "source"]
    assert_text(topic["name"], 255)
    if topic["explanation"] is not None:
        assert list(topic["explanation"]) == ["content"]
        assert_text(topic["explanation"]["content"], 10_000)
    if topic["code_snippet"] is not None:
        assert list(topic["code_snippet"]) == ["language", "code"]
        assert_text(topic["code_snippet"]["language"], 50)
        assert_text(topic["code_snippet"]["code"], 10_000)
    if topic["source"] is not None:
        assert list(topic["source"]) == ["title", "url"]
        assert_text(topic["source"]["title"], 255)


def assert_note(note: dict[str, Any]) -> None:
    """Check a note against the body of POST /api/notes/."""
    assert list(note) == ["title", "tags", "status", "chapters"]
    assert_text(note["title"], 255)
    assert note["status"] in {"draft", "published", "archived"}
    for chapter in note["chapters"]:
        assert list(chapter) == ["title", "topics"]
        assert_text(chapter["title"], 255)
    for topic in topics_of([note]):
        assert_topic(topic)


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_hash_seed_gives_the_same_bytes(hash_seed: str) -> None:
    root = str(DEMO_FOLDER.parents[2])
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": root}
    command = [sys.executable, "-c", PRINT_DIGEST]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == digest(study_notes(seed=3, **SIZE))


def test_the_same_arguments_give_the_same_notes_twice() -> None:
    assert digest(study_notes(seed=5, **SIZE)) == digest(study_notes(seed=5, **SIZE))


def test_another_seed_gives_other_notes() -> None:
    assert digest(study_notes(seed=5, **SIZE)) != digest(study_notes(seed=6, **SIZE))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_note_has_the_shape_that_the_server_accepts(seed: int) -> None:
    for note in study_notes(seed=seed, **SIZE):
        assert_note(note)


@pytest.mark.parametrize("seed", SEEDS)
def test_there_are_at_most_twenty_short_lower_case_tags_without_repetition(seed: int) -> None:
    for note in study_notes(seed=seed, notes=25, chapters=12, topics=1):
        assert 1 <= len(note["tags"]) <= 20
        assert len(set(note["tags"])) == len(note["tags"])
        assert all(tag == tag.lower() and 1 <= len(tag) <= 50 for tag in note["tags"])


def test_every_note_has_the_number_of_chapters_and_topics_asked_for() -> None:
    notes = list(study_notes(seed=1, notes=7, chapters=3, topics=4))
    assert len(notes) == 7
    assert {len(note["chapters"]) for note in notes} == {3}
    assert {len(chapter["topics"]) for note in notes for chapter in note["chapters"]} == {4}


def test_a_note_may_have_no_chapters_and_a_chapter_no_topics() -> None:
    assert [note["chapters"] for note in study_notes(seed=1, notes=1, chapters=0, topics=5)] == [[]]
    note = next(study_notes(seed=1, notes=1, chapters=1, topics=0))
    assert note["chapters"][0]["topics"] == []


def test_chapters_and_topics_beyond_the_material_still_have_different_titles() -> None:
    note = next(study_notes(seed=1, notes=1, chapters=30, topics=1))
    assert len({chapter["title"] for chapter in note["chapters"]}) == 30
    chapter = next(study_notes(seed=1, notes=1, chapters=1, topics=30))["chapters"][0]
    assert len({topic["name"] for topic in chapter["topics"]}) == 30


def test_the_first_note_is_there_before_the_last_one_is_made() -> None:
    assert next(study_notes(seed=1, notes=10**9, chapters=1, topics=1))["title"]


def test_changing_a_note_leaves_the_next_ones_alone() -> None:
    expected = digest(study_notes(seed=1, **SIZE))
    for topic in topics_of(study_notes(seed=1, **SIZE)):
        for part in filter(None, (topic["code_snippet"], topic["source"])):
            part.clear()
    assert digest(study_notes(seed=1, **SIZE)) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_an_explanation_has_about_800_characters_on_average(seed: int) -> None:
    lengths = [len(text) for text in explanations_of(study_notes(seed=seed, notes=60, chapters=4, topics=5))]
    assert 760 <= mean(lengths[:1000]) <= 840


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_of_the_first_200_explanations_are_the_same(seed: int) -> None:
    explanations = explanations_of(study_notes(seed=seed, **SIZE))[:200]
    assert len(set(explanations)) == 200


def test_every_subject_and_status_turns_up() -> None:
    notes = list(study_notes(seed=1, notes=300, chapters=4, topics=1))
    assert {note["status"] for note in notes} == {"draft", "published", "archived"}
    assert len({chapter["title"] for note in notes for chapter in note["chapters"]}) == 24


def test_a_third_of_the_topics_has_code_and_half_of_them_a_source() -> None:
    topics = list(topics_of(study_notes(seed=1, notes=400, chapters=4, topics=5)))
    assert 0.28 <= mean(topic["code_snippet"] is not None for topic in topics) <= 0.39
    assert 0.46 <= mean(topic["source"] is not None for topic in topics) <= 0.54


def test_no_markup_of_the_text_files_is_left_in_an_explanation() -> None:
    left_over = re.compile(
        r" => [A-Z]|^(is|eg|wrong|ask|see|tip): |\{(example|claim|truth|question|tip|one|other)\}|^```\w+ snippet",
        re.MULTILINE,
    )
    for text in explanations_of([*study_notes(seed=1, **SIZE), *demo_notes()]):
        assert not left_over.search(text), text


def test_every_fence_in_an_explanation_is_closed() -> None:
    for text in explanations_of([*study_notes(seed=1, **SIZE), *demo_notes()]):
        assert len(re.findall(r"(?m)^```", text)) % 2 == 0, text


def test_every_python_snippet_compiles() -> None:
    notes = [*study_notes(seed=1, notes=300, chapters=4, topics=5), *demo_notes()]
    snippets = [topic["code_snippet"] for topic in topics_of(notes) if topic["code_snippet"]]
    programs = {snippet["code"] for snippet in snippets if snippet["language"] == "python"}
    assert len(programs) > 40
    for program in programs:
        compile(program, "<snippet>", "exec")


def test_every_python_snippet_of_the_demo_notes_runs() -> None:
    for topic in topics_of(demo_notes()):
        if topic["code_snippet"]:
            command = [sys.executable, "-c", topic["code_snippet"]["code"]]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            assert (ran.returncode, ran.stderr) == (0, ""), topic["name"]
            assert ran.stdout, topic["name"]


def test_every_source_is_an_https_address() -> None:
    notes = [*study_notes(seed=1, **SIZE), *demo_notes()]
    addresses = [topic["source"]["url"] for topic in topics_of(notes) if topic["source"]]
    assert all(re.fullmatch(r"https://[\w.-]+/\S+", address) for address in addresses)


def test_a_demo_account_gets_three_whole_notes() -> None:
    notes = demo_notes()
    assert len(notes) == 3
    for note in notes:
        assert_note(note)
        assert 3 <= len(note["chapters"]) <= 5
        assert all(3 <= len(chapter["topics"]) <= 6 for chapter in note["chapters"])


def test_every_demo_topic_has_a_thorough_explanation() -> None:
    words = [len(text.split()) for text in explanations_of(demo_notes())]
    assert len(words) == len(list(topics_of(demo_notes())))
    assert min(words) >= 100
    assert mean(words) >= 150


def test_the_texts_stay_small_enough_to_ship() -> None:
    assert sum(file.stat().st_size for file in DEMO_FOLDER.rglob("*.md")) < 400_000
