"""Collect the sentences of a text together with where they stand."""

from dataclasses import dataclass

from noteassist.services.ai.offline import markup
from noteassist.services.ai.offline.inline import folded
from noteassist.services.ai.offline.markup import Block, Kind
from noteassist.services.ai.offline.sentences import sentences_of

_PROSE = (Kind.TEXT, Kind.ITEM, Kind.QUOTE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Hold one sentence of a text and its surroundings.

    `headings` are the numbers of the headings above it, the outermost first; `place` is its number
    inside its paragraph.
    """

    text: str
    kind: Kind
    headings: tuple[int, ...]
    place: int
    opens_section: bool


@dataclass(frozen=True, slots=True)
class Passages:
    """Hold the sentences of a text in order, and all its headings as pairs of level and title."""

    sentences: list[Sentence]
    headings: list[tuple[int, str]]


def passages_of(blocks: list[Block], language: str) -> Passages:
    """Collect the sentences of paragraphs, list items and quotations; what has no letter is none."""
    found = Passages([], [])
    above: tuple[int, ...] = ()
    opens_section = True
    for block in blocks:
        if block.kind is Kind.HEADING:
            level, title = markup.heading_of(block)
            above = (*(number for number in above if found.headings[number][0] < level), len(found.headings))
            found.headings.append((level, folded(title)))
            opens_section = True
        elif block.kind in _PROSE:
            texts = [text for text in sentences_of(_prose_of(block), language) if _says_something(text)]
            for place, text in enumerate(texts):
                found.sentences.append(Sentence(text, block.kind, above, place, opens_section and not place))
            opens_section = opens_section and not texts
    return found


def _prose_of(block: Block) -> str:
    if block.kind is Kind.QUOTE:
        return markup.unquoted(block)
    item = markup.item_of(block.lines[0]) if block.kind is Kind.ITEM else None
    if item is None:
        return "\n".join(block.lines)
    text = item.text[4:] if item.text[:4].lower() in {"[ ] ", "[x] "} else item.text
    return "\n".join([text, *block.lines[1:]])


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)
