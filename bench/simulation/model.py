"""NoteAssist as the simulation sees it: a request on its way through processes, slots, PostgreSQL and Redis."""

import math
import random

from bench.simulation.costs import Cost, Costs, counted
from bench.simulation.engine import Activity, Clock, Places, Processors
from bench.simulation.scenarios import Scenario

SLOT_SECONDS = 0.5  # noteassist/door.py
POOL_SECONDS = 2.0  # noteassist/connections.py
# To say 503 or 429 is cheap: assumed, not measured.
REFUSAL_MS = 0.1
# How far service times scatter around their mean: of a gamma distribution of this shape, half of the mean.
SHAPE = 4.0
MODEL_SCATTER = 0.6
# For how long others, where there are some, take a processor: assumed, not measured.
BURST_SECONDS = 0.05


class Thread:
    """What does one thing at a time: Redis, the load generator, or a Python process because of its lock."""

    def __init__(self, clock: Clock, processors: Processors) -> None:
        self.turn = Places(clock, 1)
        self.processors = processors

    def run(self, seconds: float) -> Activity:
        """Wait for the turn, then compute."""
        if seconds <= 0:
            return
        yield self.turn.take()
        yield self.processors.compute(seconds)
        self.turn.give_back()


class Process:
    """One web process."""

    def __init__(self, clock: Clock, processors: Processors, scenario: Scenario) -> None:
        web = scenario.web
        self.python = Thread(clock, processors)
        self.threads = Places(clock, web.threads)
        self.slots = Places(clock, web.slots)
        self.pool = Places(clock, web.pool)


