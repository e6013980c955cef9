"""What rounds come to: times fewer, requirements, ceilings, cores."""

from dataclasses import asdict

import pytest

from bench.ceilings import BARE, PLAIN
from bench.comparing import ceilings, compare, cores, floor_ms, kept_rows
from tests.bench.rows import rounds, row


def test_a_case_is_held_against_its_requirement_by_the_middle_round() -> None:
    (found,) = compare(
        rounds("noteassist", 0.1, 0.1, 0.1, case="warm-list")
        + rounds("peer", 1.4, 1.6, 1.9, case="warm-list")
    )

    assert found.times is not None
    assert found.times.median == pytest.approx(16.0)
    assert (found.required, found.holds) == (">= 15x", True)


def test_a_single_good_round_does_not_meet_a_requirement() -> None:
    (found,) = compare(
        rounds("noteassist", 0.1, 0.1, 0.1, case="warm-list")
        + rounds("peer", 1.3, 1.4, 1.9, case="warm-list")
    )

    assert found.holds is False


def test_a_case_without_a_peer_is_neither_met_nor_missed() -> None:
    (found,) = compare(rounds("noteassist", 0.1, case="warm-list"))

    assert (found.peer, found.times, found.holds) == (None, None, None)


@pytest.mark.parametrize(("p99", "holds"), [(59.0, True), (60.0, False)])
def test_the_slowest_answers_are_held_against_milliseconds_and_need_no_peer(p99: float, holds: bool) -> None:
    (found,) = compare([row("noteassist", 0.1, case="tail", p99_ms=p99)])

    assert (found.required, found.holds) == ("p99 < 60 ms", holds)


def test_slow_answers_of_which_some_failed_meet_nothing() -> None:
    (found,) = compare([row("noteassist", 0.1, case="tail", p99_ms=1.0, failures=1)])

    assert found.holds is False


def ceiling_rounds() -> list:
    return [
        *rounds(BARE, 0.02, 0.04, case="ceilings"),
        *rounds(PLAIN, 0.05, 0.1, case="ceilings"),
        *rounds("noteassist", 0.1, 0.2, case="ceilings"),
    ]


def test_a_warm_list_is_held_against_the_ceilings_round_by_round() -> None:
    found = {one.name: one.times for one in ceilings(ceiling_rounds())}

    assert {name: times and times.median for name, times in found.items()} == {
        BARE: pytest.approx(5.0),
        PLAIN: pytest.approx(2.0),
        "noteassist": None,
    }
    assert floor_ms(ceiling_rounds()) == pytest.approx(0.075)


def test_the_ceilings_are_no_case_that_is_compared() -> None:
    assert compare(ceiling_rounds()) == []


def test_cores_are_the_cost_of_the_mix_times_5000_requests_a_second() -> None:
    compared = compare(rounds("noteassist", 0.1, 0.2, 0.4, case="mix") + rounds("peer", 2.0, case="mix"))
    ours, peer = cores(compared)

    assert (ours.busy.low, ours.busy.median, ours.busy.high) == pytest.approx((0.5, 1.0, 2.0))
    assert ours.needed == pytest.approx(1 / 0.7)
    assert (peer.server, peer.busy.median) == ("peer", pytest.approx(10.0))


def test_rounds_come_back_from_a_file_as_they_were() -> None:
    kept = row("noteassist", 0.5, limits=True)

    assert kept_rows([kept.as_dict()]) == [kept]
    assert kept.as_dict() == {**asdict(kept), "total_cpu_ms": 0.5}
