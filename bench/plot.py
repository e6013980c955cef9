"""The picture of a run: `python -m bench.plot RESULT.json IMAGE.svg`."""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import orjson

from bench.ceilings import BARE, PLAIN
from bench.comparing import Compared, Line, ceilings, compare, kept_rows
from bench.figures import Spread

WIDTH = 860
LEFT, RIGHT = 218.0, 700.0
TOP, BAR, GAP, GROUP = 112.0, 13.0, 3.0, 45.0
# The picture brings its own ground, so that it reads the same on a light and on a dark page.
STYLE = """\
text{font-family:system-ui,"Segoe UI",Helvetica,Arial,sans-serif;font-size:12px;fill:#1f2430}
.ground{fill:#fff}.grid{stroke:#e4e7ec}.floor{stroke:#667085;stroke-dasharray:4 4}
.ours{fill:#2563eb}.peer{fill:#c2660c}.range{stroke:#1f2430;stroke-width:1.2;fill:none}
.title{font-size:17px;font-weight:600}.small{font-size:11px;fill:#566074}.times{font-weight:600}
@media (prefers-color-scheme:dark){text{fill:#e6e9ef}.ground{fill:#0d1117}.grid{stroke:#2b3240}
.floor{stroke:#9aa4b5}.ours{fill:#5b93ff}.peer{fill:#e8954a}.range{stroke:#f2f4f8}.small{fill:#aab3c2}}"""
FLOORS = {BARE: "bare WSGI", PLAIN: "one Redis round trip"}


class Scale:
    """Places milliseconds so that each power of ten is as far from the next."""

    def __init__(self, values: Sequence[float]) -> None:
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)

    def x(self, milliseconds: float) -> float:
        """Give the place of a value."""
        share = (math.log10(milliseconds) - self.low) / (self.high - self.low)
        return LEFT + max(share, 0.0) * (RIGHT - LEFT)

    @property
    def marks(self) -> list[float]:
        """List the powers of ten."""
        return [10.0**power for power in range(self.low, self.high + 1)]


def bars(kept: Mapping[str, Any]) -> str:
    """Draw processor milliseconds per request, ours beside the peer's; with limits where that was measured."""
    rows = kept_rows(kept["cases"])
    limits = any(row.limits for row in rows)
    rows = [row for row in rows if row.limits == limits]
    compared = [one for one in compare(rows) if one.ours.cpu_ms and not one.ours.failures]
    floors = {FLOORS[found.name]: found.cpu_ms.median for found in ceilings(rows) if found.name in FLOORS}
    lines = [line for one in compared for line in (one.ours, one.peer) if line]
    scale = Scale([ms for line in lines for ms in line.cpu_ms if ms > 0] + list(floors.values()))
    bottom = TOP + GROUP * len(compared)
    drawn = [
        *axis(scale, bottom),
        *(drawn_floor(scale, *floor, bottom, number) for number, floor in enumerate(floors.items())),
    ]
    for number, one in enumerate(compared):
        drawn += group(scale, one, TOP + number * GROUP + 6)
    with_limits = "request limits on in both, never reached" if limits else "request limits off in both"
    rounds = f"{kept['rounds']} rounds of {kept['seconds']:g} s, in turns"
    words = f"{rounds}; {with_limits}; bars end at the median, lines show the range"
    return picture(compared, drawn, bottom + 52, words)