class Installation:
    """All machines of a scenario, and everything that is counted while they work."""

    def __init__(self, scenario: Scenario, costs: Costs, seed: int) -> None:
        self.scenario = scenario
        self.kinds = {
            name: counted(cost) if scenario.counts_requests else cost for name, cost in costs.kinds.items()
        }
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.machines: dict[str, list[Processors]] = {}
        self._build()
        self.is_counting = False
        self.latencies: list[float] = []
        self.refused = 0
        self.task_waits: list[float] = []
        self.tasks_made = 0

    def _build(self) -> None:
        scenario, clock = self.scenario, self.clock
        web, database, workers = scenario.web, scenario.database, scenario.workers
        if scenario.is_one_machine:
            shared = Processors(clock, web.cores)
            self.machines["machine"] = [shared]
            webs, primary, readers, states, queue, working = (
                [shared],
                shared,
                [shared],
                [shared],
                shared,
                [shared],
            )
        else:
            webs = self._machines("web", web.machines, web.cores)
            primary = self._machines("postgres", 1, database.cores)[0]
            readers = self._machines("replica", database.replicas, database.cores) or [primary]
            states = self._machines("redis state", scenario.redis_states, 1)
            queue = self._machines("redis queue", 1, 1)[0]
            working = self._machines("worker", workers.machines, workers.cores)
        self.processes = [Process(clock, machine, scenario) for machine in webs for _ in range(web.processes)]
        self.primary, self.readers = primary, readers
        limit = database.pooled or min(database.max_connections, web.machines * web.processes * web.pool)
        self.connections = Places(clock, limit)
        self.poolers = [Thread(clock, Processors(clock, 1)) for _ in range(database.poolers)]
        self.states = [Thread(clock, machine) for machine in states]
        self.queue = Thread(clock, queue)
        self.workers = working
        self.worker_slots = Places(clock, workers.slots)
        self.driver = Thread(clock, webs[0])
        self.calls = [name for weight, name in scenario.mix for _ in range(weight)]

    def _machines(self, role: str, number: int, cores: float) -> list[Processors]:
        if number:
            self.machines[role] = [Processors(self.clock, cores) for _ in range(number)]
        return self.machines.get(role, [])

    def scattered(self, milliseconds: float) -> float:
        """Draw a service time in seconds around its mean."""
        return self.chance.gammavariate(SHAPE, milliseconds / SHAPE / 1000) if milliseconds else 0.0

    def begin(self) -> None:
        """Let the users come."""
        for _ in range(self.scenario.users):
            self.clock.start(self._user())
        for _ in range(math.ceil(self.scenario.others_cores)):
            share = self.scenario.others_cores / math.ceil(self.scenario.others_cores)
            self.clock.start(self._somebody_else(self.primary, share))

    def _somebody_else(self, machine: Processors, share: float) -> Activity:
        """Take a whole processor for a while, now and then."""
        while True:
            yield self.clock.sleep(self.chance.expovariate(share / (1 - share) / BURST_SECONDS))
            machine.change(-1)
            yield self.clock.sleep(self.chance.expovariate(1 / BURST_SECONDS))
            machine.change(1)

    def _user(self) -> Activity:
        """Think, ask, and look at the answer, again and again."""
        least, most = self.scenario.think
        # On one machine a connection stays with the process that has accepted it, whichever that was.
        process = self.chance.choice(self.processes)
        # As if all had been at it for long: each is somewhere between two clicks.
        yield self.clock.sleep(self.chance.uniform(0.0, most))
        while True:
            asked = self.clock.now
            if not self.scenario.is_one_machine:
                process = self.chance.choice(self.processes)
            yield self.clock.sleep(self.scenario.network_ms / 1000)
            is_answered = yield from self._serve(process, self.chance.choice(self.calls))
            yield from self.driver.run(self.scattered(self.scenario.driver_ms))
            if self.is_counting:
                self.refused += not is_answered
                if is_answered:
                    self.latencies.append(self.clock.now - asked)
            yield self.clock.sleep(self.chance.uniform(least, most))

    def _serve(self, process: Process, kind: str) -> Activity:
        """Take a thread, then a slot for half a second at most, and answer; False is a 503."""
        yield process.threads.take()
        has_slot = yield process.slots.take(SLOT_SECONDS)
        if has_slot:
            is_answered = yield from self._answer(process, self.kinds[kind])
            process.slots.give_back()
        else:
            yield from process.python.run(self.scattered(REFUSAL_MS))
            is_answered = False
        process.threads.give_back()
        return is_answered

    def _answer(self, process: Process, cost: Cost) -> Activity:
        """Compute a part, ask the database, compute a part, ..., and ask Redis where the request does so."""
        parts = cost.statements + 1
        computing = self.scattered(cost.app_ms) / parts
        asking = self.scattered(cost.postgres_ms) / cost.statements
        is_held = cost.is_transaction or not self.scenario.database.pooled
        yield from process.python.run(computing)
        for _ in range(cost.redis_calls):
            yield from self._ask_redis(cost)
        if not (yield process.pool.take(POOL_SECONDS)):
            return False
        if is_held:
            yield self.connections.take()
        for _ in range(cost.statements):
            yield from self._ask_database(asking, cost, is_held)
            yield from process.python.run(computing)
        if cost.makes_task:
            yield from self._make_task()
        elif cost.is_write:
            yield self.clock.sleep(self.scenario.database.commit_ms / 1000)
        if is_held:
            self.connections.give_back()
        process.pool.give_back()
        return True

    def _ask_database(self, seconds: float, cost: Cost, is_held: bool) -> Activity:
        """Send one statement, perhaps through PgBouncer, which lends a connection for it alone."""
        yield self.clock.sleep(self.scenario.network_ms / 1000)
        if self.poolers:
            pooler = self.chance.choice(self.poolers)
            yield from pooler.run(self.scattered(self.scenario.database.pooler_ms))
        if not is_held:
            yield self.connections.take()
        server = self.primary if cost.is_write else self.chance.choice(self.readers)
        yield server.compute(seconds)
        if not is_held:
            self.connections.give_back()

    def _ask_redis(self, cost: Cost) -> Activity:
        yield self.clock.sleep(self.scenario.network_ms / 1000)
        yield from self.chance.choice(self.states).run(self.scattered(cost.redis_ms / cost.redis_calls))

    def _make_task(self) -> Activity:
        """Write the task, unless the hourly limit refuses it; the bell rings without anybody waiting for it."""
        workers = self.scenario.workers
        if self.chance.random() >= workers.let_through:
            return
        yield self.clock.sleep(self.scenario.database.commit_ms / 1000)
        self.tasks_made += 1
        self.clock.start(self._work())

    def _work(self) -> Activity:
        """Do a task: be heard, wait for a worker, and have it ask the model, which takes its time."""
        workers = self.scenario.workers
        made = self.clock.now
        yield from self.queue.run(self.scattered(0.05))
        yield self.worker_slots.take()
        if self.is_counting:
            self.task_waits.append(self.clock.now - made)
        machine = self.chance.choice(self.workers)
        yield machine.compute(self.scattered(workers.task_ms) / 2)
        mean = workers.model_seconds
        yield self.clock.sleep(mean * self.chance.lognormvariate(-(MODEL_SCATTER**2) / 2, MODEL_SCATTER))
        yield machine.compute(self.scattered(workers.task_ms) / 2)
        yield self.primary.compute(self.scattered(workers.task_postgres_ms))
        self.worker_slots.give_back()
