"""The tables: ratios, requirements met or not, and failures that cannot be overlooked."""

import io

from rich.console import Console, Group, RenderableType

from bench.comparing import compare
from bench.memory import MemoryRun, Moment
from bench.processes import Memory
from bench.report import cases_table, comparison_table, growth_table, memory_table, sizes_table, start_table
from bench.rounds import Row
from bench.startup import Start
from tests.bench.rows import rounds, row


def printed(table: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(table)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    return text


def both(rows: list[Row]) -> Group:
    return Group(cases_table(rows), comparison_table(compare(rows)))


def test_ours_is_compared_with_the_peer_round_by_round() -> None:
    text = printed(both(rounds("noteassist", 1.0, 2.0) + rounds("peer", 6.0, 14.0)))

    assert "6.5 (6.0-7.0)" in text
    assert ">= 6x: met" in text


def test_a_requirement_that_is_missed_says_so() -> None:
    text = printed(both(rounds("noteassist", 2.0) + rounds("peer", 6.0)))

    assert ">= 6x: NOT met" in text


def test_without_a_peer_nothing_is_compared() -> None:
    text = printed(both(rounds("noteassist", 2.0)))

    assert "2.00 (2.00-2.00)" in text
    assert ">= 6x" not in text


def test_a_peer_whose_processes_are_unknown_is_not_compared() -> None:
    text = printed(both([row("noteassist", 2.0), row("peer", None)]))

    assert "250" in text
    assert ">= 6x" not in text


def test_a_failure_is_named_and_compares_with_nothing() -> None:
    bad = row("noteassist", 0.1, statuses={"200": 990, "429": 10}, failures=10)

    text = printed(both([bad, row("peer", 6.0)]))

    assert "FAILED 429 x 10" in text
    assert ">= 6x" not in text


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


def test_memory_is_told_at_the_start_with_a_full_cache_at_the_half_and_at_the_end() -> None:
    moments = tuple(Moment(number * 50, 100.0 + number, 80.0 + number) for number in range(21))

    text = printed(memory_table(MemoryRun(moments)))

    assert [line.split()[1] for line in text.splitlines() if "RSS" in line] == ["0", "100", "500", "1,000"]
    assert "RSS 120.0 MB, PSS 100.0 MB" in text
    assert "PSS +11.1%" in text
    assert "<= 5%: NOT met" in text


def test_what_is_read_is_told_for_each_server() -> None:
    sizes = {"list_bytes": 4972.0, "detail_bytes": 20136.0, "topics": 20.0, "explanation_characters": 796}

    text = printed(sizes_table({"noteassist": sizes, "peer": sizes | {"list_bytes": 6918.0}}))

    assert "4,972" in text
    assert "6,918" in text
