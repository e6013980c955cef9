"""Cut Markdown into blocks, line by line, so that code is never taken for prose.

The rules are those of CommonMark where they matter. Each line is looked at a bounded number of
times, because the texts come from strangers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

_FENCE = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}+|~{3,}+)([^`]*)")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?")
_CROWDED_HEADING = re.compile(r"(#{1,6})([^\W_].*)")
_UNDERLINE = re.compile(r" {0,3}(?:={3,}+|-{3,}+)[ \t]*")
_ITEM = re.compile(r"([ \t]*)([-*+•‣◦▪●]|\d{1,9}[.)])([ \t]+)(\S.*)")
_DEFINITION = re.compile(r" {0,3}\[[^\[\]]{1,200}\]:")
_DELIMITER = re.compile(r":?-+:?")
_HTML = re.compile(
    r" {0,3}</?(?:address|article|aside|blockquote|body|center|dd|details|dialog|div|dl|dt|fieldset|figcaption|"
    r"figure|footer|form|h[1-6]|head|header|hr|html|iframe|li|link|main|menu|meta|nav|ol|p|section|summary|"
    r"table|tbody|td|tfoot|th|thead|title|tr|ul)(?:[\s/>]|$)",
    re.IGNORECASE,
)
_RAW_HTML = re.compile(r" {0,3}<(pre|script|style|textarea)(?:[\s>]|$)", re.IGNORECASE)
_LONE_TAG = re.compile(r" {0,3}</?[A-Za-z][A-Za-z0-9-]*(?:[\s/][^<>]*)?>[ \t]*")
TYPED_BULLETS = "•‣◦▪●"  # bullets as word processors write them
_DEEPEST_TEXT = 3  # a line with more blanks in front, outside a list, is code


class Kind(Enum):
    """Name what a block of Markdown is."""

    FRONT_MATTER = "front matter"
    CODE = "code"
    MATHS = "maths"
    HTML = "html"
    HEADING = "heading"
    ITEM = "item"
    TABLE = "table"
    QUOTE = "quote"
    RULE = "rule"
    DEFINITION = "definition"
    TEXT = "text"


_CONTINUED = (Kind.TEXT, Kind.ITEM, Kind.QUOTE)  # an indented line directly below is part of these


@dataclass(frozen=True, slots=True)
class Block:
    """Hold the lines of one block as they were written, and whether a blank line stands before it."""

    kind: Kind
    lines: tuple[str, ...]
    spaced: bool


@dataclass(frozen=True, slots=True)
class Item:
    """Hold the parts of the first line of a list item; the indentation counts columns."""

    indentation: int
    marker: str
    gap: str
    text: str


def blocks_of(content: str) -> list[Block]:
    """Cut a text into its blocks, in order; blank lines between them are left out."""
    return _Reader(content.replace("\r\n", "\n").replace("\r", "\n").split("\n")).read()


def heading_of(block: Block) -> tuple[int, str]:
    """Give the level and the title of a heading block, without its closing hashes."""
    first = block.lines[0]
    if len(block.lines) == 2:
        return (1 if "=" in block.lines[1] else 2), first.strip()
    match = _HEADING.fullmatch(first) or _CROWDED_HEADING.fullmatch(first.strip())
    if match is None:
        return 1, first.strip()
    title = (match[2] or "").strip()
    bare = title.rstrip("#")
    return len(match[1]), bare.rstrip() if not bare or bare[-1].isspace() else title


def item_of(line: str) -> Item | None:
    """Take the first line of a list item apart; None when it is no such line."""
    match = _ITEM.fullmatch(line)
    if match is None or _is_rule(line):
        return None
    return Item(len(match[1].expandtabs(4)), match[2], match[3], match[4])


def indentation_of(line: str) -> int:
    """Count the columns before the first character of a line."""
    expanded = line[: len(line) - len(line.lstrip())].expandtabs(4)
    return len(expanded)


def is_plain(line: str) -> bool:
    """Say whether a line that is not indented is text and nothing else, wherever it stands."""
    if line[:1].isalpha():
        return True
    blocks = blocks_of(line)
    return len(blocks) == 1 and blocks[0].kind is Kind.TEXT


def unquoted(block: Block) -> str:
    """Give the text inside a block quote, without the marks of any depth."""
    return "\n".join(line.lstrip("> \t") for line in block.lines)


def fence_of(line: str) -> str | None:
    """Give the run of characters that opens a fence in this line; None when there is none."""
    match = _FENCE.fullmatch(line)
    if match is None or ("~" in match[1] and "~~~" in match[2]):
        return None
    return match[1]


def is_fence_end(line: str, fence: str) -> bool:
    """Say whether the line closes that fence."""
    bare = line.strip()
    return len(bare) >= len(fence) and not bare.strip(fence[0])


def cells_of(row: str) -> list[str]:
    """Give the cells of a table's row."""
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def _is_rule(line: str) -> bool:
    bare = "".join(line.split())
    return len(bare) >= 3 and bare[0] in "-*_" and not bare.strip(bare[0])


