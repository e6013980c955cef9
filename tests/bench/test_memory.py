"""When memory counts as leaking."""

import pytest

from bench.memory import MemoryRun, Moment


def run(*pss_mb: float) -> MemoryRun:
    return MemoryRun(tuple(Moment(number * 100_000, mb + 20, mb) for number, mb in enumerate(pss_mb)))


def test_a_cache_that_fills_in_the_first_half_is_no_leak() -> None:
    found = run(100, 180, 220, 220, 220)

    assert found.holds
    assert found.growth == 0
    assert found.mb_per_million == pytest.approx(0)


def test_what_still_grows_in_the_second_half_is_one() -> None:
    found = run(100, 200, 200, 210, 220)

    assert not found.holds
    assert found.growth == pytest.approx(0.1)
    assert found.mb_per_million == pytest.approx(100.0)


def test_a_run_comes_back_from_its_file() -> None:
    found = run(100, 200, 200)

    assert MemoryRun.read(found.as_dict()) == found  # type: ignore[arg-type]  # as JSON has it
