"""`python -m tests.soak`: soak servers of our own and say what was found; exits 1 when there was anything."""

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path

from tests.soak.campaign import run
from tests.soak.checks import Findings
from tests.soak.plain_rq import soak_plain_rq
from tests.soak.results import Options, Result

COLUMNS = ("seed", "tasks", "kills", "flushes", "restarts", "freezes", "faults", "retries")
FOUND = ("lost", "doubled", "stuck", "wrong", "surprises", "given_up", "too_long")
SHOWN = 20


def table(results: list[Result]) -> str:
    """Write all runs as a table."""
    heads = [*COLUMNS, *FOUND, "longest wait", "seconds"]
    rows = [
        [
            *(str(getattr(result, name)) for name in COLUMNS),
            *(str(len(getattr(result.findings, name))) for name in FOUND),
            f"{result.findings.longest_wait:.1f} s",
            f"{result.seconds:.0f}",
        ]
        for result in results
    ]
    heads = [name.replace("_", " ") for name in heads]
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    lines = [
        "  ".join(word.rjust(width) for word, width in zip(row, widths, strict=True))
        for row in (heads, *rows)
    ]
    return "\n".join(lines)


def tell(result: Result) -> None:
    """Print what a run came to: one line, and a line for each thing that was found."""
    findings = result.findings
    wrong = ", ".join(
        f"{len(getattr(findings, name))} {name.replace('_', ' ')}"
        for name in FOUND
        if getattr(findings, name)
    )
    print(
        f"seed {result.seed} ({result.mode}): {result.tasks} tasks, {wrong or 'nothing lost, doubled or stuck'}; "
        f"longest wait {findings.longest_wait:.1f} s; {result.tracebacks} stack traces; {result.seconds:.0f} s",
        flush=True,
    )
    for found in fields(Findings):
        lines = getattr(findings, found.name)
        if isinstance(lines, list):
            for line in lines[:SHOWN]:
                print(f"  {found.name}: {line}")
            if len(lines) > SHOWN:
                print(f"  {found.name}: and {len(lines) - SHOWN} more")


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--mode", choices=("full", "embedded", "plain-rq"), default="full")
    parser.add_argument("--tasks", type=int, default=500, help="AI tasks of a run (default: 500)")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--seeds", type=int, help="runs, each with the next seed (default: 5; 1 when quick)")
    parser.add_argument("--quick", action="store_true", help="60 tasks in less than 45 s")
    parser.add_argument("--results", type=Path, metavar="FILE", help="write everything as JSON")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep data and logs there")
    parser.add_argument("--quiet", action="store_true", help="do not tell every blow")
    return parser.parse_args()


def main() -> int:
    """Soak."""
    asked = read_options()
    show = (lambda _: None) if asked.quiet else lambda line: print(line, flush=True)
    options = Options(asked.mode, asked.tasks, asked.quick, asked.keep, show)
    seeds = asked.seeds or (1 if asked.quick else 5)
    results = []
    for seed in range(asked.seed, asked.seed + seeds):
        result = soak_plain_rq(seed, options) if asked.mode == "plain-rq" else run(seed, options)
        tell(result)
        results.append(result)
        if asked.results:
            asked.results.write_text(json.dumps([one.as_json() for one in results], indent=2))
    print(f"\n{table(results)}")
    if asked.mode == "plain-rq":
        # It is there to show that this harness can see.
        return int(not any(result.findings.lost or result.findings.doubled for result in results))
    return int(not all(result.is_clean for result in results))


if __name__ == "__main__":
    sys.exit(main())
