"""The tables of a run, and the figures behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from bench.background import Background, Finding
from bench.cases import CASES
from bench.figures import Spread, paired_ratio
from bench.growth import MOST_RATIO
from bench.rounds import Row
from bench.startup import MOST_RSS_MB, MOST_SECONDS, Start

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


def verdict(holds: bool, bound: str) -> str:
    """Write a requirement, and whether it is met."""
    return f"[green]{bound}: met[/]" if holds else f"[bold red]{bound}: NOT met[/]"


def answers(line: Line) -> str:
    """Write how many answers came, or loudly what came instead of successes."""
    if not line.failures:
        return f"{sum(row.requests for row in line.rows):,} ok"
    bad: dict[str, int] = {}
    for row in line.rows:
        for status, count in row.statuses.items():
            if not status.startswith("2"):
                bad[status] = bad.get(status, 0) + count
    return "[bold red]FAILED " + ", ".join(f"{s} x {n}" for s, n in bad.items()) + "[/]"


def figures_table(title: str, lines: Sequence[Line], last: Sequence[tuple[str, list[str]]]) -> Table:
    """Lay out what every line has, then the columns that only this table has."""
    table = Table(title=title, title_justify="left")
    for name in ("case", "server"):
        table.add_column(name)
    for name in ("req/s", "p50", "p95", "p99", *ROLES, "CPU-ms per request"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, _ in last:
        table.add_column(name)
    for number, line in enumerate(lines):
        total = Spread.of(line.cpu_ms).text() if line.cpu_ms else "-"
        times = [f"{line.median(name):.1f}" for name in ("p50_ms", "p95_ms", "p99_ms")]
        extra = [cells[number] for _, cells in last]
        shares = [line.role_ms(role) for role in ROLES]
        rate = f"{line.median('requests_per_second'):,.0f}"
        table.add_row(line.case, line.target, rate, *times, *shares, total, *extra)
    return table


def cases_table(rows: Sequence[Row]) -> Table:
    """Lay the cases out, ours beside the peer's."""
    lines = lines_of(rows)
    peers = {line.case: line for line in lines if line.target == PEER}
    times, needs = [], []
    for line in lines:
        found = ratio(peers.get(line.case), line) if line.target == OURS else None
        bound = CASES[line.case].times_fewer_ms if line.case in CASES else None
        times.append(found.text(1) if found else "")
        needs.append(verdict(found.median >= bound, f">= {bound:g}") if found and bound else "")
    title = "Medians over the rounds, in milliseconds (lowest-highest)"
    return figures_table(
        title,
        lines,
        [
            ("answers", [answers(line) for line in lines]),
            ("times fewer CPU-ms", times),
            ("required", needs),
        ],
    )


def growth_table(rows: Sequence[Row]) -> Table:
    """Lay the two users out; the ratio stands beside the one with very many notes."""
    lines = lines_of(rows)
    firsts: dict[str, Line] = {}
    times, needs = [], []
    for line in lines:
        few = firsts.setdefault(line.case, line)
        found = ratio(line, few) if few is not line else None
        times.append(found.text() if found else "")
        needs.append(verdict(found.median <= MOST_RATIO, f"<= {MOST_RATIO}") if found else "")
    return figures_table(
        "Growth: one user's notes, in the same tables",
        lines,
        [
            ("answers", [answers(line) for line in lines]),
            ("times as much", times),
            ("required", needs),
        ],
    )


def background_table(found: Background) -> Table:
    """Lay out what was found of background work."""
    return findings_table("Background work", found.findings)


def findings_table(title: str, findings: Sequence[Finding]) -> Table:
    """Lay single figures out beside what they must be."""
    table = Table("what", "figure", "required", title=title, title_justify="left")
    for finding in findings:
        required = "" if finding.holds is None else verdict(finding.holds, finding.required)
        table.add_row(finding.name, finding.figure, required)
    return table


def start_table(start: Start) -> Table:
    """Lay the starts and the idle memory out."""
    table = Table(
        "what",
        "figure",
        "required",
        title="Start and rest, embedded",
        title_justify="left",
    )
    for name, spread in (("empty", start.empty), ("migrated", start.migrated)):
        met = verdict(spread.median <= MOST_SECONDS, f"<= {MOST_SECONDS:g} s")
        table.add_row(f"seconds to /readyz, {name} folder", spread.text(), met)
    met = verdict(start.rss_mb <= MOST_RSS_MB, f"<= {MOST_RSS_MB:g} MB")
    table.add_row("idle memory, all processes", memory_text(start.rss_mb, start.pss_mb), met)
    for process in start.memory:
        text = memory_text(process.rss_mb, process.pss_mb)
        table.add_row(f"  process {process.pid}: {process.command[-50:]}", text, "")
    return table


def memory_text(rss_mb: float, pss_mb: float) -> str:
    """Write both ways to count memory."""
    return f"RSS {rss_mb:.1f} MB, PSS {pss_mb:.1f} MB"
