"""Measure NoteAssist, side by side with a peer server if there is one."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import orjson
from rich.console import Console

from bench.administration import STEPS as ADMIN_STEPS
from bench.administration import run_administration
from bench.api_keys import run_api_keys
from bench.background import Background, Finding, run_background
from bench.comparing import PEER, compare, cores, lines_of
from bench.comparison import Comparison, chosen_cases, measurements, run_comparison
from bench.connections import Connections, run_connections
from bench.connections import steps as connection_steps
from bench.documents import run_documents
from bench.documents import steps as document_steps
from bench.errors import BenchError
from bench.growth import run_growth
from bench.machine import machine, server_versions
from bench.memory import MemoryRun, run_memory
from bench.options import Options, read_options
from bench.page import publish
from bench.progress import Progress
from bench.report import (
    answers,
    background_table,
    cases_table,
    comparison_table,
    figures_table,
    findings_table,
    growth_table,
    memory_table,
    sizes_table,
    start_table,
    users_table,
)
from bench.rounds import Row
from bench.sandbox import run_sandbox
from bench.searching import NOTES_A_STEP, QUERIES, run_search
from bench.servers import FAR_LIMITS, NO_CACHE, WEB, Backing, backing
from bench.startup import Start, run_start
from bench.threads import run_threads
from noteassist.services.sandbox.languages import LANGUAGES

SANDBOX_ROUNDS = 30
# What a stretch of load takes beside the load: starting its driver, filling caches, a slow last answer.
STRETCH_SECONDS = 1.5


@dataclass
class Results:
    """Everything that a run has measured."""

    comparison: Comparison = field(default_factory=Comparison)
    memory: MemoryRun | None = None
    versions: dict[str, str] = field(default_factory=dict)
    growth: list[Row] = field(default_factory=list)
    start: Start | None = None
    background: Background | None = None
    api_keys: Background | None = None
    documents: list[Finding] = field(default_factory=list)
    sandbox: list[Finding] = field(default_factory=list)
    connections: Connections | None = None
    threads: list[Row] = field(default_factory=list)
    search: list[Finding] = field(default_factory=list)
    admin: list[Finding] = field(default_factory=list)
    # What else this machine did before: the first thing to look at when figures surprise.
    load: float = field(default_factory=lambda: os.getloadavg()[0])

    @property
    def failed(self) -> list[Row]:
        """List the rounds with an answer that was no success."""
        return [
            row
            for row in (
                *self.comparison.rows,
                *self.growth,
                *self.threads,
                *(self.background.rows if self.background else ()),
                *(self.api_keys.rows if self.api_keys else ()),
            )
            if row.failures
        ]

    def as_dict(self, options: Options, seconds: float) -> dict[str, object]:
        """Give everything for the JSON file, without anything secret."""
        return {
            "at": datetime.now(UTC),
            "took_seconds": round(seconds, 1),
            "machine": machine() | {"servers": self.versions, "load_before": self.load},
            "settings": {
                "noteassist": WEB,
                "uncached": NO_CACHE,
                "limits": FAR_LIMITS,
                "peer": self.comparison.peer,
            },
            "rounds": options.rounds,
            "seconds": options.seconds,
            "data": options.shape.name,
            "cases": [row.as_dict() for row in self.comparison.rows],
            "sizes": self.comparison.sizes,
            "memory": self.memory.as_dict() if self.memory else None,
            "api_key": self.api_keys.as_dict() if self.api_keys else None,
            "growth": [row.as_dict() for row in self.growth],
            "threads": [row.as_dict() for row in self.threads],
            "tasks": self.background.as_dict() if self.background else None,
            "search": [vars(finding) for finding in self.search],
            "admin": [vars(finding) for finding in self.admin],
            "documents": [vars(finding) for finding in self.documents],
            "connections": self.connections.as_dict() if self.connections else None,
            "sandbox": [vars(finding) for finding in self.sandbox],
            "start": self.start.as_dict() if self.start else None,
        }


# Sections beside the cases that need servers.
SERVED = frozenset({"memory", "api_key", "tasks", "search", "admin", "growth", "connections", "threads"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 when an answer was no success, 2 when the run was impossible."""
    # Turned into an exception, so that every server that was started is stopped again.
    signal.signal(signal.SIGTERM, end)
    started = time.monotonic()
    try:
        options = read_options(sys.argv[1:] if arguments is None else arguments)
        results = run(options)
    except BenchError as error:
        Console(stderr=True).print(f"[bold red]{error}[/]", highlight=False)
        return 2
    took = time.monotonic() - started
    show(results, Console(width=None if sys.stdout.isatty() else 170))
    path = keep(results.as_dict(options, took), options.results)
    print(f"kept in {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    print(f"took {took / 60:.1f} minutes")
    if options.publish:
        for written in publish(path):
            print(f"written: {written}")
    return 1 if results.failed else 0


def end(number: int, _frame: FrameType | None) -> None:
    """Leave through every open context."""
    raise SystemExit(128 + number)


def run(options: Options) -> Results:
    """Measure the chosen sections, one after the other."""
    results = Results()
    chosen = chosen_cases(options)
    if chosen:
        print(f"the cases take about {minutes(options):.0f} minutes", file=sys.stderr)
    with Progress() as progress:
        if "start" in options.only:
            report = progress.step("start", options.start_rounds * 2)
            results.start = run_start(options.start_rounds, report)
        if "documents" in options.only:
            report = progress.step("documents", document_steps())
            results.documents = run_documents(options.document_notes, report)
        if "sandbox" in options.only:
            report = progress.step("sandbox", len(LANGUAGES))
            results.sandbox = run_sandbox(SANDBOX_ROUNDS, report)
        if chosen or SERVED & set(options.only):
            with backing(options) as servers:
                results.versions = server_versions(servers)
                if chosen:
                    results.comparison = run_comparison(servers, options, progress)
                run_served(servers, options, progress, results)
    return results


def run_served(servers: Backing, options: Options, progress: Progress, results: Results) -> None:
    """Measure the chosen sections that need a PostgreSQL and a Redis of their own."""
    if "api_key" in options.only:
        results.api_keys = run_api_keys(servers, options, progress)
    if "tasks" in options.only:
        results.background = run_background(servers, options, progress)
    if "search" in options.only:
        steps = options.search_notes // NOTES_A_STEP + len(QUERIES)
        report = progress.step("search", steps * 2)
        results.search = run_search(servers, options.search_notes, report)
    if "admin" in options.only:
        report = progress.step("admin", ADMIN_STEPS)
        results.admin = run_administration(servers, options.instance, report)
    if "connections" in options.only:
        report = progress.step("connections", connection_steps(options.crowd))
        results.connections = run_connections(servers, options, report)
    if "threads" in options.only:
        results.threads = run_threads(servers, options, progress)
    if "growth" in options.only:
        results.growth = run_growth(servers, options, progress)
    if "memory" in options.only:
        results.memory = run_memory(servers, options, progress)


def minutes(options: Options) -> float:
    """Estimate how long the cases take: starting and meeting, then a stretch after another."""
    return (60 + measurements(options) * (options.seconds + options.warm_seconds + STRETCH_SECONDS)) / 60


def show(results: Results, console: Console) -> None:
    """Print the tables, and then every failure in its own words."""
    show_comparison(results.comparison, console)
    if results.memory:
        console.print(memory_table(results.memory))
    if results.growth:
        console.print(growth_table(results.growth))
    if results.threads:
        answered = [("answers", [answers(line) for line in lines_of(results.threads)])]
        console.print(figures_table("Threads of each process", lines_of(results.threads), answered))
    if results.background:
        console.print(background_table(results.background))
    findings = {
        "API keys": results.api_keys.findings if results.api_keys else [],
        "Search": results.search,
        "Administration": results.admin,
        "Documents": results.documents,
        "Sandbox": results.sandbox,
        "Connections": results.connections.findings if results.connections else [],
    }
    for title, found in findings.items():
        if found:
            console.print(findings_table(title, found))
    if results.start:
        console.print(start_table(results.start))
    console.print(f"load before the run: {results.load:.1f} on {os.cpu_count()} processors")
    for row in results.failed:
        console.print(f"FAILED: {row.case} on {row.target}, round {row.round}: {row.statuses}")
        console.print(row.sample, markup=False, highlight=False)


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print the cases, with limits and without."""
    for limits in sorted({row.limits for row in comparison.rows}, reverse=True):
        rows = [row for row in comparison.rows if row.limits == limits]
        compared = compare(rows)
        console.print(cases_table(rows, limits=limits))
        console.print(comparison_table(compared))
        if cores(compared):
            console.print(users_table(compared))
    if any(row.target == PEER for row in comparison.rows) and not comparison.peer:
        console.print("[bold]The peer was not started by PEER_COMMAND: it ran as it was in every row.[/]")
    if comparison.sizes:
        console.print(sizes_table(comparison.sizes))


def keep(results: dict[str, object], folder: Path) -> Path:
    """Write a run's figures beside those of earlier runs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
    path.write_bytes(orjson.dumps(results, option=options))
    return path


if __name__ == "__main__":
    sys.exit(main())
