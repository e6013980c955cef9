"""Markdown line by line: which lines are headings, and which stand inside a block of code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

HEADING = re.compile(r"(#{1,6})(?:[ \t]+(.*))?", re.DOTALL)
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)", re.DOTALL)
UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*")
# Lines that cannot be the text of a heading that is underlined.
NO_PARAGRAPH = re.compile(r"\s*$| {4}|\t|\s*(?:[-*+>|#]|\d+[.)]\s|<!--)")


@dataclass(frozen=True)
class Line:
    """A line, without its end."""

    text: str
    level: int = 0
    """Of which level it is a heading; 0: it is none."""
    title: str = ""
    """What the heading says."""
    is_code: bool = False


def scan(lines: list[str], start: int = 0, *, underlined: bool = False) -> Iterator[Line]:
    """Tell of each line from `start` on what it is.

    With `underlined` a line with = or - below it is a heading too; the line below is left out.
    """
    fence = ""
    skip = False
    for number in range(start, len(lines)):
        text = lines[number]
        if skip:
            skip = False
            continue
        if fence:
            fence = "" if _closes(text, fence) else fence
            yield Line(text, is_code=True)
        elif opening := FENCE.fullmatch(text):
            fence = opening.group(1)
            yield Line(text, is_code=True)
        elif heading := HEADING.fullmatch(text):
            yield Line(text, len(heading.group(1)), heading.group(2) or "")
        elif underlined and (level := _underlined(lines, number)):
            skip = True
            yield Line(text, level, text.strip())
        else:
            yield Line(text)


def is_closed(lines: list[str]) -> bool:
    """Say whether no block of code stays open at the end."""
    return not list(scan([*lines, ""]))[-1].is_code


def _closes(text: str, fence: str) -> bool:
    stripped = text.strip(" \t\r")
    return len(stripped) >= len(fence) and set(stripped) == {fence[0]} and not text.startswith("    ")


def _underlined(lines: list[str], number: int) -> int:
    below = lines[number + 1] if number + 1 < len(lines) else ""
    above = lines[number - 1] if number else ""
    found = UNDERLINE.fullmatch(below)
    if found is None or above.strip() or NO_PARAGRAPH.match(lines[number]):
        return 0
    return 1 if found.group(1)[0] == "=" else 2
