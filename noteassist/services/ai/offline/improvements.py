"""Tidy a Markdown text without changing what it says."""

import re
from itertools import groupby

from noteassist.services.ai.offline import markup
from noteassist.services.ai.offline.headings import Levels, Spelling, tidy_title
from noteassist.services.ai.offline.languages import language_of
from noteassist.services.ai.offline.lists import tidy_list
from noteassist.services.ai.offline.markup import Block, Kind, blocks_of
from noteassist.services.ai.offline.sentences import is_whole, sentences_of
from noteassist.services.ai.offline.typography import Style, style_of, tidied

_MOST_PASSES = 6
_STANDING_ALONE = {Kind.HEADING, Kind.CODE, Kind.TABLE, Kind.RULE, Kind.FRONT_MATTER}
_PROSE = (Kind.TEXT, Kind.ITEM, Kind.HEADING)
_ASKED = re.compile(r"(?<!no )(?<!not )(?<!without )\b(bullet(?:s|ed)?|numbered)\b", re.IGNORECASE)


def improve(content: str, *, instructions: str | None = None, language: str = "") -> str:
    """Give the same text with tidy typography, headings, lists and blank lines, as Markdown.

    The words stay, but for words typed twice; code, maths, links, tags and quotations stay to the
    byte. Improving twice changes nothing more. Of the instructions, "bullets" and "numbered" are
    understood: they turn paragraphs of several sentences into lists. `language` is ignored: the
    text's own one counts. A blank text gives an empty string.
    """
    del language
    original = content.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    marker = _wanted_marker(instructions or "")
    text = original
    for _ in range(_MOST_PASSES):
        better = _pass(text, marker)
        if better == text:
            return better
        text = better
    # What never settles is too strange to be improved: it stays as it was.
    return original


def _wanted_marker(instructions: str) -> str:
    """Give the marker of the lists that are asked for; an empty string when none are."""
    match = _ASKED.search(instructions)
    if match is None:
        return ""
    return "1." if match[1].lower() == "numbered" else "-"


def _pass(content: str, marker: str) -> str:
    blocks = blocks_of(content)
    prose = "\n".join("\n".join(block.lines) for block in blocks if block.kind in _PROSE)
    language = language_of(prose)
    tidy = _Tidier(style_of(prose, language), Spelling(prose, language))
    groups = [
        (is_list, list(group)) for is_list, group in groupby(blocks, lambda block: block.kind is Kind.ITEM)
    ]
    pieces: list[Block] = []
    for place, (is_list, group) in enumerate(groups):
        if is_list:
            pieces += tidy.items(group, is_simple=not _goes_on(groups[place + 1 : place + 2]))
            continue
        for block in group:
            pieces += _split(tidy.block(block, pieces), marker, language)
    return _joined(pieces)


def _goes_on(following: list[tuple[bool, list[Block]]]) -> bool:
    """Say whether the block after a list is indented, so that it belongs to the last item."""
    return bool(following) and markup.indentation_of(following[0][1][0].lines[0]) > 1


