"""The few figures that the tables are made of."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    if not values:
        raise ValueError("No values, so no percentile.")
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


@dataclass(frozen=True)
class Spread:
    """A median with the lowest and the highest of the rounds it comes from."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise what the rounds gave."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int = 2) -> str:
        """Write the median, then the range in brackets."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"


def paired_ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Divide round by round: what slows a whole round down then falls out of the ratio."""
    return Spread.of([a / b for a, b in zip(above, below, strict=True)])


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Fit a straight line by least squares; nothing rises where there are fewer than two places."""
    if len({x for x, _ in points}) < 2:
        return 0.0
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope
