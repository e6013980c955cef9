import json
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noteassist.services.ai.offline import LABEL, Reference, outline, wording
from noteassist.services.ai.offline.outlines import LEVELS
from noteassist.services.ai.offline.subjects import kind_of
from tests.services.ai_offline.material import HOSTILE, at_most, markdown, quick

PAGES = Reference(
    note_id=3,
    note_title="Operating systems",
    topic_name="Page faults",
    excerpt="An access to a page that is not in memory causes a **page fault**. The kernel looks up why.",
)
SUBJECTS = ("Physics", "Mathematics", "Programming", "History", "English", "Law", "Medicine", None)


def make(topic="Virtual memory", level="beginner", subject=None, references=(), language="en"):
    return outline(topic, level=level, subject=subject, references=references, language=language)


def lines_of(text):
    return {line for line in text.split("\n") if line.startswith("- ") or ". **" in line}


def test_an_outline_has_questions_a_plan_a_test_a_glossary_and_the_notes():
    headings = [line for line in make().split("\n") if line.startswith("#")]
    assert headings[0] == "# Study outline: Virtual memory"
    assert headings[-4:] == [
        "## Plan of study",
        "## Test yourself",
        "## Words to explain",
        "## From your own notes",
    ]


def test_the_levels_share_no_question_and_no_step():
    texts = [lines_of(make(level=level)) for level in LEVELS]
    assert all(len(lines) >= 10 for lines in texts)
    assert not texts[0] & texts[1]
    assert not texts[1] & texts[2]
    assert not texts[0] & texts[2]


@pytest.mark.parametrize("level", LEVELS)
def test_each_kind_of_subject_has_questions_of_its_own(level):
    texts = [make("It", level=level, subject=subject) for subject in SUBJECTS]
    own = [lines_of(text) - lines_of(other) for text in texts for other in texts if other is not text]
    assert all(len(lines) == 2 for lines in own)


@pytest.mark.parametrize(
    ("kind", "subject", "topic"),
    [
        ("science", "Biology", "Photosynthesis"),
        ("mathematics", None, "Eigenvalues of a matrix"),
        ("programming", "Operating systems", "Scheduling"),
        ("history", "Geschichte", "Der Wiener Kongress"),
        ("languages", "Français", "le subjonctif"),
        ("law", None, "Kaufvertrag"),
        ("medicine", "Medicina", "diabetes"),
        ("generic", None, "Knitting"),
    ],
)
def test_the_kind_of_subject_is_guessed_from_words(kind, subject, topic):
    assert kind_of(subject, topic) == kind


def test_the_own_notes_are_quoted_with_their_names():
    text = make(references=[PAGES])
    assert "**Page faults**, in *Operating systems* (note 3)" in text
    assert f"> {PAGES.excerpt}" in text
    assert "“Page faults”" in text
    assert "| page fault |" in text


@pytest.mark.parametrize(
    "open_end", ["This **is open.", "This `is open.", "A <b>tag</b>.", "An ![image](x)."]
)
def test_an_excerpt_with_open_markup_is_shown_as_plain_text(open_end):
    quotation = next(
        line for line in make(references=[Reference(1, "N", "T", open_end)]).split("\n") if line[:1] == ">"
    )
    assert "\\" in quotation


def test_an_excerpt_keeps_its_emphasis_code_and_links():
    excerpt = "**Pages** are *small*, see `mmap` and [this page](https://x.org/a)."
    assert f"> {excerpt}" in make(references=[Reference(1, "N", "T", excerpt)])


def test_without_notes_nothing_is_quoted():
    assert "None of your notes" in make()
    assert ">" not in make()


def test_a_long_excerpt_is_cut_at_the_end_of_a_sentence():
    long = Reference(1, "Note", "Topic", "A short beginning. " + "And so on and on and on. " * 50)
    quotation = next(line for line in make(references=[long]).split("\n") if line.startswith("> "))
    assert len(quotation) < 280
    assert quotation.endswith("on.")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "```\n# Heading\n",
        "x\n\n# Heading\n\n- item",
        "a | b | c",
        "**open",
        "![x](y)",
        "{name} {topic}",
    ],
)
def test_strangers_words_cannot_break_out(hostile):
    reference = Reference(1, hostile, hostile, hostile)
    calm = make("calm", references=[Reference(1, "calm", "calm", "calm")])
    text = make(hostile, subject=hostile, references=[reference])
    assert "<script" not in text.replace(r"\<", "")
    assert "```" not in text.replace(r"\`", "")
    headings = [line for line in text.split("\n") if line.startswith("#")]
    assert len(headings) == sum(line.startswith("#") for line in calm.split("\n"))
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert all(row.replace(r"\|", "").count("|") == 4 for row in rows)


@pytest.mark.parametrize(
    ("tag", "title"),
    [
        ("de-AT", "Lernplan"),
        ("fr", "Plan d'étude"),
        ("es_MX", "Plan de estudio"),
        ("ja", "Study outline"),
        ("../en", "Study outline"),
    ],
)
def test_the_fixed_words_follow_the_language(tag, title):
    assert make(language=tag).startswith(f"# {title}")


def test_every_language_has_every_phrase_with_the_same_places():
    folder = resources.files(wording.__package__).joinpath("phrases")
    files = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in folder.iterdir()}
    english = files["en.json"]
    assert set(files) == {"en.json", "de.json", "fr.json", "es.json"}
    for words in files.values():
        assert words.keys() == english.keys()
        for purpose, texts in words.items():
            places = [text.count("{topic}") > 0 for text in english[purpose]]
            assert len(texts) == len(places), purpose
            assert [text.count("{name}") for text in texts] == [
                text.count("{name}") for text in english[purpose]
            ]


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="no level"):
        make(level="expert")


def test_the_label_is_one_line_of_italics():
    assert LABEL.startswith("*")
    assert LABEL.endswith("*")
    assert "without a language model" in LABEL
    assert "\n" not in LABEL


@quick
@given(topic=markdown, level=st.sampled_from(LEVELS), subject=st.none() | markdown, note=markdown)
def test_any_topic_gives_an_outline(topic, level, subject, note):
    references = [Reference(1, note, topic, note)]
    text = make(topic, level, subject, references)
    assert text == make(topic, level, subject, references)
    assert text.count("\n## ") == 5
    assert not text.endswith("\n")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_becomes_an_outline_with_little_work(name):
    with at_most(cpu_seconds=3):
        assert make(
            HOSTILE[name], references=[Reference(1, HOSTILE[name], HOSTILE[name], HOSTILE[name])] * 20
        )
