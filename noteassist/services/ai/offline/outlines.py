"""Make a study outline: questions and steps for a topic, and what the student wrote about it before.

Nothing here knows anything about the topic, and so nothing is stated about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from noteassist.services.ai.offline.inline import escaped, folded, mask, one_line
from noteassist.services.ai.offline.languages import language_of
from noteassist.services.ai.offline.markup import blocks_of
from noteassist.services.ai.offline.passages import passages_of
from noteassist.services.ai.offline.subjects import kind_of
from noteassist.services.ai.offline.terms import terms_of
from noteassist.services.ai.offline.wording import Phrases, phrases_for

LEVELS = ("beginner", "intermediate", "advanced")

_LONGEST_TOPIC = 120
_LONGEST_NAME = 80
_LONGEST_EXCERPT = 260
_MOST_REFERENCES = 8
_MOST_TERMS = 8
_LOOKED_AT = 5_000
_FIND, _FIRST, _IN_KIND, _PLAN, _TEST, _WORDS, _NOTES = 0, 1, 4, 5, 6, 7, 8
_TESTED_REFERENCES = 2


@dataclass(frozen=True)
class Reference:
    """Hold a passage of the student's own notes that has to do with the topic."""

    note_id: int
    note_title: str
    topic_name: str
    excerpt: str


def outline(
    topic: str, *, level: str, subject: str | None, references: Sequence[Reference], language: str = "en"
) -> str:
    """Make a study outline in Markdown: questions, a plan, a self-test, a glossary, and the own notes.

    `level` is beginner, intermediate or advanced. The questions also differ by the kind of subject, which
    is guessed from `subject` and `topic`. `language` is that of the fixed words (BCP 47). Raises
    ValueError for another level.
    """
    if level not in LEVELS:
        raise ValueError(f"There is no level {level!r}.")
    name = one_line(topic, _LONGEST_TOPIC) or "?"
    shown = list(references[:_MOST_REFERENCES])
    fill = _Filler(phrases_for(language), f"**{escaped(name)}**")
    field = f", {escaped(one_line(subject, _LONGEST_NAME))}" if subject and subject.strip() else ""
    title = fill.phrases["title"][0].replace("{topic}", escaped(name))
    meant_for = fill.one("meant_for", level=fill.phrases[f"level_{level}"][0], subject=field)
    parts = [
        [f"# {title}", "", meant_for],
        _questions(fill, level, kind_of(subject, topic)),
        _plan(fill, level, has_notes=bool(shown)),
        _self_test(fill, level, shown),
        _glossary(fill, topic, shown),
        _own_notes(fill, shown),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


@dataclass(frozen=True, slots=True)
class _Filler:
    """Fill the topic into phrases."""

    phrases: Phrases
    topic: str

    def heading(self, number: int, level: int = 2) -> str:
        return f"{'#' * level} {self.phrases['headings'][number]}"

    def one(self, purpose: str, **words: str) -> str:
        return self.fill(self.phrases[purpose][0], **words)

    def all(self, purpose: str) -> list[str]:
        return [self.fill(phrase) for phrase in self.phrases[purpose]]

    def fill(self, phrase: str, **words: str) -> str:
        # The strangers' words come last: what looks like a place in them is none.
        for place, word in words.items():
            if place != "name":
                phrase = phrase.replace("{" + place + "}", word)
        head, *rest = phrase.split("{name}")
        pieces = [piece.replace("{topic}", self.topic) for piece in (head, *rest)]
        return words.get("name", "").join(pieces)


def _questions(fill: _Filler, level: str, kind: str) -> list[str]:
    lines = [fill.heading(_FIND), "", fill.heading(_FIRST + LEVELS.index(level), 3), ""]
    lines += [f"- {question}" for question in fill.all(f"find_{level}")]
    lines += ["", fill.heading(_IN_KIND, 3), ""]
    return lines + [f"- {question}" for question in fill.all(f"kind_{kind}_{level}")]


def _plan(fill: _Filler, level: str, *, has_notes: bool) -> list[str]:
    steps = [*(fill.all("plan_notes") if has_notes else []), *fill.all(f"plan_{level}")]
    lines = [fill.heading(_PLAN), ""]
    for number, step in enumerate(steps, 1):
        time, _, work = step.partition("|")
        lines.append(f"{number}. **{time}** – {work}")
    return lines


def _self_test(fill: _Filler, level: str, references: list[Reference]) -> list[str]:
    names = [_named(reference.topic_name or reference.note_title) for reference in references]
    questions = fill.all(f"test_{level}")
    for name in list(dict.fromkeys(names))[:_TESTED_REFERENCES]:
        questions.append(fill.one("test_notes", name=name))
    lines = [fill.heading(_TEST)]
    for number, question in enumerate(questions, 1):
        indentation = " " * (len(str(number)) + 2)
        lines += ["", f"{number}. {question}", "", f"{indentation}{fill.one('answer')} …………"]
    return lines


def _glossary(fill: _Filler, topic: str, references: list[Reference]) -> list[str]:
    excerpts = [reference.excerpt[:_LOOKED_AT] for reference in references]
    terms = terms_of(topic[:_LOOKED_AT], [reference.topic_name for reference in references], excerpts)
    columns = fill.phrases["table"]
    lines = [fill.heading(_WORDS), "", f"| {' | '.join(columns)} |", "| --- | --- | --- |"]
    shown = terms[:_MOST_TERMS] or [one_line(topic, _LONGEST_NAME) or "?"]
    return lines + [f"| {escaped(one_line(term, _LONGEST_NAME))} |  |  |" for term in shown]


def _own_notes(fill: _Filler, references: list[Reference]) -> list[str]:
    lines = [fill.heading(_NOTES)]
    if not references:
        return [*lines, "", fill.one("no_notes")]
    for reference in references:
        where = f"{fill.one('in_note')} *{_named(reference.note_title)}*"
        number = f"{fill.one('note')} {reference.note_id}"
        lines += ["", f"**{_named(reference.topic_name)}**, {where} ({number})"]
        if excerpt := _excerpt(reference.excerpt):
            lines += ["", f"> {excerpt}"]
    return lines


def _named(name: str) -> str:
    return escaped(one_line(name, _LONGEST_NAME)) or "…"


def _excerpt(text: str) -> str:
    """Give the first whole sentences of a note; a part that is cut off, or markup, shows as plain text."""
    beginning = text[:_LOOKED_AT]
    sentences = passages_of(blocks_of(beginning), language_of(beginning)).sentences
    chosen: list[str] = []
    for sentence in sentences:
        if sum(map(len, chosen)) + len(sentence.text) > _LONGEST_EXCERPT:
            break
        chosen.append(sentence.text)
    whole = one_line(" ".join(chosen), 2 * _LONGEST_EXCERPT)
    if whole and not _is_risky(whole):
        return whole
    return escaped(whole or one_line(folded(sentences[0].text if sentences else beginning), _LONGEST_EXCERPT))


def _is_risky(line: str) -> bool:
    """Say whether a line could start a block, show an image, or leave emphasis, code or a tag open."""
    bare = mask(line)
    single = bare.text.replace("**", "")
    is_open = bare.text.count("**") % 2 or any(single.count(mark) % 2 for mark in "`*$") or "<" in single
    links = sum(part.startswith("](http") for part in bare.parts)
    is_foreign = any(part.startswith("<") for part in bare.parts) or "![" in line or line.count("[") != links
    return bool(is_open or is_foreign or (not line[0].isalnum() and line[0] not in "*“„«\"'¿¡(`$["))
