"""Summarise a text by its own most telling sentences."""

import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from noteassist.services.ai.offline import markup
from noteassist.services.ai.offline.inline import folded, one_line
from noteassist.services.ai.offline.languages import language_of, small_words_of
from noteassist.services.ai.offline.markup import Block, Kind, blocks_of
from noteassist.services.ai.offline.passages import Passages, Sentence, passages_of
from noteassist.services.ai.offline.sentences import is_whole

LENGTHS = ("short", "medium", "long")
FORMATS = ("paragraph", "bullets")

_TERM = re.compile(r"[^\W\d_]+|\d[\d.,]*")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+")
_STEM = 7
_CONSIDERED = 200  # of the best sentences; the choice takes time in proportion
_LEANING = re.compile(
    r"(?:it|its|this|that|these|those|they|he|she|his|her|their|but|so|such|then|therefore|thus|hence|however|also|"
    r"and|or|if you|you|your|which|here|both|the following|otherwise|usually|consider|"
    r"es|er|sie|dies|diese|dieser|dieses|das|dabei|dadurch|daher|aber|also|deshalb|dann|damit|und|doch|"
    r"il|elle|ils|elles|cela|ceci|ces|cette|ce|mais|donc|ainsi|alors|et|"
    r"esto|eso|esta|este|estos|estas|ello|pero|así|entonces|y)\b",
    re.IGNORECASE,
)
_DEFINING = re.compile(
    r"\*\*.+?\*\*.{0,40}\b(?:is|are|was|means?|ist|sind|war|heißt|est|sont|était|es|son|era|significa)\b"
)
_QUESTION_MARKS = ("?", "？", "؟")
_NOTHING = "There is no text to summarise."
_SHOWN_LINES = {"short": 3, "medium": 8, "long": 20}
_SHOWN_CHARACTERS = {"short": 200, "medium": 500, "long": 1200}


@dataclass(slots=True)
class _Candidate:
    """Hold a sentence while the summary is put together."""

    number: int
    sentence: Sentence
    terms: tuple[str, ...]
    factor: float
    section: int


def summarize(content: str, *, length: str, format: str, language: str = "") -> str:  # noqa: A002 - the API's word
    """Give the text's own most telling sentences, in their order, as Markdown.

    `length` is short, medium or long; `format` is paragraph or bullets, the bullets grouped under the
    text's own headings. The sentences are verbatim, apart from white space. A text without any
    sentence gives the beginning of what there is, never an empty string. `language` is ignored: the
    text's own one counts. Raises ValueError for another length or format.
    """
    if length not in LENGTHS or format not in FORMATS:
        raise ValueError(f"There is no summary of length {length!r} and format {format!r}.")
    del language
    blocks = blocks_of(content)
    spoken = language_of(content)
    passages = passages_of(blocks, spoken)
    if not passages.sentences:
        return _without_sentences(content, blocks, passages, length)
    chosen = _choose(content, passages, spoken, length)
    if format == "bullets":
        return _as_bullets(chosen, passages)
    return _as_paragraphs(chosen, passages, has_parts=length == "long")


