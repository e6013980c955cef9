"""The engine agrees with what theory knows exactly, and keeps to its own rules."""

import math
import random
from collections.abc import Callable

import pytest

from bench.simulation.engine import Activity, Clock, Places, Processors

SECONDS = 6000.0
WARM = 200.0


class Load:
    """Customers of one station: how many were served, and how long each was there."""

    def __init__(self, clock: Clock, serve: Callable[[float], Activity], seed: int) -> None:
        self.clock, self.serve, self.chance = clock, serve, random.Random(seed)
        self.times: list[float] = []
        self.present = 0
        self.presence = 0.0
        self.looked_at = 0.0

    def count(self, change: int) -> None:
        self.presence += self.present * (self.clock.now - self.looked_at)
        self.present, self.looked_at = self.present + change, self.clock.now

    def customer(self, rate: float) -> Activity:
        came = self.clock.now
        self.count(1)
        yield from self.serve(self.chance.expovariate(rate))
        self.count(-1)
        if came > WARM:
            self.times.append(self.clock.now - came)

    def arrive(self, arrivals: float, services: float) -> Activity:
        while True:
            yield self.clock.sleep(self.chance.expovariate(arrivals))
            self.clock.start(self.customer(services))

    def think_and_ask(self, thoughts: float, services: float) -> Activity:
        while True:
            yield self.clock.sleep(self.chance.expovariate(thoughts))
            yield from self.customer(services)

    @property
    def mean(self) -> float:
        return sum(self.times) / len(self.times)


def in_a_row(clock: Clock, servers: int) -> Callable[[float], Activity]:
    places = Places(clock, servers)

    def serve(seconds: float) -> Activity:
        yield places.take()
        yield clock.sleep(seconds)
        places.give_back()

    return serve


def shared(clock: Clock, servers: int) -> Callable[[float], Activity]:
    processors = Processors(clock, servers)

    def serve(seconds: float) -> Activity:
        yield processors.compute(seconds)

    return serve


def erlang_c(servers: int, load: float) -> float:
    """The share of customers that have to wait in M/M/c."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(load**k / math.factorial(k) for k in range(servers)) + last)


@pytest.mark.parametrize("station", [in_a_row, shared])
@pytest.mark.parametrize(("servers", "arrivals"), [(1, 3.5), (1, 4.0), (2, 8.0), (4, 17.0)])
def test_an_open_queue_is_as_long_as_theory_says(station, servers: int, arrivals: float) -> None:
    # Who is served in which way does not matter for the mean: the number of customers is the same process.
    clock = Clock()
    load = Load(clock, station(clock, servers), seed=11)
    clock.start(load.arrive(arrivals, services=5.0))
    clock.run_until(SECONDS)

    expected = 1 / 5.0 + erlang_c(servers, arrivals / 5.0) / (servers * 5.0 - arrivals)
    assert load.mean == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("station", [in_a_row, shared])
@pytest.mark.parametrize(("users", "servers"), [(4, 1), (12, 1), (30, 3)])
def test_users_who_think_are_served_as_fast_as_machines_are_repaired(
    station, users: int, servers: int
) -> None:
    clock = Clock()
    load = Load(clock, station(clock, servers), seed=5)
    for _ in range(users):
        clock.start(load.think_and_ask(thoughts=0.5, services=5.0))
    clock.run_until(SECONDS)

    # The machine-repairman model: the chance of n at the repair shop.
    weights = [1.0]
    for n in range(1, users + 1):
        weights.append(weights[-1] * (users - n + 1) * 0.5 / (min(n, servers) * 5.0))
    busy = sum(weight * min(n, servers) for n, weight in enumerate(weights)) / sum(weights)
    assert len(load.times) / (SECONDS - WARM) == pytest.approx(busy * 5.0, rel=0.02)


def test_the_mean_number_present_is_rate_times_mean_time() -> None:
    # Little's law, counted in two independent ways.
    clock = Clock()
    load = Load(clock, in_a_row(clock, 2), seed=3)
    clock.start(load.arrive(8.0, services=5.0))
    clock.run_until(SECONDS)
    load.count(0)

    rate = len(load.times) / (SECONDS - WARM)
    assert load.presence / SECONDS == pytest.approx(rate * load.mean, rel=0.02)


def test_processors_account_for_all_work_and_for_no_more() -> None:
    clock = Clock()
    processors = Processors(clock, 2)
    ended: list[float] = []

    def work(seconds: float) -> Activity:
        yield processors.compute(seconds)
        ended.append(clock.now)

    for seconds in (1.0, 1.0, 2.0):
        clock.start(work(seconds))
    clock.run_until(10.0)
    processors.look()

    # Three on two processors: the short ones get two thirds each until 1.5, then the long one has its own.
    assert ended == pytest.approx([1.5, 1.5, 2.5])
    assert processors.busy_seconds == pytest.approx(4.0)


def test_a_processor_that_others_take_is_missing() -> None:
    clock = Clock()
    processors = Processors(clock, 2)
    ended: list[float] = []

    def work() -> Activity:
        yield processors.compute(1.0)
        ended.append(clock.now)

    clock.start(work())
    clock.start(work())
    clock.plan(0.5, lambda: processors.change(-1))
    clock.run_until(5.0)

    assert ended == pytest.approx([1.5, 1.5])


def test_a_place_goes_to_whoever_waits_longest_and_nobody_waits_longer_than_said() -> None:
    clock = Clock()
    places = Places(clock, 1)
    told: list[tuple[str, float, bool]] = []

    def customer(name: str, patience: float) -> Activity:
        has_place = yield places.take(patience)
        told.append((name, clock.now, has_place))
        if has_place:
            yield clock.sleep(1.0)
            places.give_back()

    for name, patience in (("first", 0.5), ("second", 0.5), ("third", 5.0), ("fourth", 5.0)):
        clock.start(customer(name, patience))
    clock.run_until(10.0)

    assert told == [("first", 0.0, True), ("second", 0.5, False), ("third", 1.0, True), ("fourth", 2.0, True)]
    assert places.taken == 0
