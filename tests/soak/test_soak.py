"""The soak in short: kills, outages and restarts under load, and nothing lost, doubled or stuck."""

import pytest

from tests.soak.campaign import run
from tests.soak.results import Options

pytestmark = pytest.mark.xdist_group("soak")


# An even seed: a Redis that keeps its data over a stop.
@pytest.mark.parametrize(("mode", "seed"), [("full", 2), ("embedded", 1)])
def test_nothing_is_lost_doubled_or_stuck(mode: str, seed: int) -> None:
    result = run(seed, Options(mode, quick=True))
    assert result.is_clean, result.findings
    # Else the run has not tried what it is for.
    assert result.tasks == 60 and result.kills >= 2