def wanted_sentences(available: int, length: str) -> int:
    """Say how many sentences a summary has; a longer one never has fewer."""
    if available <= 2:
        return available
    short = min(3, (available + 1) // 2)
    usual = 6 if available < 50 else 7 if available < 100 else 8
    medium = max(short, min(usual, math.ceil(available * 0.6)))
    if length != "long":
        return short if length == "short" else medium
    return max(medium, min(20, max(10, math.ceil(available * 0.15)), math.ceil(available * 0.75)))


def _choose(content: str, passages: Passages, language: str, length: str) -> list[Sentence]:
    """Choose one after the other, each time the one that adds most to those before."""
    candidates = _candidates(content, passages, language)
    wanted = wanted_sentences(len(passages.sentences), length)
    weights = _weights(candidates, passages)
    chosen: list[_Candidate] = []
    visits: Counter[int] = Counter()
    candidates.sort(key=lambda candidate: -_score(candidate, weights, visits))
    del candidates[_CONSIDERED:]
    while candidates and len(chosen) < wanted:
        best = max(candidates, key=lambda candidate: _score(candidate, weights, visits))
        candidates.remove(best)
        if any(_is_alike(best, other) for other in chosen):
            continue
        chosen.append(best)
        visits[best.section] += 1
        for term in best.terms:
            weights[term] *= 0.55
    return [candidate.sentence for candidate in sorted(chosen, key=lambda candidate: candidate.number)]


def _candidates(content: str, passages: Passages, language: str) -> list[_Candidate]:
    small = small_words_of(content, language)
    sentences = passages.sentences
    only_items = all(sentence.kind is not Kind.TEXT for sentence in sentences)
    level = _grouping_level(passages)
    exercises = _exercises(sentences)
    candidates: dict[tuple[str, ...], _Candidate] = {}
    for number, sentence in enumerate(sentences):
        terms = tuple(sorted(_terms(sentence.text, small))) or (sentence.text,)
        if terms in candidates:
            continue
        factor = _factor(sentence, number, only_items=only_items)
        factor *= 0.4 if sentence.headings in exercises else 1.0
        section = _section_at(sentence, passages, level)
        candidates[terms] = _Candidate(number, sentence, terms, factor, section)
    return list(candidates.values())


def _exercises(sentences: list[Sentence]) -> set[tuple[int, ...]]:
    """Find the headings under which every other sentence asks something."""
    questions = Counter(
        sentence.headings for sentence in sentences if sentence.text.endswith(_QUESTION_MARKS)
    )
    total = Counter(sentence.headings for sentence in sentences)
    return {headings for headings, count in questions.items() if count * 5 >= total[headings] * 2}


def _terms(text: str, small: frozenset[str]) -> frozenset[str]:
    """Give the stems of the words that matter; scripts without blanks count by pairs of letters."""
    lowered = text.lower()
    stems = {
        word.rstrip("s")[:_STEM] or word
        for word in _TERM.findall(_UNSPACED.sub(" ", lowered))
        if word not in small
    }
    for run in _UNSPACED.findall(lowered):
        stems.update(run[start : start + 2] for start in range(max(1, len(run) - 1)))
    return frozenset(stems)


def _weights(candidates: list[_Candidate], passages: Passages) -> dict[str, float]:
    """Weigh a term by the number of sentences that use it, and more when a heading does."""
    counts = Counter(term for candidate in candidates for term in candidate.terms)
    titles = Counter(term for _, title in passages.headings for term in _terms(title, frozenset()))
    return {term: math.log2(1 + count) * (1.6 if term in titles else 1.0) for term, count in counts.items()}


def _factor(sentence: Sentence, number: int, *, only_items: bool) -> float:
    """Say how much a sentence is worth for its place and its form, whatever it is about."""
    text = sentence.text
    words = len(text.split())
    factor = 1.6 if number == 0 else 1.25 if sentence.opens_section else 1.1 if sentence.place == 0 else 1.0
    factor *= 1.4 if _DEFINING.search(text[:200]) else 1.15 if "**" in text else 1.0
    factor *= 0.55 if _LEANING.match(text) else 1.0
    factor *= 0.3 if text.endswith(_QUESTION_MARKS) else 1.0
    # What ends with a colon leads to something that the summary does not show.
    factor *= 0.15 if text.endswith((":", "：")) else 1.0
    if sentence.kind is not Kind.TEXT and not only_items:
        factor *= 0.8 if is_whole(text) else 0.5
    elif not is_whole(text):
        factor *= 0.25  # a line of tags, a source, a signature
    if words < 5 and not _UNSPACED.search(text):
        factor *= 0.4
    return factor * (0.6 if words > 50 else 1.0)


def _score(candidate: _Candidate, weights: dict[str, float], visits: Counter[int]) -> float:
    total = sum(weights[term] for term in candidate.terms)
    crowding = math.pow(0.65, visits[candidate.section])
    return total / math.pow(len(candidate.terms) + 4, 0.8) * candidate.factor * crowding


def _is_alike(one: _Candidate, other: _Candidate) -> bool:
    mine, theirs = set(one.terms), set(other.terms)
    # What differs in a number says something else, however alike the words are.
    if any(term[0].isdigit() for term in mine ^ theirs):
        return False
    return len(mine & theirs) > 0.65 * max(1, min(len(mine), len(theirs)))


def _grouping_level(passages: Passages) -> int:
    """Give the outermost level at which the text has several headings; 0 when there is none."""
    levels = Counter(level for level, _ in passages.headings)
    return min((level for level, count in levels.items() if count > 1), default=0)


def _section_at(sentence: Sentence, passages: Passages, level: int) -> int:
    """Give the number of the heading at or above that level under which a sentence stands, or -1."""
    above = [number for number in sentence.headings if passages.headings[number][0] <= level]
    return above[-1] if above else -1


def _as_bullets(chosen: list[Sentence], passages: Passages) -> str:
    level = _grouping_level(passages)
    sections = [_section_at(sentence, passages, level) for sentence in chosen]
    lines: list[str] = []
    previous = None
    for sentence, section in zip(chosen, sections, strict=True):
        if section != previous and len(set(sections)) > 1:
            title = passages.headings[section][1] if section >= 0 else ""
            lines += ["", f"## {title}", ""] if title else [""]
        previous = section
        lines.append(f"- {sentence.text}")
    return "\n".join(lines).strip("\n")


def _as_paragraphs(chosen: list[Sentence], passages: Passages, *, has_parts: bool) -> str:
    level = _grouping_level(passages)
    text = chosen[0].text
    for before, sentence in pairwise(chosen):
        is_new = _section_at(before, passages, level) != _section_at(sentence, passages, level)
        separator = "\n\n" if has_parts and is_new else "" if _UNSPACED.match(sentence.text) else " "
        text += separator + sentence.text
    return text


def _without_sentences(content: str, blocks: list[Block], passages: Passages, length: str) -> str:
    """Show the beginning of a text that is only headings, code, a table or signs."""
    titles = [title for _, title in passages.headings if title]
    if titles:
        return "\n".join(f"- {one_line(title, 200)}" for title in titles[: _SHOWN_LINES[length]])
    if blocks and blocks[0].kind in {Kind.CODE, Kind.MATHS, Kind.TABLE}:
        return _beginning(blocks[0], _SHOWN_LINES[length])
    return one_line(content, _SHOWN_CHARACTERS[length]) or _NOTHING


def _beginning(block: Block, lines: int) -> str:
    if block.kind is Kind.MATHS:
        return "\n".join(block.lines)
    if block.kind is Kind.TABLE:
        return "\n".join(block.lines[: lines + 2])
    fence = markup.fence_of(block.lines[0])
    if fence is None:
        return "\n".join(block.lines[:lines])
    inside = [line for line in block.lines[1:] if not markup.is_fence_end(line, fence)]
    return "\n".join([block.lines[0].rstrip(), *inside[:lines], fence]) if inside else folded(block.lines[0])
