"""What the rounds of a run come to: ours beside the peer's, and what is required."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.cases import CASES
from bench.ceilings import KINDS, PLAIN
from bench.figures import Spread, paired_ratio
from bench.rounds import Row

OURS, PEER = "noteassist", "peer"
ROLES = ("app", "postgres", "redis")


@dataclass(frozen=True)
class Line:
    """All rounds of one target in one case."""

    case: str
    target: str
    rows: tuple[Row, ...]

    @property
    def failures(self) -> int:
        """Count the answers that were no success, over all rounds."""
        return sum(row.failures for row in self.rows)

    @property
    def cpu_ms(self) -> tuple[float, ...]:
        """List the processor milliseconds per request of each round, empty when unknown."""
        return tuple(ms for row in self.rows if (ms := row.total_cpu_ms) is not None)

    def median(self, name: str) -> float:
        """Take the middle round of one figure."""
        return Spread.of([getattr(row, name) for row in self.rows]).median

    def role_ms(self, role: str) -> str:
        """Write the middle round of one role's share."""
        values = [row.cpu_ms[role] for row in self.rows if role in row.cpu_ms]
        return f"{Spread.of(values).median:.2f}" if values else "-"


def lines_of(rows: Sequence[Row]) -> list[Line]:
    """Gather the rounds of each case and target, in the order in which they were first met."""
    gathered: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.round):
        gathered.setdefault((row.case, row.target), []).append(row)
    lines = [Line(case, target, tuple(found)) for (case, target), found in gathered.items()]
    order = list(dict.fromkeys(row.case for row in rows))
    return sorted(lines, key=lambda line: order.index(line.case))


def ratio(above: Line | None, below: Line | None) -> Spread | None:
    """Compare two lines round by round; a line with a failure in it compares with nothing."""
    if above is None or below is None or above.failures or below.failures:
        return None
    if not above.cpu_ms or not all(below.cpu_ms) or len(above.cpu_ms) != len(below.cpu_ms):
        return None
    return paired_ratio(above.cpu_ms, below.cpu_ms)


@dataclass(frozen=True)
class Compared:
    """One case: both servers, how many times fewer processor milliseconds ours takes, and whether that is enough."""

    case: str
    title: str
    ours: Line
    peer: Line | None
    times: Spread | None
    required: str = ""
    holds: bool | None = None


def compare(rows: Sequence[Row]) -> list[Compared]:
    """Put the servers side by side, case by case; the rows are all with limits, or all without."""
    lines = lines_of(rows)
    peers = {line.case: line for line in lines if line.target == PEER}
    return [
        compare_lines(line, peers.get(line.case))
        for line in lines
        if line.target == OURS and line.case in CASES
    ]


def compare_lines(ours: Line, peer: Line | None) -> Compared:
    """Hold one case against what is required of it."""
    case = CASES[ours.case]
    times = ratio(peer, ours)
    required, holds = "", None
    if case.most_p99_ms is not None:
        required = f"p99 < {case.most_p99_ms:g} ms"
        holds = not ours.failures and ours.median("p99_ms") < case.most_p99_ms
    elif case.times_fewer_ms is not None:
        required = f">= {case.times_fewer_ms:g}x"
        holds = None if times is None else times.median >= case.times_fewer_ms
    return Compared(ours.case, case.title, ours, peer, times, required, holds)


@dataclass(frozen=True)
class Ceiling:
    """The least that a request can cost in one way, and how many times as much a warm list takes."""

    name: str
    cpu_ms: Spread
    requests_per_second: float
    times: Spread | None


def ceilings(rows: Sequence[Row]) -> list[Ceiling]:
    """Hold our warm list against each of the ceilings, round by round."""
    lines = {line.target: line for line in lines_of([row for row in rows if row.case == "ceilings"])}
    ours = lines.get(OURS)
    return [
        Ceiling(
            line.target,
            Spread.of(line.cpu_ms),
            line.median("requests_per_second"),
            ratio(ours, line) if line is not ours else None,
        )
        for name in (*KINDS, OURS)
        if (line := lines.get(name)) and line.cpu_ms and not line.failures
    ]


def floor_ms(rows: Sequence[Row]) -> float | None:
    """Give what one round trip to Redis costs at the least, where that was measured."""
    return next((found.cpu_ms.median for found in ceilings(rows) if found.name == PLAIN), None)


# 10,000 users who think for 1 to 3 seconds.
USERS, THINKING_SECONDS = 10_000, 2
REQUESTS_A_SECOND = USERS // THINKING_SECONDS
FULL_ENOUGH = 0.7


@dataclass(frozen=True)
class Cores:
    """The processors that 10,000 users keep busy with one server."""

    server: str
    busy: Spread

    @property
    def needed(self) -> float:
        """Say how many there must be, so that they are not fuller than they should be."""
        return self.busy.median / FULL_ENOUGH


def cores(compared: Sequence[Compared]) -> list[Cores]:
    """Multiply what the mix costs by the requests of 10,000 users."""
    lines = [line for one in compared if one.case == "mix" for line in (one.ours, one.peer) if line]
    return [
        Cores(line.target, Spread.of([ms * REQUESTS_A_SECOND / 1000 for ms in line.cpu_ms]))
        for line in lines
        if line.cpu_ms and not line.failures
    ]


def kept_rows(found: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Take rounds from a JSON file."""
    return [Row(**{name: value for name, value in row.items() if name != "total_cpu_ms"}) for row in found]
