"""What students and models write as Markdown, parsed in one way for every format.

Raw HTML stays text. A link leads to the web or to a mail address or is none, and a picture is a link: whatever is
made of the tokens fetches nothing and runs nothing.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

SAFE_ADDRESS = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
# How models write formulas. A formula is not longer than this: the search for its end must have one itself.
BRACKETS = {r"\(": (r"\)", "math_inline"), r"\[": (r"\]", "math_inline_double")}
LONGEST_FORMULA = 2000
# The same characters are what escaped brackets are written with: a formula has something of one, or is a single name.
LIKE_A_FORMULA = re.compile(r"[\\^_={}<>+]|^\s*\w{1,2}\s*$")
MATHS = {"math_inline", "math_inline_double", "math_block", "math_block_label", "math_block_eqno", "amsmath"}
DISPLAYED = MATHS - {"math_inline"}
# So deep may emphasis be in emphasis.
DEEPEST = 10
BOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
# Control characters that neither XML nor a page can have; tab and line feed may stay.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """Give the parser; it keeps nothing between two texts."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.use(footnote_plugin).use(deflist_plugin).use(gfm_autolink_plugin)
    markdown.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    markdown.use(amsmath_plugin).inline.ruler.before("escape", "bracket_math", _bracket_math)
    markdown.core.ruler.push("harmless", _make_harmless)
    return markdown


def parse(text: str) -> list[Token]:
    """Parse a text."""
    return parser().parse(clean(text))


def clean(text: str) -> str:
    """Take away control characters, and give lines one kind of end."""
    return CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n"))


def formulas(tokens: list[Token]) -> Iterator[Token]:
    """Give every formula among tokens and their children."""
    for token in tokens:
        if token.type in MATHS:
            yield token
        yield from formulas(token.children or [])


def is_right_to_left(text: str) -> bool:
    """Say whether the first letter that has a direction runs from right to left (rule P2 of UAX 9)."""
    for letter in text:
        direction = unicodedata.bidirectional(letter)
        if direction in {"L", "R", "AL"}:
            return direction != "L"
    return False


def _bracket_math(state: StateInline, silent: bool) -> bool:
    r"""Read a formula between `\(` and `\)`, or between `\[` and `\]`."""
    start = state.pos + 2
    if state.src[state.pos : start] not in BRACKETS:
        return False
    closing, kind = BRACKETS[state.src[state.pos : start]]
    end = state.src.find(closing, start, min(state.posMax, start + LONGEST_FORMULA))
    if end < 0 or not LIKE_A_FORMULA.search(state.src[start:end]):
        return False
    # An escaped link: its text, or where it leads.
    if state.src[end + 2 : end + 4].lstrip("\\").startswith("(") or state.src[: state.pos].endswith("]"):
        return False
    if not silent:
        state.push(kind, "math", 0).content = state.src[start:end]
    state.pos = end + 2
    return True


def _make_harmless(state: StateCore) -> None:
    for position, token in enumerate(state.tokens):
        if token.type == "inline" and token.children is not None:
            token.children = list(_safe_children(token.children))
            if position > 1 and state.tokens[position - 2].type == "list_item_open":
                _draw_box(token.children)


def _safe_children(children: list[Token]) -> Iterator[Token]:
    """Turn pictures into links, and take away links that lead elsewhere and emphasis within too much emphasis."""
    kept: list[bool] = []
    is_in_link = False
    for token in children:
        if token.type == "image":
            yield from _as_link(token, is_in_link=is_in_link)
        elif token.nesting == 1:
            is_link = token.type == "link_open"
            is_safe = not is_link or SAFE_ADDRESS.match(str(token.attrGet("href") or "")) is not None
            kept.append(is_safe and sum(kept) < DEEPEST)
            is_in_link = is_in_link or (is_link and kept[-1])
            if kept[-1]:
                yield token
        elif token.nesting == -1:
            is_in_link = is_in_link and token.type != "link_close"
            if kept.pop():
                yield token
        else:
            yield token


def _as_link(image: Token, *, is_in_link: bool) -> Iterator[Token]:
    address = str(image.attrGet("src") or "")
    text = Token("text", "", 0, content=image.content or address[:100])
    if is_in_link or not SAFE_ADDRESS.match(address):
        yield text
        return
    yield Token("link_open", "a", 1, attrs={"href": address})
    yield text
    yield Token("link_close", "a", -1)


def _draw_box(children: list[Token]) -> None:
    first = children[0] if children else None
    if first is not None and first.type == "text" and first.content[:4] in BOXES:
        first.content = BOXES[first.content[:4]] + first.content[4:]
