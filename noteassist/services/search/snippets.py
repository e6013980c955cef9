"""Excerpts with the found words marked, safe to be shown as HTML."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from noteassist.services.search.queries import Term
from noteassist.services.search.tokens import (
    ASCII_WORD,
    CAMEL,
    CAMEL_PART,
    LONGEST_WORD,
    fold,
    is_unspaced,
    pieces,
)

LONGEST = 200
BEFORE = 60
Span = tuple[int, int]
# A folded word and where it stands.
Placed = tuple[str, int, int]


def snippet(texts: Iterable[str | None], terms: Sequence[Term]) -> str:
    """Cut an excerpt of about 200 characters out of the first text that has a found word, and mark what was found.

    Everything is escaped for HTML; only the marks are elements.
    """
    given = [text for text in texts if text and text.strip()]
    for text in given:
        if spans := _merged(found_spans(text, terms)):
            return _excerpt(text, spans)
    return _excerpt(given[0], []) if given else ""


def found_spans(text: str, terms: Sequence[Term]) -> Iterator[Span]:
    """Find where the terms stand in a text; words within camelCase last."""
    placed = list(_placed(text))
    firsts = {term.words[0] for term in terms}
    prefixes = tuple(term.words[0] for term in terms if term.is_prefix)
    for index, (word, start, _) in enumerate(placed):
        if word in firsts or (prefixes and word.startswith(prefixes)):
            for term in terms:
                side_by_side = placed[index : index + len(term.words)]
                if _stands(term, side_by_side):
                    yield start, side_by_side[-1][2]
    yield from _spans_in_camel_case(text, [term for term in terms if len(term.words) == 1])


def _placed(text: str) -> Iterator[Placed]:
    if text.isascii():
        for word in ASCII_WORD.finditer(text.lower()):
            yield word[0][:LONGEST_WORD], *word.span()
        return
    for run in pieces().finditer(text):
        if not is_unspaced(run[0]):
            yield fold(run[0])[:LONGEST_WORD], *run.span()
            continue
        # Pairs of letters, as they are stored; the letter that has no next one is alone.
        for place in range(*run.span()):
            end = min(place + 2, run.end())
            yield fold(text[place:end]), place, end


def _stands(term: Term, placed: Sequence[Placed]) -> bool:
    *firsts, last = term.words
    if len(placed) < len(term.words):
        return False
    if any(word != found[0] for word, found in zip(firsts, placed, strict=False)):
        return False
    folded = placed[-1][0]
    return folded.startswith(last) if term.is_prefix else folded == last


def _spans_in_camel_case(text: str, terms: Sequence[Term]) -> Iterator[Span]:
    if not terms or CAMEL.search(text) is None:
        return
    for run in pieces().finditer(text):
        if CAMEL.search(run[0]):
            for part in CAMEL_PART.finditer(run[0]):
                placed = (part[0].lower(), run.start() + part.start(), run.start() + part.end())
                if any(_stands(term, [placed]) for term in terms):
                    yield placed[1:]


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _excerpt(text: str, spans: Sequence[Span]) -> str:
    """Write what lies around the first span, with all spans in it marked."""
    start = _word_start(text, spans[0][0] - BEFORE) if spans else 0
    end = min(len(text), max(start + LONGEST, spans[0][1] if spans else 0))
    written = ["…"] if start > 0 else []
    place = start
    for first, last in spans:
        if last > end:
            break
        written += [_escaped(text[place:first]), "<mark>", _escaped(text[first:last]), "</mark>"]
        place = last
    written.append(_escaped(text[place:end]))
    if end < len(text):
        written.append("…")
    return "".join(written).strip()


def _word_start(text: str, place: int) -> int:
    """Move forward to the beginning of a word, by a few letters at most."""
    if place <= 0:
        return 0
    space = re.compile(r"\s").search(text, place, place + BEFORE // 2)
    return space.end() if space else place


def _escaped(text: str) -> str:
    return html.escape(re.sub(r"\s+", " ", text))
