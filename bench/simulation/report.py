"""The tables of a simulation."""

from collections.abc import Sequence

from rich.table import Table

from bench.simulation.checking import FIGURES, Comparison
from bench.simulation.costs import Costs
from bench.simulation.results import FULL, Summary

WARM = 0.7


def costs_table(costs: Costs) -> Table:
    """Lay out what a request costs, with its source."""
    table = Table(title=f"CPU-ms per request, from {costs.source}", title_justify="left")
    table.add_column("request")
    for name in ("app", "postgres", "redis", "statements"):
        table.add_column(name, justify="right")
    for name, cost in costs.kinds.items():
        figures = (cost.app_ms, cost.postgres_ms, cost.redis_ms)
        table.add_row(name, *(f"{figure:.3f}" for figure in figures), str(cost.statements))
    return table


def checks_table(comparisons: Sequence[Comparison]) -> Table:
    """Lay out the measured loops beside what the simulation says of them."""
    table = Table(
        title="The small end: measured (lowest-highest), and simulated (error)", title_justify="left"
    )
    for name in ("loop", "load generator, ms", "cores of others", "req/s", "p50 ms", "p95 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for found in comparisons:
        cells = [
            f"{found.measured[name]:,.0f} ({found.lowest[name]:,.0f}-{found.highest[name]:,.0f}), "
            f"{found.predicted[name]:,.0f} ({found.error(name):+.0%})"
            for name in FIGURES
        ]
        loop = f"{found.case} x {found.connections}"
        table.add_row(loop, f"{found.driver_ms:.3f}", f"{found.others_cores:.2f}", *cells)
    return table


def summaries_table(summaries: Sequence[Summary]) -> Table:
    """Lay the scenarios out."""
    table = Table(title="Simulated", title_justify="left")
    table.add_column("scenario")
    for name in ("req/s", "p50", "p95", "p99", "503/s", "tasks/s", "task waits, p95 s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    for found in summaries:
        times = [f"{value:.1f}" for value in (found.p50_ms, found.p95_ms, found.p99_ms)]
        table.add_row(
            found.title,
            f"{found.requests_per_second:,.0f}",
            *times,
            f"{found.refused_per_second:,.1f}",
            f"{found.tasks_per_second:,.1f}",
            f"{found.task_wait_p95_ms / 1000:,.1f}",
            found.verdict,
        )
    return table


def parts_table(summaries: Sequence[Summary]) -> Table:
    """Lay out how busy each part was."""
    names = list(dict.fromkeys(name for found in summaries for name in found.utilisation))
    table = Table(title="Which share of each part is in use", title_justify="left")
    table.add_column("scenario")
    for name in names:
        table.add_column(name, justify="right")
    for found in summaries:
        table.add_row(found.name, *(share_text(found.utilisation.get(name)) for name in names))
    return table


def share_text(share: float | None) -> str:
    """Write a share in percent, loudly where the part is full."""
    if share is None:
        return ""
    colour = "bold red" if share >= FULL else "yellow" if share >= WARM else "green"
    return f"[{colour}]{share:.0%}[/]"


def memory_table(summaries: Sequence[Summary]) -> Table:
    """Lay out the arithmetic of connections and memory."""
    names = list(summaries[0].memory) if summaries else []
    table = Table(title="Arithmetic of connections and memory (of one cell)", title_justify="left")
    table.add_column("scenario")
    for name in names:
        table.add_column(name, justify="right")
    for found in summaries:
        table.add_row(found.name, *(f"{found.memory[name]:,.0f}" for name in names))
    return table
