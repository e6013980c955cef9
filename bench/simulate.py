"""Simulate NoteAssist under many users: `make simulate`, or `python -m bench.simulate`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import orjson
from rich.console import Console

from bench.errors import BenchError
from bench.options import read_options
from bench.simulation.checking import Comparison, compare
from bench.simulation.costs import MEASURED, Costs, read_costs
from bench.simulation.measuring import measure_loops
from bench.simulation.plot import bars_picture, rising_picture
from bench.simulation.report import checks_table, costs_table, memory_table, parts_table, summaries_table
from bench.simulation.results import Summary, simulate
from bench.simulation.scenarios import LARGE, RISING, SCENARIOS, Scenario

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench/results"
IMAGES = ROOT / "docs/images"
WIDTH = 170


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(prog="python -m bench.simulate", description=__doc__)
    made.add_argument(
        "--figures", type=Path, default=MEASURED, help="a kept run of the bench: what requests cost"
    )
    made.add_argument("--only", metavar="NAMES", help="some of: " + ",".join(one.name for one in SCENARIOS))
    made.add_argument("--seed", type=int, default=1, help="the same seed gives the same figures (1)")
    made.add_argument("--images", type=Path, metavar="FOLDER", help="write the pictures there (docs/images)")
    made.add_argument(
        "--measure", action="store_true", help="measure the small end first (2 minutes), and use its figures"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate what was asked for; 2 when that was impossible."""
    given = parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    try:
        chosen = pick(given.only)
        figures = measure() if given.measure else given.figures
        costs = read_costs(figures)
        comparisons = compare(figures, given.seed)
    except BenchError as error:
        Console(stderr=True).print(f"[bold red]{error}[/]", highlight=False)
        return 2
    summaries = run(chosen, costs, given.seed, console)
    show(costs, comparisons, summaries, console)
    if given.images or not given.only:
        draw(summaries, given.images or IMAGES)
    path = keep_as_json("simulation", as_dict(costs, comparisons, summaries, given.seed))
    print(f"kept in {path}")
    return 0


def pick(names: str | None) -> tuple[Scenario, ...]:
    """Find the scenarios asked for."""
    if not names:
        return SCENARIOS
    known = {scenario.name: scenario for scenario in SCENARIOS}
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        raise BenchError(f"--only knows {', '.join(known)}, but not {', '.join(unknown)}.")
    return tuple(known[name] for name in names.split(","))


def measure() -> Path:
    """Measure the small end, on throw-away servers unless the environment names others."""
    options = read_options(["--quick", "--rounds", "3", "--seconds", "2"], os.environ)
    rows = measure_loops(options)
    found = {
        "at": datetime.now(UTC),
        "machine": f"{os.cpu_count()} processors",
        "rounds": options.rounds,
        "seconds": options.seconds,
        "data": options.shape.name,
        "loops": rows,
    }
    return keep_as_json("loops", found)


def run(chosen: Sequence[Scenario], costs: Costs, seed: int, console: Console) -> list[Summary]:
    """Simulate one scenario after the other."""
    found = []
    for scenario in chosen:
        started = time.monotonic()
        found.append(simulate(scenario, costs, seed))
        seconds = time.monotonic() - started
        console.print(f"simulated: {scenario.title} ({seconds:.1f} s)", highlight=False)
    return found


def show(
    costs: Costs, comparisons: Sequence[Comparison], summaries: Sequence[Summary], console: Console
) -> None:
    """Print the tables."""
    tables = (
        costs_table(costs),
        checks_table(comparisons),
        summaries_table(summaries),
        parts_table(summaries),
        memory_table(summaries),
    )
    for table in tables:
        console.print(table)


def draw(summaries: Sequence[Summary], folder: Path) -> None:
    """Write the pictures that all their scenarios were simulated for."""
    folder.mkdir(parents=True, exist_ok=True)
    by_name = {found.name: found for found in summaries}
    for scenarios, file, picture in (
        (RISING, "simulation-one-machine.svg", rising_picture),
        (LARGE, "simulation-many-machines.svg", bars_picture),
    ):
        found = [by_name[scenario.name] for scenario in scenarios if scenario.name in by_name]
        if len(found) == len(scenarios):
            (folder / file).write_text(picture(found))


def as_dict(
    costs: Costs, comparisons: Sequence[Comparison], summaries: Sequence[Summary], seed: int
) -> dict[str, object]:
    """Give everything for the JSON file."""
    return {
        "at": datetime.now(UTC),
        "seed": seed,
        "costs": {name: asdict(cost) for name, cost in costs.kinds.items()},
        "source": costs.source,
        "checks": [asdict(found) for found in comparisons],
        "scenarios": [found.as_dict() for found in summaries],
    }


def keep_as_json(kind: str, found: dict[str, object]) -> Path:
    """Write figures beside those of the bench."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z))
    return path


if __name__ == "__main__":
    sys.exit(main())