def _is_table(lines: list[str], start: int) -> bool:
    if start + 1 >= len(lines) or "|" not in lines[start] or "-" not in lines[start + 1]:
        return False
    delimiters = cells_of(lines[start + 1])
    return all(_DELIMITER.fullmatch(cell) for cell in delimiters) and (
        len(delimiters) > 1 or "|" in lines[start + 1]
    )


class _Reader:
    """Read blocks from the top; each `_take_...` gives the line after its block, or None."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.blocks: list[Block] = []
        self.in_list = False
        self.code_column = _DEEPEST_TEXT + 1
        self.spaced = True
        self.attempts: tuple[tuple[Kind, Callable[[int], int | None]], ...] = (
            (Kind.FRONT_MATTER, self._take_front_matter),
            (Kind.CODE, self._take_fence),
            (Kind.CODE, self._take_indented_code),
            (Kind.MATHS, self._take_maths),
            (Kind.HTML, self._take_html),
            (Kind.RULE, self._take_rule),
            (Kind.HEADING, self._take_heading),
            (Kind.TABLE, self._take_table),
            (Kind.QUOTE, self._take_quote),
            (Kind.ITEM, self._take_item),
            (Kind.DEFINITION, self._take_definition),
            (Kind.HEADING, self._take_underlined),
            (Kind.TEXT, self._take_text),
        )
        # Where the last of each closing mark stands: behind it nobody needs to search for one.
        self.last_line_with = {
            mark: max((number for number, line in enumerate(lines) if mark in line.lower()), default=-1)
            for mark in ("$$", r"\]", "-->", "</pre", "</script", "</style", "</textarea")
        }

    def read(self) -> list[Block]:
        position = 0
        while position < len(self.lines):
            if not self.lines[position].strip():
                self.spaced = True
                position += 1
                continue
            position = self._read_block(position)
            self.spaced = False
        return self.blocks

    def _read_block(self, start: int) -> int:
        spaced = self.spaced
        for kind, take in self.attempts:
            end = take(start)
            if end is not None:
                self.blocks.append(Block(kind, tuple(self.lines[start:end]), spaced))
                self._remember_list(kind, self.lines[start])
                return end
        raise AssertionError("every line is at least text")

    def _remember_list(self, kind: Kind, line: str) -> None:
        item = item_of(line) if kind is Kind.ITEM else None
        self.in_list = item is not None or (self.in_list and indentation_of(line) >= 2)
        if item and item.marker in TYPED_BULLETS:
            # Markdown knows no such bullet: what follows is read as if the item were a paragraph.
            self.code_column = _DEEPEST_TEXT + 1
        elif item:
            self.code_column = item.indentation + len(item.marker) + len(item.gap) + 4
        elif not self.in_list:
            self.code_column = _DEEPEST_TEXT + 1

    def _take_front_matter(self, start: int) -> int | None:
        lines = self.lines
        if start > 0 or lines[0].rstrip() != "---" or len(lines) < 3 or not re.match(r"[\w-]+:", lines[1]):
            return None
        ends = (number for number in range(1, len(lines)) if lines[number].rstrip() in {"---", "..."})
        end = next(ends, None)
        return None if end is None else end + 1

    def _take_fence(self, start: int) -> int | None:
        fence = fence_of(self.lines[start])
        if fence is None:
            return None
        for number in range(start + 1, len(self.lines)):
            if is_fence_end(self.lines[number], fence):
                return number + 1
        return len(self.lines)

    def _take_indented_code(self, start: int) -> int | None:
        continues = not self.spaced and bool(self.blocks) and self.blocks[-1].kind in _CONTINUED
        if continues or indentation_of(self.lines[start]) < self.code_column:
            return None
        end = following = start
        # Blank lines belong to the code when it goes on behind them.
        while following < len(self.lines):
            is_blank = not self.lines[following].strip()
            if not is_blank and indentation_of(self.lines[following]) < self.code_column:
                break
            following += 1
            end = end if is_blank else following
        return end

    def _take_maths(self, start: int) -> int | None:
        bare = self.lines[start].strip()
        if bare.startswith("$$"):
            if "$$" in bare[2:]:
                return start + 1 if bare.count("$$") == 2 and bare.endswith("$$") else None
            return self._after("$$", start + 1)
        if bare.startswith(r"\["):
            return self._after(r"\]", start)
        return None

    def _take_html(self, start: int) -> int | None:
        line = self.lines[start]
        raw = _RAW_HTML.match(line)
        if raw:
            return self._after(f"</{raw[1].lower()}", start) or len(self.lines)
        if line.lstrip().startswith("<!--"):
            return self._after("-->", start) or self._next_blank(start)
        is_tag = _HTML.match(line) or (self.spaced and _LONE_TAG.fullmatch(line))
        return self._next_blank(start) if is_tag else None

    def _take_rule(self, start: int) -> int | None:
        return start + 1 if _is_rule(self.lines[start]) else None

    def _take_heading(self, start: int) -> int | None:
        line = self.lines[start]
        return start + 1 if _HEADING.fullmatch(line) or self._is_crowded_heading(line) else None

    def _is_crowded_heading(self, line: str) -> bool:
        """Tell `#Title` from a hashtag, a `#include` and a `#1`."""
        match = _CROWDED_HEADING.fullmatch(line)
        if match is None or " #" in line:
            return False
        first = match[2][0]
        return len(match[1]) > 1 or (self.spaced and first.isalpha() and not first.islower())

    def _take_table(self, start: int) -> int | None:
        if not _is_table(self.lines, start):
            return None
        end = start + 2
        while end < len(self.lines) and self.lines[end].strip():
            if "|" not in self.lines[end] and self._interrupts(end, in_item=False):
                break
            end += 1
        return end

    def _take_quote(self, start: int) -> int | None:
        end = start
        while end < len(self.lines) and re.match(r" {0,3}>", self.lines[end]):
            end += 1
        return end if end > start else None

    def _take_item(self, start: int) -> int | None:
        return self._end_of_text(start, in_item=True) if item_of(self.lines[start]) else None

    def _take_definition(self, start: int) -> int | None:
        return start + 1 if _DEFINITION.match(self.lines[start]) else None

    def _take_underlined(self, start: int) -> int | None:
        following = self.lines[start + 1] if start + 1 < len(self.lines) else ""
        is_inside = self.in_list and indentation_of(self.lines[start]) > 1
        return start + 2 if not is_inside and _UNDERLINE.fullmatch(following) else None

    def _take_text(self, start: int) -> int | None:
        return self._end_of_text(start, in_item=False)

    def _end_of_text(self, start: int, *, in_item: bool) -> int:
        end = start + 1
        while end < len(self.lines) and self.lines[end].strip():
            underlines = not in_item and _UNDERLINE.fullmatch(self.lines[end])
            if not underlines and self._interrupts(end, in_item=in_item):
                break
            end += 1
        return end

    def _interrupts(self, number: int, *, in_item: bool) -> bool:
        line = self.lines[number]
        item = item_of(line)
        if item and (in_item or (item.indentation <= _DEEPEST_TEXT and item.marker[:-1] in {"", "1"})):
            return True
        self.spaced = False
        takes = (self._take_fence, self._take_maths, self._take_html, self._take_rule, self._take_heading)
        if any(take(number) is not None for take in takes):
            return True
        return _is_table(self.lines, number) or re.match(r" {0,3}>", line) is not None

    def _after(self, mark: str, start: int) -> int | None:
        if start > self.last_line_with[mark]:
            return None
        return next(
            number + 1 for number in range(start, len(self.lines)) if mark in self.lines[number].lower()
        )

    def _next_blank(self, start: int) -> int:
        end = start
        while end < len(self.lines) and self.lines[end].strip():
            end += 1
        return end
