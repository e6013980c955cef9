"""Cards that NoteAssist made: the fields of each say in which note and chapter its topic was, and what it had."""

import html
import re
from collections.abc import Sequence

from noteassist.services.imports.anki_collections import Card, NoteType
from noteassist.services.imports.drafts import Draft, clean_line
from noteassist.services.imports.html_texts import LANGUAGE, to_markdown
from noteassist.services.imports.outlines import plain

# As `exports/anki.py` writes them. Anki may give the note type another id, and people add fields at the end.
FIELDS = ["Topic", "Chapter", "Note", "Explanation", "Code", "Source"]
# Headings of an explanation are so many levels below those that were typed.
TOPIC_LEVELS = 2
HEADING = re.compile(r"(</?h)([1-6])\b")
# A text that could not be laid out stands on its card as it was typed.
AS_TYPED = re.compile(r"<pre>([^<]*)</pre>")
CODE = re.compile(r"\s*<pre><code(?: class=\"([^\"]*)\")?>(.*)</code></pre>\s*", re.DOTALL)
LINK = re.compile(r"<a\b[^>]*?\bhref=\"([^\"]*)\"[^>]*>(.*?)</a>", re.DOTALL)
# What is longer is no source; so no field takes long.
LONGEST_SOURCE = 10_000
LINE_BREAK = re.compile(r"<br\s*/?>|</div>")
TAG = re.compile(r"<[^<>]*>")


def is_own(note_type: NoteType) -> bool:
    """Say whether a note type is that of our exports."""
    return note_type.fields[: len(FIELDS)] == FIELDS


def title_of(card: Card) -> str:
    """Give the title of the note that a card is of."""
    return _name(card.fields[2])


def chapters_of(cards: Sequence[Card]) -> list[Draft]:
    """Make the chapters of a note of its cards, in their order."""
    chapters: dict[str, list[Draft]] = {}
    for card in cards:
        chapters.setdefault(_name(card.fields[1]), []).append(_topic(card))
    return [{"title": title, "topics": topics} for title, topics in chapters.items()]


def _topic(card: Card) -> Draft:
    explanation, code, source = card.fields[3:6]
    text = _explanation(explanation)
    return {
        "name": _name(card.fields[0]),
        "explanation": {"content": text} if text else None,
        "code_snippet": _code_snippet(code) if code.strip() else None,
        "source": _source(source) if source.strip() else None,
    }


def _name(field: str) -> str:
    return clean_line(plain(to_markdown(field)) if TAG.search(field) else html.unescape(field))


def _explanation(field: str) -> str:
    typed = AS_TYPED.fullmatch(field.strip())
    if typed:
        return html.unescape(typed[1])
    return to_markdown(HEADING.sub(_raised, field))


def _raised(found: re.Match[str]) -> str:
    return f"{found[1]}{max(1, int(found[2]) - TOPIC_LEVELS)}"


def _code_snippet(field: str) -> Draft:
    found = CODE.fullmatch(field)
    # The export puts a line's end after the code.
    code = _text(found[2]).removesuffix("\n") if found else _text(field)
    language = LANGUAGE.search(found[1] or "") if found else None
    return {"language": language[1] if language else "", "code": code}


def _source(field: str) -> Draft:
    link = LINK.search(field[:LONGEST_SOURCE])
    if link is None:
        return {"title": "", "url": clean_line(_text(field[:LONGEST_SOURCE]))}
    url, title = clean_line(html.unescape(link[1])), clean_line(_text(link[2]))
    # Without a title the address is shown in its place.
    return {"title": "" if title == url else title, "url": url}


def _text(field: str) -> str:
    lines = LINE_BREAK.sub("\n", field)
    return html.unescape(TAG.sub("", lines))
