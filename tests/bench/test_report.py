"""The tables: ratios, requirements met or not, and failures that cannot be overlooked."""

import io

from rich.console import Console, RenderableType

from bench.processes import Memory
from bench.report import cases_table, growth_table, start_table
from bench.rounds import Row
from bench.startup import Start


def row(target: str, cpu_ms: float | None, number: int = 1, **more: object) -> Row:
    figures: dict[str, object] = {
        "case": "list",
        "target": target,
        "round": number,
        "requests": 1000,
        "requests_per_second": 250.0,
        "p50_ms": 1.0,
        "p95_ms": 2.0,
        "p99_ms": 3.0,
        "cpu_ms": {} if cpu_ms is None else {"app": cpu_ms},
        "statuses": {"200": 1000},
        "failures": 0,
        "sample": "",
    }
    return Row(**(figures | more))  # type: ignore[arg-type]  # figures by name


def printed(table: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(table)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    return text


def rounds(target: str, *cpu_ms: float) -> list[Row]:
    return [row(target, ms, number) for number, ms in enumerate(cpu_ms, 1)]


def test_ours_is_compared_with_the_peer_round_by_round() -> None:
    text = printed(cases_table(rounds("noteassist", 1.0, 2.0) + rounds("peer", 6.0, 14.0)))

    assert "6.5 (6.0-7.0)" in text
    assert ">= 5: met" in text


def test_a_requirement_that_is_missed_says_so() -> None:
    text = printed(cases_table(rounds("noteassist", 2.0) + rounds("peer", 6.0)))

    assert ">= 5: NOT met" in text


def test_without_a_peer_nothing_is_compared() -> None:
    text = printed(cases_table(rounds("noteassist", 2.0)))

    assert "2.00 (2.00-2.00)" in text
    assert ">= 5" not in text


def test_a_peer_whose_processes_are_unknown_is_not_compared() -> None:
    text = printed(cases_table([row("noteassist", 2.0), row("peer", None)]))

    assert "250" in text
    assert ">= 5" not in text


def test_a_failure_is_named_and_compares_with_nothing() -> None:
    bad = row("noteassist", 0.1, statuses={"200": 990, "429": 10}, failures=10)

    text = printed(cases_table([bad, row("peer", 6.0)]))

    assert "FAILED 429 x 10" in text
    assert ">= 5" not in text


def test_growth_within_the_bound_is_met() -> None:
    text = printed(growth_table(rounds("100 notes", 1.0) + rounds("100,000 notes", 1.2)))

    assert "1.20 (1.20-1.20)" in text
    assert "<= 1.3: met" in text


def test_growth_beyond_the_bound_is_not_met() -> None:
    text = printed(growth_table(rounds("100 notes", 1.0) + rounds("100,000 notes", 1.4)))

    assert "<= 1.3: NOT met" in text


def test_start_and_memory_are_held_against_their_requirements() -> None:
    memory = (Memory(1, "granian", 60.0, 40.0), Memory(2, "worker", 100.0, 80.0))

    text = printed(start_table(Start((1.0, 3.0), (0.5, 0.7), memory)))

    assert "2.00 (1.00-3.00)" in text
    assert "<= 2 s: met" in text
    assert "RSS 160.0 MB, PSS 120.0 MB" in text
    assert "<= 150 MB: NOT met" in text
