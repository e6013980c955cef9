"""Running a scenario, and what is told of it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from bench.figures import percentile
from bench.simulation.costs import Costs
from bench.simulation.engine import Places, Processors
from bench.simulation.model import Installation
from bench.simulation.scenarios import Scenario

# An installation that is slower than this, or refuses more than this, does not hold.
MOST_P95_MS = 250.0
MOST_REFUSED = 0.001
# From here on a queue grows and grows.
FULL = 0.97

# For the arithmetic of memory, in MB. A process of the server: ADR 10. A connection of PostgreSQL: assumed.
PROCESS_MB = 100.0
CONNECTION_MB = 10.0
# An entry of the memo of tokens (`sys.getsizeof` of a token and its claims), and how many a process keeps.
MEMO_ENTRY_KB = 2.0
MEMO_ENTRIES = 20_000
# A list page and four notes of the bench's data, of a user who is looking at them: for the fast path that is not built.
WARM_KB = 5.0 + 4 * 20.0


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What one scenario gave."""

    name: str
    title: str
    users: int
    requests_per_second: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    refused_per_second: float
    utilisation: dict[str, float]
    most_waiting: dict[str, int]
    tasks_per_second: float
    task_wait_p50_ms: float
    task_wait_p95_ms: float
    memory: dict[str, float]
    cells: int

    @property
    def is_quick(self) -> bool:
        """Say whether requests are fast enough and hardly any is refused."""
        return (
            self.p95_ms <= MOST_P95_MS and self.refused_per_second <= MOST_REFUSED * self.requests_per_second
        )

    @property
    def keeps_up(self) -> bool:
        """Say whether there are workers enough for the tasks that come."""
        return self.utilisation["worker slots"] < FULL

    @property
    def verdict(self) -> str:
        """Say whether it holds, and else what everybody waits for."""
        found = []
        if not self.is_quick:
            full = [
                name for name, share in self.utilisation.items() if share >= FULL and name != "worker slots"
            ]
            found.append("requests wait for: " + (", ".join(full) or "bursts"))
        if not self.keeps_up:
            found.append("tasks pile up")
        return "; ".join(found) or "holds"

    def as_dict(self) -> dict[str, object]:
        """Give everything for the JSON file."""
        return {**asdict(self), "verdict": self.verdict}


class Counts:
    """What the parts had done when the counting began."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.started = installation.clock.now
        self.before = {name: work(parts) for name, parts in groups(installation).items()}

    def shares(self) -> dict[str, float]:
        """Say which share of the time each group of parts was busy since then."""
        seconds = self.installation.clock.now - self.started
        return {
            name: (work(parts) - self.before[name]) / (seconds * sum(capacity(part) for part in parts))
            for name, parts in groups(self.installation).items()
        }


def groups(installation: Installation) -> dict[str, Sequence[Processors | Places]]:
    """Name what may run full."""
    found: dict[str, Sequence[Processors | Places]] = {**installation.machines}
    processes = installation.processes
    found["Python processes"] = [process.python.turn for process in processes]
    found["slots"] = [process.slots for process in processes]
    found["threads"] = [process.threads for process in processes]
    found["connections"] = [installation.connections]
    if installation.poolers:
        found["PgBouncer"] = [pooler.turn for pooler in installation.poolers]
    found["worker slots"] = [installation.worker_slots]
    return found


def work(parts: Iterable[Processors | Places]) -> float:
    """Sum for how many seconds these have been in use."""
    total = 0.0
    for part in parts:
        part.look()
        total += part.busy_seconds if isinstance(part, Processors) else part.taken_seconds
    return total


def capacity(part: Processors | Places) -> float:
    """Say how much of a part can be in use at a time."""
    return part.all_cores if isinstance(part, Processors) else part.number


def simulate(scenario: Scenario, costs: Costs, seed: int) -> Summary:
    """Run one scenario: first until it has settled, then counting."""
    installation = Installation(scenario, costs, seed)
    installation.begin()
    installation.clock.run_until(scenario.warm_seconds)
    counts = Counts(installation)
    installation.is_counting, made = True, installation.tasks_made
    installation.clock.run_until(scenario.warm_seconds + scenario.seconds)
    times = sorted(seconds * 1000 for seconds in installation.latencies) or [float("inf")]
    waits = sorted(seconds * 1000 for seconds in installation.task_waits) or [0.0]
    return Summary(
        name=scenario.name,
        title=scenario.title,
        users=scenario.users,
        requests_per_second=len(installation.latencies) / scenario.seconds,
        mean_ms=sum(times) / len(times),
        p50_ms=percentile(times, 50),
        p95_ms=percentile(times, 95),
        p99_ms=percentile(times, 99),
        refused_per_second=installation.refused / scenario.seconds,
        utilisation=counts.shares(),
        most_waiting={
            "slot": max(process.slots.most_waiting for process in installation.processes),
            "thread": max(process.threads.most_waiting for process in installation.processes),
            "connection": installation.connections.most_waiting,
            "worker": installation.worker_slots.most_waiting,
        },
        tasks_per_second=(installation.tasks_made - made) / scenario.seconds,
        task_wait_p50_ms=percentile(waits, 50),
        task_wait_p95_ms=percentile(waits, 95),
        memory=memory(scenario),
        cells=scenario.cells,
    )


def memory(scenario: Scenario) -> dict[str, float]:
    """Do the arithmetic of connections and memory, without any simulation."""
    web, database = scenario.web, scenario.database
    processes = web.machines * web.processes
    clients = processes * web.pool
    servers = database.pooled or min(clients, database.max_connections)
    known = min(scenario.users, MEMO_ENTRIES)
    return {
        "web processes": processes,
        "MB of a web machine": web.processes * (PROCESS_MB + known * MEMO_ENTRY_KB / 1000),
        "connections asked for": clients,
        "connections of PostgreSQL": servers,
        "MB of its connections": servers * CONNECTION_MB,
        "MB of a warm cache in each process (not built)": scenario.users * WARM_KB / 1000,
    }
