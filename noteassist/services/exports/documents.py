"""What a document consists of, whatever its format: made of a note, or of one text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from markdown_it.token import Token

from noteassist.services.exports.markdown import SAFE_ADDRESS, clean, parse
from noteassist.services.exports.times import read_time

CHAPTER, TOPIC = 1, 2
AUTHOR = "NoteAssist"
"""Who made a note's file, as far as the file says."""


@dataclass(frozen=True)
class Heading:
    """A chapter or a topic begins."""

    level: int
    text: str
    number: str
    """As it is shown, such as 2.3."""
    anchor: str
    """A name that no other has in the document."""


@dataclass(frozen=True)
class Prose:
    """Markdown, parsed."""

    tokens: list[Token]
    depth: int
    """By how many levels its own headings are below the document's title."""
    name: str
    """What no other text of the document is called; it keeps their footnotes apart."""


@dataclass(frozen=True)
class Code:
    """Code that stands for itself."""

    language: str
    code: str


@dataclass(frozen=True)
class Source:
    """Where a topic comes from."""

    title: str
    url: str
    """An address in the web; empty if what was given is none."""


Block = Heading | Prose | Code | Source


@dataclass(frozen=True)
class Document:
    """A document."""

    title: str
    language: str
    changed_at: datetime
    facts: tuple[str, ...] = ()
    """Lines below the title."""
    blocks: list[Block] = field(default_factory=list)
    tags: tuple[str, ...] = ()
    is_note: bool = True
    """A note has a title page and contents; a single text has neither."""

    @property
    def headings(self) -> list[Heading]:
        """Give the chapters and topics."""
        return [block for block in self.blocks if isinstance(block, Heading)]


def document_of_note(note: Mapping[str, Any]) -> Document:
    """Make the document of a note's detail."""
    blocks: list[Block] = []
    for number, chapter in enumerate(note["chapters"], 1):
        blocks.append(Heading(CHAPTER, one_line(chapter["title"]), f"{number}", f"c{number}"))
        for place, topic in enumerate(chapter["topics"], 1):
            name = f"{number}-{place}"
            blocks.append(Heading(TOPIC, one_line(topic["name"]), f"{number}.{place}", f"t{name}"))
            blocks.extend(parts_of(topic, name, TOPIC))
    changed_at = read_time(note.get("updated_at")) or datetime(2000, 1, 1, tzinfo=UTC)
    tags = tuple(map(one_line, note["tags"]))
    facts = [f"{changed_at:%Y-%m-%d}", note["status"], " · ".join(tags)]
    return Document(one_line(note["title"]), "en", changed_at, tuple(filter(None, facts)), blocks, tags)


def document_of_text(title: str, text: str, language: str, changed_at: datetime) -> Document:
    """Make the document of a single Markdown text."""
    prose = Prose(parse(text), 0, "text")
    return Document(one_line(title), language, changed_at, blocks=[prose], is_note=False)


def parts_of(topic: Mapping[str, Any], name: str, depth: int) -> list[Block]:
    """Give what a topic has, without its heading."""
    blocks: list[Block] = []
    if topic.get("explanation"):
        blocks.append(Prose(parse(topic["explanation"]["content"]), depth, name))
    if topic.get("code_snippet"):
        snippet = topic["code_snippet"]
        blocks.append(Code(one_line(snippet["language"]), clean(snippet["code"])))
    if topic.get("source"):
        title, url = one_line(topic["source"]["title"]), one_line(topic["source"]["url"])
        blocks.append(Source(title or url, url if SAFE_ADDRESS.match(url) else ""))
    return blocks


def one_line(text: str) -> str:
    """Bring a text into one line without control characters."""
    return " ".join(clean(text).split())
