"""Compose readable study notes from the texts beside this module.

The texts are Markdown so that a person can read and correct them: `subjects/` holds the facts from
which any number of notes is assembled, `phrases.md` the wording around them, and `notes/` the
finished notes of the demo account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from random import Random
from typing import Any

_FENCE = "```"
_HEADING = re.compile(r"(#{1,3}) (.+)")
_SNIPPET = re.compile(r"```(\w+) snippet")
_SOURCE = re.compile(r"Source: \[(.+)\]\((https://.+)\)")
_TABLE_QUOTE_OR_FORMULA = ("|", ">", "$$")

# The lengths, in characters, between which an explanation is wanted before its last part is added;
# they make the mean come out near 800.
_SHORTEST, _LONGEST, _USUAL = 380, 1040, 735

_SNIPPET_SHARE = 0.64
_FENCED_CODE_SHARE = 0.25
_SOURCE_SHARE = 0.5
_EXPLAINED_SHARE = 0.97
_STATUSES = ("published",) * 6 + ("draft",) * 3 + ("archived",)


@dataclass(frozen=True, slots=True)
class Heading:
    """Hold one heading of a Markdown text with the lines up to the next one."""

    level: int
    title: str
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Concept:
    """Hold everything that is known about one term of a subject."""

    term: str
    definition: str
    facts: list[str]
    example: str
    claim: str
    truth: str
    question: str
    figure: str
    snippet: dict[str, str] | None
    source: dict[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """Hold the concepts that a chapter is made of."""

    title: str
    concepts: list[Concept]


@dataclass(frozen=True, slots=True)
class Subject:
    """Hold a field of study; subjects of the same area may share a note."""

    name: str
    area: str
    tags: list[str]
    tips: list[str]
    sections: list[Section]


def study_notes(*, seed: int, notes: int, chapters: int, topics: int) -> Iterator[dict[str, Any]]:
    """Yield note trees of the given size, the same ones for the same arguments on any machine."""
    rng = Random(seed)
    subjects = _subjects()
    for number in range(1, notes + 1):
        yield _compose_note(rng, subjects, number, chapters, topics)


def demo_notes() -> list[dict[str, Any]]:
    """Return the finished notes that welcome a new demo account."""
    return [_read_note(text) for text in _texts("notes")]


def _texts(folder: str) -> Iterator[str]:
    """Yield the Markdown files of a folder, by name, because the order on disk is not fixed."""
    files: Iterable[Traversable] = resources.files(__package__).joinpath(folder).iterdir()
    for file in sorted(files, key=lambda entry: entry.name):
        if file.name.endswith(".md"):
            yield file.read_text(encoding="utf-8")


def _headings(markdown: str) -> list[Heading]:
    """Cut a text at its headings; a `#` inside fenced code is a comment and no heading."""
    found: list[Heading] = []
    fenced = False
    for line in markdown.splitlines():
        if line.startswith(_FENCE):
            fenced = not fenced
        match = None if fenced else _HEADING.fullmatch(line)
        if match:
            found.append(Heading(len(match[1]), match[2], []))
        else:
            found[-1].lines.append(line)
    return found


def _without_snippet(lines: list[str]) -> tuple[list[str], dict[str, str] | None]:
    """Separate the fence marked as snippet from the lines around it."""
    for start, line in enumerate(lines):
        if match := _SNIPPET.fullmatch(line):
            end = lines.index(_FENCE, start)
            snippet = {"language": match[1], "code": "\n".join(lines[start + 1 : end])}
            return lines[:start] + lines[end + 1 :], snippet
    return lines, None


def _fields(lines: list[str]) -> dict[str, list[str]]:
    """Collect the `key: value` lines by key, list items under `-`, other markup under `figure`."""
    fields: dict[str, list[str]] = {}
    for line in filter(None, lines):
        if line.startswith("- "):
            key, value = "-", line[2:]
        elif line.startswith(_TABLE_QUOTE_OR_FORMULA):
            key, value = "figure", line
        else:
            key, value = line.split(": ", 1)
        fields.setdefault(key, []).append(value)
    return fields


def _read_concept(heading: Heading) -> Concept:
    """Read one concept, whose misconception is written as `claim => truth`."""
    lines, snippet = _without_snippet(heading.lines)
    fields = _fields(lines)
    claim, truth = fields["wrong"][0].split(" => ")
    return Concept(
        term=heading.title,
        definition=fields["is"][0],
        facts=fields["-"],
        example=fields["eg"][0],
        claim=claim,
        truth=truth,
        question=fields["ask"][0],
        figure="\n".join(fields.get("figure", [])),
        snippet=snippet,
        source=_read_source(fields["see"][0]),
    )


def _read_source(reference: str) -> dict[str, str]:
    """Expand `title | url`, or the bare name of a Wikipedia article, into a source."""
    if " | " in reference:
        title, url = reference.split(" | ")
        return {"title": title, "url": url}
    title = reference.replace("_", " ").replace("%27", "'")
    return {"title": f"{title} - Wikipedia", "url": f"https://en.wikipedia.org/wiki/{reference}"}


def _read_subject(markdown: str) -> Subject:
    """Read a field of study: `##` opens a section and `###` a concept."""
    head, *rest = _headings(markdown)
    fields = _fields(head.lines)
    sections: list[Section] = []
    for heading in rest:
        if heading.level == 2:
            sections.append(Section(heading.title, []))
        else:
            sections[-1].concepts.append(_read_concept(heading))
    return Subject(
        name=head.title,
        area=fields["area"][0],
        tags=fields["tags"][0].split(", "),
        tips=fields["tip"],
        sections=sections,
    )


@cache
def _subjects() -> tuple[Subject, ...]:
    """Read all subjects once, since parsing them takes longer than composing a note."""
    return tuple(_read_subject(text) for text in _texts("subjects"))


@cache
def _phrases(purpose: str) -> list[str]:
    """Return the wordings for one purpose, such as `example` or `note title`."""
    text = resources.files(__package__).joinpath("phrases.md").read_text(encoding="utf-8")
    section = next(heading for heading in _headings(text) if heading.title == purpose)
    return _fields(section.lines)["-"]


def _read_note(markdown: str) -> dict[str, Any]:
    """Turn a finished note into the tree that the server accepts."""
    head, *rest = _headings(markdown)
    fields = _fields(head.lines)
    chapters: list[dict[str, Any]] = []
    for heading in rest:
        if heading.level == 2:
            chapters.append({"title": heading.title, "topics": []})
        else:
            chapters[-1]["topics"].append(_read_topic(heading))
    return {
        "title": head.title,
        "tags": fields["tags"][0].split(", "),
        "status": fields["status"][0],
        "chapters": chapters,
    }


def _read_topic(heading: Heading) -> dict[str, Any]:
    """Take the lines under a heading apart into explanation, snippet and source."""
    lines, snippet = _without_snippet(heading.lines)
    sources = [match for line in lines if (match := _SOURCE.fullmatch(line))]
    content = "\n".join(line for line in lines if not _SOURCE.fullmatch(line)).strip()
    return {
        "name": heading.title,
        "explanation": {"content": content} if content else None,
        "code_snippet": snippet,
        "source": {"title": sources[0][1], "url": sources[0][2]} if sources else None,
    }


def _compose_note(
    rng: Random, subjects: tuple[Subject, ...], number: int, chapters: int, topics: int
) -> dict[str, Any]:
    """Fill a note with sections of one subject first and of its related subjects after that."""
    first = rng.choice(subjects)
    related = [subject for subject in subjects if subject.area == first.area and subject is not first]
    rng.shuffle(related)
    sections = [
        (subject, section)
        for subject in (first, *related)
        for section in rng.sample(subject.sections, len(subject.sections))
    ]
    plan = [(*sections[index % len(sections)], index // len(sections) + 1) for index in range(chapters)]
    covered = list(dict.fromkeys([first.name, *(subject.name for subject, _, _ in plan)]))
    tags = [*rng.sample(first.tags, 3), *(subject.tags[0] for subject, _, _ in plan)]
    tags.append(rng.choice(_phrases("study tag")))
    return {
        "title": rng.choice(_phrases("note title")).format(subject=_enumerate(covered), number=number),
        "tags": list(dict.fromkeys(tags)),
        "status": rng.choice(_STATUSES),
        "chapters": [
            _compose_chapter(rng, subject, section, part, topics) for subject, section, part in plan
        ],
    }


def _enumerate(names: list[str]) -> str:
    """Join subject names as in a sentence: `Biology, chemistry and physics`."""
    first, *others = [names[0], *(name.lower() for name in names[1:4])]
    return f"{', '.join([first, *others[:-1]])} and {others[-1]}" if others else first


def _compose_chapter(
    rng: Random, subject: Subject, section: Section, part: int, topics: int
) -> dict[str, Any]:
    """Fill a chapter with the concepts of a section, in random order and again if they run out."""
    concepts = rng.sample(section.concepts, len(section.concepts))
    return {
        "title": section.title if part == 1 else f"{section.title}, part {part}",
        "topics": [
            _compose_topic(rng, subject, concepts, index % len(concepts), index // len(concepts) + 1)
            for index in range(topics)
        ],
    }


def _compose_topic(
    rng: Random, subject: Subject, concepts: list[Concept], index: int, repetition: int
) -> dict[str, Any]:
    """Write one topic; a concept that comes up once more is marked as a review."""
    concept = concepts[index]
    name = rng.choice(_phrases("topic name")).format(term=concept.term)
    shows_snippet = concept.snippet is not None and rng.random() < _SNIPPET_SHARE
    explanation = None
    if rng.random() < _EXPLAINED_SHARE:
        fenced = not shows_snippet and rng.random() < _FENCED_CODE_SHARE
        neighbours = concepts[index - 1].term, concepts[index - 2].term
        explanation = {"content": _explain(rng, subject, concept, neighbours, fenced)}
    # Snippets and sources are copied, since a caller may change the tree that it was given.
    return {
        "name": name if repetition == 1 else f"{name}, review {repetition - 1}",
        "explanation": explanation,
        "code_snippet": dict(concept.snippet) if concept.snippet and shows_snippet else None,
        "source": dict(concept.source) if rng.random() < _SOURCE_SHARE else None,
    }


def _explain(
    rng: Random, subject: Subject, concept: Concept, neighbours: tuple[str, str], fenced: bool
) -> str:
    """Write the definition, then add parts in random choice until the text is long enough."""
    facts = list(concept.facts)
    opening = f"{concept.definition} {facts.pop(rng.randrange(len(facts)))}"
    wanted = rng.triangular(_SHORTEST, _LONGEST, _USUAL)
    parts = _optional_parts(rng, subject, concept, facts, neighbours, fenced)
    chosen = []
    length = len(opening)
    for place in rng.sample(range(len(parts)), len(parts)):
        if length >= wanted:
            break
        chosen.append(place)
        length += len(parts[place]) + 2
    # The parts were built in an order that reads well, whichever of them were chosen.
    return "\n\n".join([opening, *(parts[place] for place in sorted(chosen))])


def _optional_parts(
    rng: Random,
    subject: Subject,
    concept: Concept,
    facts: list[str],
    neighbours: tuple[str, str],
    fenced: bool,
) -> list[str]:
    """Word every part of an explanation that may follow its opening, in reading order."""
    one, other = neighbours
    figure = [concept.figure] if concept.figure else []
    if fenced and concept.snippet:
        figure.append("{fence}{language}\n{code}\n{fence}".format(fence=_FENCE, **concept.snippet))
    example = _word(rng, "example", example=concept.example)
    mistake = _word(rng, "mistake", claim=concept.claim, truth=concept.truth)
    return [
        _list_facts(rng, facts),
        *figure,
        *((example, mistake) if rng.random() < 0.5 else (mistake, example)),
        _word(rng, "question", question=concept.question),
        _word(rng, "tip", tip=rng.choice(subject.tips)),
        _word(rng, "neighbours", one=one, other=other),
    ]


def _list_facts(rng: Random, facts: list[str]) -> str:
    """Word the facts as a list or as a paragraph, so that notes do not all look alike."""
    if rng.random() < 0.4:
        return " ".join(facts)
    return rng.choice(_phrases("points")) + "\n\n" + "\n".join(f"- {fact}" for fact in facts)


def _word(rng: Random, purpose: str, **words: str) -> str:
    """Put words into one of the wordings for a purpose."""
    return rng.choice(_phrases(purpose)).format(**words)
