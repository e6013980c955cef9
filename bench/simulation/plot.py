"""Pictures of a simulation, as SVG written by hand."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.simulation.results import FULL, MOST_P95_MS, Summary

WIDTH, HEIGHT = 840, 380
TOP, BOTTOM = 56, 330
INK, GREY, PALE = "#1f2430", "#667085", "#e4e7ec"
COLOURS = ("#2563eb", "#d97706", "#b91c1c", "#047857")
LOWEST_MS, HIGHEST_MS = 0.5, 2000.0


@dataclass(frozen=True)
class Panel:
    """One diagram: where it stands, and how its values become places in the picture."""

    left: float
    right: float
    title: str
    across: Callable[[float], float]
    up: Callable[[float], float]

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Place a value; both ways give a share of the diagram, from 0 to 1."""
        share = min(max(self.up(y), 0.0), 1.0)
        return self.left + self.across(x) * (self.right - self.left), BOTTOM - share * (BOTTOM - TOP)


def text(x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", colour: str = INK) -> str:
    """Write words."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(words)}</text>"
    )


def line(x1: float, y1: float, x2: float, y2: float, *, colour: str = PALE, dashes: str = "") -> str:
    """Draw a straight line."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashed}/>'


def curve(panel: Panel, values: Sequence[tuple[float, float]], colour: str) -> str:
    """Draw values as a line with dots."""
    points = [panel.point(x, y) for x, y in values]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def frame(panel: Panel, marks: Sequence[tuple[float, str]], users: Sequence[int]) -> list[str]:
    """Draw a panel's title, its horizontal lines with their values, and the users below."""
    drawn = [text(panel.left, TOP - 16, panel.title, size=14)]
    for value, words in marks:
        _, y = panel.point(0, value)
        drawn += [line(panel.left, y, panel.right, y)]
        drawn += [text(panel.left - 6, y + 4, words, size=11, anchor="end", colour=GREY)]
    for count in users:
        x, _ = panel.point(count, 0)
        drawn += [text(x, BOTTOM + 18, f"{count:,}", size=11, anchor="middle", colour=GREY)]
    middle = (panel.left + panel.right) / 2
    return [*drawn, text(middle, BOTTOM + 38, "users at once", colour=GREY, anchor="middle")]


def legend(x: float, top: float, names: Sequence[str]) -> list[str]:
    """Say which colour is what."""
    drawn = []
    for number, name in enumerate(names):
        y = top + number * 18
        drawn.append(f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10" fill="{COLOURS[number]}"/>')
        drawn.append(text(x + 15, y, name, size=12))
    return drawn


def picture(title: str, drawn: Sequence[str], height: int = HEIGHT) -> str:
    """Put a picture together."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def logarithmic(value: float) -> float:
    """Place milliseconds so that each power of ten is as far as the next."""
    return math.log(max(value, LOWEST_MS) / LOWEST_MS) / math.log(HIGHEST_MS / LOWEST_MS)


def rising_picture(summaries: Sequence[Summary]) -> str:
    """Draw latency and use over the number of users."""
    most = max(found.users for found in summaries)
    users = range(0, most + 1, 1000)
    slow = Panel(60, 400, "milliseconds (logarithmic)", lambda n: n / most, logarithmic)
    busy = Panel(480, 820, "share in use", lambda n: n / most, float)
    drawn = frame(slow, [(ms, f"{ms:g}") for ms in (1, 10, 100, 1000)], users)
    _, bound = slow.point(0, MOST_P95_MS)
    drawn += [line(slow.left, bound, slow.right, bound, colour=GREY, dashes="5 4")]
    drawn += [text(slow.right, bound - 5, f"{MOST_P95_MS:g} ms", size=11, anchor="end", colour=GREY)]
    for number, name in enumerate(("p50", "p95", "p99")):
        values = [(found.users, float(getattr(found, f"{name}_ms"))) for found in summaries]
        drawn.append(curve(slow, values, COLOURS[number]))
    drawn += legend(slow.left + 14, TOP + 16, ("p50", "p95", "p99"))
    drawn += frame(busy, [(share, f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1)], users)
    parts = ("machine", "Python processes", "slots", "worker slots")
    for number, name in enumerate(parts):
        drawn.append(
            curve(busy, [(found.users, found.utilisation[name]) for found in summaries], COLOURS[number])
        )
    drawn += legend(busy.right - 140, BOTTOM - 80, parts)
    return picture("One machine with two processors under rising load", drawn)


def bars_picture(summaries: Sequence[Summary]) -> str:
    """Draw how full each part is, one group of bars for each scenario."""
    drawn, y = [], 36.0
    left, right = 200.0, 780.0
    for found in summaries:
        drawn.append(text(20, y, found.title, size=14))
        words = f"{found.requests_per_second:,.0f} req/s, p95 {found.p95_ms:.0f} ms, {found.verdict}"
        drawn.append(text(WIDTH - 20, y, words, anchor="end", colour=GREY))
        for name, share in found.utilisation.items():
            y += 20
            colour = COLOURS[2] if share >= FULL else COLOURS[1] if share >= 0.7 else COLOURS[0]
            drawn.append(text(left - 10, y + 4, name, anchor="end"))
            drawn.append(
                f'<rect x="{left}" y="{y - 7:.1f}" width="{right - left}" height="12" fill="{PALE}"/>'
            )
            width = (right - left) * min(share, 1.0)
            drawn.append(
                f'<rect x="{left}" y="{y - 7:.1f}" width="{width:.1f}" height="12" fill="{colour}"/>'
            )
            drawn.append(text(right + 8, y + 4, f"{share:.0%}", size=11))
        y += 44
    return picture("How full each part is", drawn, int(y))
