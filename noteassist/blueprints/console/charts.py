"""Charts as numbers: where each bar stands. The templates draw them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 600, 160
GAP = 0.25


@dataclass(frozen=True)
class Bar:
    """A bar, or a piece of one: `kind` decides its colour, `label` is what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    label: str


@dataclass(frozen=True)
class Chart:
    """A chart of bars: its title, what it says in words, the greatest value, and what stands at both ends."""

    name: str
    title: str
    summary: str
    bars: Sequence[Bar]
    top: str
    first: str
    last: str
    kinds: Sequence[str] = ()


def stacked(name: str, title: str, days: Sequence[dict[str, Any]], kinds: Sequence[str]) -> Chart:
    """Make a chart of days, each a bar of as many pieces as there are kinds."""
    most = max((sum(day[kind] for kind in kinds) for day in days), default=0)
    step = WIDTH / max(1, len(days))
    bars = []
    for number, day in enumerate(days):
        below = 0.0
        for kind in kinds:
            height = HEIGHT * day[kind] / most if most else 0.0
            below += height
            if height:
                label = f"{day['date']}: {day[kind]:,} {kind}"
                place = round(number * step, 2), round(HEIGHT - below, 2)
                bars.append(Bar(*place, round(step * (1 - GAP), 2), round(height, 2), kind, label))
    total = sum(day[kind] for day in days for kind in kinds)
    summary = f"{_said(total)} in {len(days)} days, at most {_said(most)} in a day."
    shown = kinds if len(kinds) > 1 else ()
    return Chart(name, title, summary, bars, _said(most), days[0]["date"], days[-1]["date"], shown)


def _said(value: float) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
