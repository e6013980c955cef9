"""Tidy lists: one kind of bullet, numbers in order, indentation by depth."""

import re
from dataclasses import dataclass
from itertools import pairwise

from noteassist.services.ai.offline import markup
from noteassist.services.ai.offline.markup import Block, Item, Kind

_FURTHER_IN = 2  # an item is inside the one above when it stands at least so many columns further right


@dataclass(slots=True)
class _Level:
    """Hold where the items of one depth stand, before and after, and how far they have been counted."""

    before: int
    after: int
    marker: str
    number: int


def tidy_list(blocks: list[Block]) -> list[Block]:
    """Tidy a run of list items.

    A list that holds more than items keeps its columns, because code inside it hangs on them; then only
    the bullets become the same ones.
    """
    items = [markup.item_of(block.lines[0]) for block in blocks if block.kind is Kind.ITEM]
    firsts = [item for item in items if item is not None]
    if len(firsts) < len(blocks):
        return [_with_plain_bullet(block) for block in blocks]
    renumbered = _renumbered(firsts)
    levels: list[_Level] = []
    tidy: list[Block] = []
    for block, item, marker in zip(blocks, firsts, renumbered, strict=True):
        column = _enter(levels, item, marker)
        lead = " " * (column + len(marker) + 1)
        # A line that would become something else without its blanks keeps them.
        rest = [
            lead + line.strip() if markup.is_plain(line.strip()) else line.rstrip()
            for line in block.lines[1:]
        ]
        first = f"{' ' * column}{marker} {item.text.rstrip()}{_hard_break(block, 0)}"
        rest = [line + _hard_break(block, number) for number, line in enumerate(rest, 1)]
        tidy.append(Block(block.kind, (first, *rest), block.spaced))
    return tidy


def _with_plain_bullet(block: Block) -> Block:
    item = markup.item_of(block.lines[0]) if block.kind is Kind.ITEM else None
    if item is None or item.marker[0].isdigit() or item.marker in markup.TYPED_BULLETS:
        return block
    blanks = len(block.lines[0]) - len(block.lines[0].lstrip())
    first = block.lines[0][:blanks] + "-" + block.lines[0][blanks + 1 :]
    return Block(block.kind, (first, *block.lines[1:]), block.spaced)


def _renumbered(items: list[Item]) -> list[str]:
    """Give the marker of each item; numbers that count down or jump back are meant and stay."""
    markers = ["-" if not item.marker[0].isdigit() else item.marker for item in items]
    for run in _numbered_runs(items):
        numbers = [int(items[place].marker[:-1]) for place in run]
        if all(before <= after for before, after in pairwise(numbers)):
            for offset, place in enumerate(run):
                markers[place] = f"{numbers[0] + offset}{items[place].marker[-1]}"
    return markers


def _numbered_runs(items: list[Item]) -> list[list[int]]:
    """Collect the items that are counted together: of one depth, with one kind of mark behind the number."""
    open_runs: list[tuple[int, list[int]]] = []
    runs: list[list[int]] = []
    for place, item in enumerate(items):
        while open_runs and open_runs[-1][0] >= item.indentation + _FURTHER_IN:
            open_runs.pop()
        belongs = open_runs and item.indentation < open_runs[-1][0] + _FURTHER_IN
        if belongs and items[open_runs[-1][1][-1]].marker[-1] == item.marker[-1]:
            open_runs[-1][1].append(place)
            continue
        if belongs:
            open_runs.pop()
        open_runs.append((item.indentation, [place]))
        runs.append(open_runs[-1][1])
    return [run for run in runs if items[run[0]].marker[0].isdigit()]


def _enter(levels: list[_Level], item: Item, marker: str) -> int:
    """Find the column of an item, which is where the text of the item around it begins."""
    while levels and levels[-1].before > item.indentation + 1:
        levels.pop()
    if levels and item.indentation >= levels[-1].before + _FURTHER_IN:
        outer = levels[-1]
        levels.append(_Level(item.indentation, outer.after + len(outer.marker) + 1, marker, 1))
    elif levels:
        levels[-1].marker = marker
    else:
        levels.append(_Level(item.indentation, 0, marker, 1))
    return levels[-1].after


def _hard_break(block: Block, number: int) -> str:
    """Keep the two blanks that break a line inside a paragraph."""
    is_last = number == len(block.lines) - 1
    return "  " if not is_last and re.search(r"  $", block.lines[number]) else ""
