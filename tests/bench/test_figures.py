"""Percentiles, medians and ratios."""

import pytest

from bench.figures import Spread, paired_ratio, percentile, slope


@pytest.mark.parametrize(
    ("percent", "expected"),
    [(50, 50.0), (95, 95.0), (99, 99.0), (100, 100.0), (0, 1.0)],
)
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert percentile(values, percent) == expected


def test_the_percentiles_of_one_value_are_that_value() -> None:
    assert percentile([3.0], 50) == percentile([3.0], 99) == 3.0


def test_a_high_percentile_of_few_values_is_the_worst_of_them() -> None:
    assert percentile([1.0, 2.0, 9.0], 99) == 9.0


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="No values"):
        percentile([], 50)


def test_a_spread_is_median_lowest_and_highest() -> None:
    spread = Spread.of([9.0, 1.0, 2.0])

    assert (spread.median, spread.low, spread.high) == (2.0, 1.0, 9.0)
    assert spread.text(1) == "2.0 (1.0-9.0)"


def test_a_ratio_is_taken_round_by_round() -> None:
    # Round two was slow for both: the ratio must not see that.
    assert paired_ratio([6.0, 60.0, 6.0], [1.0, 10.0, 1.0]) == Spread(6.0, 6.0, 6.0)


def test_a_slope_is_that_of_the_line_nearest_to_all_points() -> None:
    assert slope([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) == pytest.approx(2.0)
    assert slope([(0.0, 1.0), (1.0, 0.0), (2.0, 1.0)]) == pytest.approx(0.0)


def test_a_single_place_has_no_slope() -> None:
    assert slope([(1.0, 1.0), (1.0, 9.0)]) == 0.0