def picture(compared: Sequence[Compared], drawn: Sequence[str], height: float, words: str) -> str:
    """Put the picture together, with the same said in words for who cannot see it."""
    title = "Processor milliseconds per request: NoteAssist and the peer"
    told = "; ".join(filter(None, map(in_words, compared)))
    legend = [
        f'<text class="title" x="20" y="32">{escape(title)}</text>',
        text(
            20, 52, "Application, PostgreSQL and Redis together; logarithmic scale, less is better.", "small"
        ),
        text(20, 68, words[:1].upper() + words[1:] + ".", "small"),
        f'<rect class="ours" x="{LEFT:.0f}" y="80" width="11" height="11"/>',
        text(LEFT + 17, 90, "NoteAssist"),
        f'<rect class="peer" x="{LEFT + 100:.0f}" y="80" width="11" height="11"/>',
        text(LEFT + 117, 90, "the peer"),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-labelledby="title desc"><title id="title">{escape(title)}</title>'
        f'<desc id="desc">{escape(told)}.</desc><style>{STYLE}</style>'
        f'<rect class="ground" width="{WIDTH}" height="{height:.0f}"/>\n'
        + "\n".join([*legend, *drawn])
        + "\n</svg>\n"
    )


def in_words(one: Compared) -> str:
    """Say one case in words."""
    ours = f"{one.title}: NoteAssist {value_text(one.ours)} ms"
    if one.peer is None or not one.peer.cpu_ms:
        return ours
    return f"{ours}, the peer {value_text(one.peer)} ms"


def axis(scale: Scale, bottom: float) -> list[str]:
    """Draw the powers of ten."""
    drawn = []
    for mark in scale.marks:
        x = scale.x(mark)
        drawn.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom:.1f}"/>')
        drawn.append(text(x, bottom + 18, f"{mark:g}", "small", "middle"))
    return [*drawn, text((LEFT + RIGHT) / 2, bottom + 38, "CPU-ms per request", "small", "middle")]


def drawn_floor(scale: Scale, name: str, milliseconds: float, bottom: float, number: int) -> str:
    """Draw what no answer of its kind can be cheaper than."""
    x = scale.x(milliseconds)
    anchor = "end" if number == 0 else "start"
    return f'<line class="floor" x1="{x:.1f}" y1="{TOP - 4:.1f}" x2="{x:.1f}" y2="{bottom:.1f}"/>' + text(
        x + (-4 if number == 0 else 4), TOP - 8, f"{name} {milliseconds:.3f}", "small", anchor
    )


def group(scale: Scale, one: Compared, top: float) -> list[str]:
    """Draw one case: two bars, and how many times fewer."""
    drawn = [text(LEFT - 10, top + BAR + 5, one.title, anchor="end")]
    for number, (kind, line) in enumerate((("ours", one.ours), ("peer", one.peer))):
        if line and line.cpu_ms and not line.failures:
            drawn += bar(scale, kind, line, top + number * (BAR + GAP))
    if one.times:
        drawn.append(text(WIDTH - 20, top + BAR + 5, f"{one.times.median:.1f}x fewer", "times", "end"))
    return drawn


def bar(scale: Scale, kind: str, line: Line, top: float) -> list[str]:
    """Draw one bar with the range of its rounds, and its value behind it."""
    spread = Spread.of(line.cpu_ms)
    end, low, high = scale.x(spread.median), scale.x(max(spread.low, 1e-4)), scale.x(spread.high)
    middle = top + BAR / 2
    caps = "".join(f"M{x:.1f} {middle - 3:.1f}v6" for x in (low, high))
    return [
        f'<rect class="{kind}" x="{LEFT}" y="{top:.1f}" width="{end - LEFT:.1f}" height="{BAR}"/>',
        f'<path class="range" d="M{low:.1f} {middle:.1f}H{high:.1f}{caps}"/>',
        text(max(end, high) + 6, middle + 4, value_text(line), "small"),
    ]


def value_text(line: Line) -> str:
    """Write the median with three digits that mean something."""
    value = Spread.of(line.cpu_ms).median
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Write words."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def main() -> None:
    """Draw one kept run."""
    parser = argparse.ArgumentParser(prog="python -m bench.plot", description=__doc__)
    parser.add_argument("result", type=Path, help="a kept run: bench/results/....json")
    parser.add_argument("image", type=Path, help="where the picture goes: ....svg")
    given = parser.parse_args()
    given.image.write_text(bars(orjson.loads(given.result.read_bytes())))


if __name__ == "__main__":
    main()
