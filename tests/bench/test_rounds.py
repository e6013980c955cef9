"""Interleaving, and the figures of one measurement."""

from array import array
from collections import Counter

import pytest

from bench.driver import Measured
from bench.loop import Outcome
from bench.rounds import Target, make_row, schedule


def test_the_order_of_the_targets_is_reversed_every_other_round() -> None:
    ours, peer = (Target(name, 1, {}, []) for name in ("ours", "peer"))

    order = [(number, target.name) for number, target in schedule([ours, peer], 3)]

    assert order == [
        (0, "ours"),
        (0, "peer"),
        (1, "peer"),
        (1, "ours"),
        (2, "ours"),
        (2, "peer"),
    ]


def test_processor_time_is_divided_by_the_requests() -> None:
    outcome = Outcome(2.0, array("d", [4.0, 2.0, 6.0, 8.0]), Counter({"200": 4}))

    row = make_row("list", "ours", 0, Measured(outcome, {"app": 0.02, "postgres": 0.01}))

    assert row.cpu_ms == {"app": 5.0, "postgres": 2.5}
    assert row.total_cpu_ms == 7.5
    assert (row.requests_per_second, row.p50_ms, row.p99_ms) == (2.0, 4.0, 8.0)


def test_without_known_processes_there_is_no_processor_time() -> None:
    outcome = Outcome(1.0, array("d", [4.0]), Counter({"200": 1}))

    assert make_row("list", "peer", 0, Measured(outcome, {})).total_cpu_ms is None


def test_a_round_without_any_answer_has_no_times() -> None:
    row = make_row("list", "ours", 0, Measured(Outcome(1.0, failures=1), {"app": 0.5}))

    assert row.requests == 0
    assert row.p50_ms != pytest.approx(row.p50_ms)  # not a number
