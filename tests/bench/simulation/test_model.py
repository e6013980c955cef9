"""A request takes the way that it takes in the server, and the figures of a run fit together."""

from dataclasses import replace

import pytest

from bench.simulation import model
from bench.simulation.costs import Cost, Costs, read_costs
from bench.simulation.engine import Activity
from bench.simulation.model import Installation
from bench.simulation.results import memory, simulate
from bench.simulation.scenarios import TEN_THOUSAND, Database, Scenario, Web, Workers, one_machine
from noteassist import connections, door
from noteassist.config import Settings
from tests.bench.simulation import LISTS

SMALL = replace(one_machine(300), counts_requests=False, warm_seconds=4.0, seconds=6.0)
LARGE = replace(TEN_THOUSAND, counts_requests=False)


def test_the_same_seed_gives_the_same_figures_and_another_seed_others() -> None:
    costs = read_costs()

    assert simulate(SMALL, costs, 7) == simulate(SMALL, costs, 7)
    assert simulate(SMALL, costs, 7) != simulate(SMALL, costs, 8)


@pytest.mark.parametrize("users", [200, 6000])
def test_users_are_those_who_think_and_those_who_wait(users: int) -> None:
    # Little's law for the closed loop: users = rate x (time to think + time to be answered), idle or full.
    scenario = replace(SMALL, users=users, warm_seconds=10.0, seconds=20.0)
    found = simulate(scenario, LISTS, 1)

    assert found.requests_per_second * (2.0 + found.mean_ms / 1000) == pytest.approx(users, rel=0.02)


def test_the_use_of_processors_is_rate_times_cost() -> None:
    found = simulate(replace(SMALL, users=2000, seconds=20.0), LISTS, 1)

    assert found.utilisation["machine"] * 2 == pytest.approx(found.requests_per_second * 0.0008, rel=0.03)


def test_one_process_gets_no_further_than_one_processor() -> None:
    web = Web(machines=1, cores=8, processes=1)
    found = simulate(replace(LARGE, users=6000, web=web), LISTS, 1)

    assert found.requests_per_second == pytest.approx(1 / 0.0006, rel=0.03)
    assert found.utilisation["web"] == pytest.approx(1 / 8, rel=0.03)


def test_who_finds_no_slot_is_refused_after_half_a_second() -> None:
    slow = Costs({"list": Cost(app_ms=0.6, postgres_ms=60_000.0)}, "made up")
    installation = Installation(replace(LARGE, users=0, web=Web(processes=1, slots=1)), slow, 1)
    told: list[tuple[float, bool]] = []

    def ask() -> Activity:
        is_answered = yield from installation._serve(installation.processes[0], "list")
        told.append((installation.clock.now, is_answered))

    for _ in range(3):
        installation.clock.start(ask())
    installation.clock.run_until(2.0)

    assert [is_answered for _, is_answered in told] == [False, False]
    assert [when for when, _ in told] == pytest.approx([0.5, 0.5], abs=0.005)


def test_a_database_that_is_far_too_slow_refuses_many() -> None:
    slow = Costs({"list": Cost(app_ms=0.6, postgres_ms=2000.0)}, "made up")
    scenario = replace(SMALL, users=40, mix=((1, "list"),), database=Database(cores=1))
    found = simulate(scenario, slow, 1)

    assert found.refused_per_second > 1
    assert found.verdict.startswith("requests wait for: machine")


def test_there_are_places_for_a_transaction_only_as_long_as_it_lasts() -> None:
    writing = Costs(
        {"list": Cost(app_ms=1.0, postgres_ms=4.0, statements=4, is_transaction=True, is_write=True)},
        "made up",
    )
    database = Database(cores=4, pooled=1, poolers=1)
    scenario = replace(LARGE, users=500, mix=((1, "list"),), database=database)
    found = simulate(scenario, writing, 1)

    # One connection at a time: at least 4 ms of PostgreSQL, 1 ms of the disk, and four ways of 0.3 ms there.
    assert found.requests_per_second < 1 / 0.0062
    assert found.utilisation["connections"] == pytest.approx(1.0, abs=0.02)


def test_one_redis_counts_no_more_requests_than_one_thread_can() -> None:
    costs = Costs({"list": Cost(app_ms=0.05, postgres_ms=0.05, redis_ms=0.979)}, "made up")
    scenario = replace(TEN_THOUSAND, users=4000, mix=((1, "list"),), workers=Workers(let_through=0.0))

    assert simulate(scenario, costs, 1).requests_per_second == pytest.approx(1000, rel=0.03)
    two = simulate(replace(scenario, redis_states=2), costs, 1)
    assert two.requests_per_second == pytest.approx(2000, rel=0.05)


def test_replicas_take_the_reads_off_the_primary() -> None:
    database = Database(cores=4, replicas=2)
    installation = Installation(replace(LARGE, users=1000, database=database), LISTS, 1)
    installation.begin()
    installation.clock.run_until(5.0)

    assert installation.primary.busy_seconds == 0
    assert all(machine.busy_seconds > 0.1 for machine in installation.machines["replica"])


def test_tasks_pile_up_where_there_are_too_few_workers() -> None:
    asking = Costs({"list": Cost(app_ms=0.1, postgres_ms=0.1, is_write=True, makes_task=True)}, "made up")
    workers = Workers(slots=4, model_seconds=1.0, let_through=1.0)
    found = simulate(replace(SMALL, users=40, mix=((1, "list"),), workers=workers), asking, 1)

    # Forty users who ask every two seconds make 20 tasks a second; four at a time of one second each are done.
    assert found.tasks_per_second == pytest.approx(20, rel=0.1)
    assert found.verdict == "tasks pile up"
    assert found.task_wait_p95_ms > 2000


def test_the_scenarios_have_the_rules_of_the_server() -> None:
    settings = Settings(web_threads=4)

    assert model.SLOT_SECONDS == door.SLOT_SECONDS
    assert model.POOL_SECONDS == connections.POOL_WAIT_SECONDS
    assert Web(slots=4).streams == settings.web_streams
    assert Workers().let_through == settings.limit_ai_generate / 300


def test_the_arithmetic_of_connections_is_that_of_the_settings() -> None:
    scenario = Scenario(name="x", title="x", users=10, web=Web(machines=4, processes=4, slots=8))

    found = memory(scenario)
    assert found["connections asked for"] == 4 * 4 * 20
    assert found["connections of PostgreSQL"] == 100
