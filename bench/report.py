"""The tables of a run, for a terminal."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from bench.background import Background, Finding
from bench.comparing import (
    OURS,
    PEER,
    REQUESTS_A_SECOND,
    ROLES,
    USERS,
    Compared,
    Line,
    cores,
    lines_of,
    ratio,
)
from bench.figures import Spread
from bench.growth import MOST_RATIO
from bench.memory import MOST_GROWTH, MemoryRun
from bench.rounds import Row
from bench.startup import MOST_RSS_MB, MOST_SECONDS, Start


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


def limits_text(limits: bool) -> str:
    """Say whether requests were counted."""
    return "limits on, never reached" if limits else "limits off"


def cases_table(rows: Sequence[Row], *, limits: bool = False) -> Table:
    """Lay all rounds out, server by server."""
    lines = lines_of(rows)
    title = f"Medians over the rounds, in milliseconds (lowest-highest); {limits_text(limits)}"
    return figures_table(title, lines, [("answers", [answers(line) for line in lines])])


def comparison_table(compared: Sequence[Compared]) -> Table:
    """Lay ours beside the peer's, with what is required."""
    table = Table(title="CPU-ms per request of web, PostgreSQL and Redis", title_justify="left")
    table.add_column("what")
    for name in (OURS, PEER, "times fewer", "p99 ms", "peer's p99"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("required")
    for one in compared:
        peer = one.peer
        required = "" if one.holds is None else verdict(one.holds, one.required)
        table.add_row(
            one.title,
            cpu_text(one.ours),
            cpu_text(peer) if peer else "-",
            one.times.text(1) if one.times else "-",
            f"{one.ours.median('p99_ms'):.1f}",
            f"{peer.median('p99_ms'):.1f}" if peer else "-",
            required,
        )
    return table


def cpu_text(line: Line) -> str:
    """Write processor milliseconds, with the digits that small ones need."""
    if line.failures or not line.cpu_ms:
        return "FAILED" if line.failures else "-"
    spread = Spread.of(line.cpu_ms)
    return spread.text(digits_of(spread.median))


def digits_of(value: float) -> int:
    """Give three digits that mean something."""
    return 3 if value < 1 else 2 if value < 10 else 1


def users_table(compared: Sequence[Compared]) -> Table:
    """Lay the arithmetic out."""
    table = Table("server", "cores busy", "cores at 70 %", title_justify="left")
    table.title = f"{USERS:,} users, {REQUESTS_A_SECOND:,} requests a second of the mix"
    for found in cores(compared):
        table.add_row(found.server, found.busy.text(1), f"{found.needed:.1f}")
    return table


def sizes_table(sizes: Mapping[str, Mapping[str, float]]) -> Table:
    """Lay the sizes of answers out."""
    table = Table(title="What is read (medians of users)", title_justify="left")
    table.add_column("server")
    for name in ("list, bytes", "detail, bytes", "topics in it", "characters an explanation"):
        table.add_column(name, justify="right")
    for server, found in sizes.items():
        table.add_row(server, *(f"{value:,.0f}" for value in found.values()))
    return table


def memory_table(found: MemoryRun) -> Table:
    """Lay the memory out: before, when the cache is full, at the half and at the end."""
    table = Table("requests", "memory, all web processes", "required", title="Memory", title_justify="left")
    for moment in found.landmarks:
        table.add_row(f"{moment.requests:,}", memory_text(moment.rss_mb, moment.pss_mb), "")
    grown = f"PSS {found.growth:+.1%}, {found.mb_per_million:+.1f} MB for each million"
    table.add_row("second half", grown, verdict(found.holds, f"<= {MOST_GROWTH:.0%}"))
    return table


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
