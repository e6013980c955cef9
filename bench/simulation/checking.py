"""The small end of the simulation, held against what was measured there."""

from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from bench.cases import CASES
from bench.simulation.costs import Costs, kept_rows, read_costs, read_kept
from bench.simulation.results import simulate
from bench.simulation.scenarios import closed_loop

FIGURES = ("requests_per_second", "p50_ms", "p95_ms")
# Where a kept run does not say it: what the bench's load generator needs for a request.
DRIVER_MS = 0.04
# Its two users write, and wait for each other's rows more than for a processor.
LEFT_OUT = ("create",)
# How connections fall to processes differs from run to run, here and there.
RUNS = 5


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One loop: what was measured, and what the simulation says of it."""

    case: str
    connections: int
    driver_ms: float
    others_cores: float
    measured: dict[str, float]
    lowest: dict[str, float]
    highest: dict[str, float]
    predicted: dict[str, float]

    def error(self, figure: str) -> float:
        """Say by which share the prediction is too high, or too low where it is negative."""
        return self.predicted[figure] / self.measured[figure] - 1


def compare(path: Path, seed: int) -> list[Comparison]:
    """Simulate every loop of a kept run with the costs of that run."""
    costs = read_costs(path)
    gathered: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in kept_rows(read_kept(path)):
        if row["case"] in costs.kinds and row["case"] not in LEFT_OUT:
            connections = row.get("connections", CASES[row["case"]].connections)
            gathered.setdefault((row["case"], connections), []).append(row)
    return [
        compare_loop(case, connections, rows, costs, seed)
        for (case, connections), rows in sorted(gathered.items())
    ]


def compare_loop(
    case: str, connections: int, rows: list[dict[str, Any]], costs: Costs, seed: int
) -> Comparison:
    """Simulate one loop: with the processor time that a request had in it, whose scatter is that of the machine."""
    driver_ms = median(row.get("driver_ms", DRIVER_MS) for row in rows)
    others = median(row.get("others_cores", 0.0) for row in rows)
    own = replace(
        costs.kinds[case],
        app_ms=median(row["cpu_ms"]["app"] for row in rows),
        postgres_ms=median(row["cpu_ms"]["postgres"] for row in rows),
    )
    scenario = closed_loop(case, connections, driver_ms, others)
    found = [simulate(scenario, Costs({case: own}, costs.source), seed + number) for number in range(RUNS)]
    return Comparison(
        case=case,
        connections=connections,
        driver_ms=driver_ms,
        others_cores=others,
        measured={name: median(row[name] for row in rows) for name in FIGURES},
        lowest={name: min(row[name] for row in rows) for name in FIGURES},
        highest={name: max(row[name] for row in rows) for name in FIGURES},
        predicted={name: median(getattr(run, name) for run in found) for name in FIGURES},
    )