class _Tidier:
    """Tidy one block after the other, from the top of a text."""

    def __init__(self, style: Style, spelling: Spelling) -> None:
        self._style = style
        self._spelling = spelling
        self._levels = Levels()

    def items(self, blocks: list[Block], *, is_simple: bool) -> list[Block]:
        """Tidy a list, its markers and its texts."""
        shaped = tidy_list(blocks) if is_simple else tidy_list([*blocks, _ANYTHING])[:-1]
        return [self._item(block) for block in shaped]

    def block(self, block: Block, before: list[Block]) -> Block:
        """Tidy a block that is no list item; code and its like stay as they are."""
        if block.kind is Kind.HEADING:
            return self._heading(block)
        if block.kind is Kind.TEXT:
            return self._text(block, before)
        if block.kind is Kind.CODE:
            return _closed(block)
        return block

    def _heading(self, block: Block) -> Block:
        level, title = markup.heading_of(block)
        if not title:
            return block
        title = self._spelling.calm(tidy_title(tidied(title, self._style, is_start=False)))
        return Block(block.kind, (f"{'#' * self._levels.next(level)} {title}",), block.spaced)

    def _text(self, block: Block, before: list[Block]) -> Block:
        lines = _without_margins(block.lines)
        if not any(character.isalnum() for character in "".join(lines)):
            return Block(block.kind, tuple(lines), block.spaced)
        last = before[-1] if before else None
        is_start = block.spaced and (
            last is None or last.kind is Kind.HEADING or (last.kind is Kind.TEXT and is_whole(last.lines[-1]))
        )
        text = tidied("\n".join(lines), self._style, is_start=is_start)
        return Block(block.kind, tuple(text.split("\n")), block.spaced)

    def _item(self, block: Block) -> Block:
        item = markup.item_of(block.lines[0])
        if item is None:
            return block
        lead = block.lines[0][: len(block.lines[0]) - len(item.text)]
        text = tidied("\n".join([item.text, *block.lines[1:]]), self._style, is_start=False)
        return Block(block.kind, tuple((lead + text).split("\n")), block.spaced)


_ANYTHING = Block(Kind.CODE, ("",), spaced=False)


def _closed(block: Block) -> Block:
    """Close a fence that was left open."""
    fence = markup.fence_of(block.lines[0])
    if fence is None or (len(block.lines) > 1 and markup.is_fence_end(block.lines[-1], fence)):
        return block
    lines = list(block.lines)
    while not lines[-1].strip():
        lines.pop()
    blanks = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return Block(block.kind, (*lines, blanks + fence), block.spaced)


def _without_margins(lines: tuple[str, ...]) -> list[str]:
    """Take the blanks around the lines of a paragraph away, but not those that break a line."""
    tidy = []
    for number, line in enumerate(lines):
        is_indented = number == 0 and markup.indentation_of(line) > 1
        bare = line.rstrip() if is_indented or not markup.is_plain(line.strip()) else line.strip()
        breaks = number < len(lines) - 1 and line.endswith("  ")
        tidy.append(bare + "  " if breaks else bare)
    return tidy


def _split(block: Block, marker: str, language: str) -> list[Block]:
    """Turn a paragraph of several sentences into list items, when that is asked for."""
    if not marker or block.kind is not Kind.TEXT or block.lines[0][:1].isspace():
        return [block]
    sentences = sentences_of("\n".join(block.lines), language)
    if len(sentences) < 2 or not all(any(map(str.isalnum, sentence)) for sentence in sentences):
        return [block]
    numbers = range(1, len(sentences) + 1)
    markers = [f"{number}." if marker == "1." else marker for number in numbers]
    return [
        Block(Kind.ITEM, (f"{mark} {sentence}",), mark == markers[0] and number == 1)
        for number, mark, sentence in zip(numbers, markers, sentences, strict=True)
    ]


def _joined(blocks: list[Block]) -> str:
    lines: list[str] = []
    for before, block in zip([None, *blocks], blocks, strict=False):
        if before is not None and (block.spaced or _needs_blank(before, block)):
            lines.append("")
        exact = block.kind in {Kind.CODE, Kind.FRONT_MATTER, Kind.MATHS, Kind.HTML, Kind.QUOTE}
        lines += block.lines if exact else map(_without_trail, block.lines)
    return "\n".join(lines).strip("\n")


def _needs_blank(before: Block, block: Block) -> bool:
    if block.kind is Kind.HEADING or before.kind is Kind.HEADING:
        return True
    if block.lines[0][:1].isspace() or before.lines[0][:1].isspace():
        return False
    if block.kind is Kind.ITEM:
        return before.kind is Kind.TEXT or (
            before.kind is Kind.ITEM and block.lines[0][0].isdigit() != before.lines[0][0].isdigit()
        )
    return bool({before.kind, block.kind} & _STANDING_ALONE) and Kind.HTML not in {before.kind, block.kind}


def _without_trail(line: str) -> str:
    """Remove blanks at the end of a line but for the two that break it."""
    bare = line.rstrip()
    return bare + "  " if line == bare + "  " and bare else bare
