"""What is simulated: each scenario says who asks, of which machines."""

from dataclasses import dataclass, field, replace

# Seconds that a user looks at an answer, and what is asked how often.
THINK = (1.0, 3.0)
MIX = ((3, "list"), (2, "detail"), (1, "ask"))
LOOPBACK_MS, NETWORK_MS = 0.02, 0.3
# Of those who ask for a text every 12 seconds, 300 an hour, 10 an hour are let through (LIMIT_AI_GENERATE on FREE).
LET_THROUGH = 10 / 300


@dataclass(frozen=True, kw_only=True)
class Web:
    """The machines that run `noteassist serve`."""

    machines: int = 1
    cores: float = 2
    # WEB_PROCESSES, WEB_THREADS and WEB_STREAMS of each of them.
    processes: int = 2
    slots: int = 4
    streams: int = 64

    @property
    def threads(self) -> int:
        """Count the threads of a process, as `noteassist/cli/serve.py` does.

        Who finds none free waits before the application, without a limit.
        """
        return 2 * self.slots + self.streams + 4

    @property
    def pool(self) -> int:
        """Count the most connections of a process (DATABASE_POOL_SIZE), as the settings do where it is not set."""
        return self.slots + 2 + 8 + 2


@dataclass(frozen=True, kw_only=True)
class Database:
    """The PostgreSQL server, and what stands before it."""

    cores: float = 2
    max_connections: int = 100
    # Connections that PgBouncer keeps to it; 0: there is no PgBouncer.
    pooled: int = 0
    poolers: int = 0
    # Servers that answer reads. NoteAssist cannot use any yet.
    replicas: int = 0
    commit_ms: float = 1.0
    # PgBouncer's own processor time for a statement: assumed, not measured.
    pooler_ms: float = 0.015


@dataclass(frozen=True, kw_only=True)
class Workers:
    """The machines that run `noteassist worker`, and the model that they ask."""

    machines: int = 1
    cores: float = 2
    # WORKER_PROCESSES times WORKER_THREADS.
    slots: int = 16
    # Long, and longer now and then: drawn from a log-normal distribution.
    model_seconds: float = 4.0
    # 51 tasks a second kept two processors busy, PostgreSQL and a stand-in for the model included: 39 ms at most.
    task_ms: float = 25.0
    task_postgres_ms: float = 8.0
    let_through: float = LET_THROUGH


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Who asks, of what."""

    name: str
    title: str
    users: int
    think: tuple[float, float] = THINK
    mix: tuple[tuple[int, str], ...] = MIX
    web: Web = field(default_factory=Web)
    database: Database = field(default_factory=Database)
    workers: Workers = field(default_factory=Workers)
    # All parts share the processors of the first web machine, and the load generator may do so too.
    is_one_machine: bool = False
    driver_ms: float = 0.0
    others_cores: float = 0.0
    network_ms: float = NETWORK_MS
    # Whether Redis counts every request against limits.
    counts_requests: bool = True
    # The state of users spread over several Redis servers: cannot be set up yet.
    redis_states: int = 1
    # How many of these make the whole, each with its own users, database and Redis.
    cells: int = 1
    warm_seconds: float = 6.0
    seconds: float = 5.0


def one_machine(users: int) -> Scenario:
    """Everything on one machine with two processors, as in a small installation."""
    return Scenario(
        name=f"one-{users}",
        title=f"one machine, {users:,} users",
        users=users,
        is_one_machine=True,
        network_ms=LOOPBACK_MS,
        workers=Workers(slots=8),
        warm_seconds=15.0,
        seconds=15.0,
    )


def closed_loop(case: str, connections: int, driver_ms: float, others_cores: float) -> Scenario:
    """Build the bench's own loop: connections that ask again at once, on two processors, with the load generator."""
    return Scenario(
        name=f"{case}-{connections}",
        title=f"{case}, {connections} connections without thinking",
        users=connections,
        think=(0.0, 0.0),
        mix=((1, case),),
        is_one_machine=True,
        driver_ms=driver_ms,
        others_cores=others_cores,
        network_ms=LOOPBACK_MS,
        counts_requests=False,
        workers=Workers(let_through=0.0),
        warm_seconds=1.0,
        seconds=2.0,
    )


RISING_USERS = (250, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4250, 4500, 5000, 6000)
RISING = tuple(one_machine(users) for users in RISING_USERS)

TEN_THOUSAND = Scenario(
    name="10k",
    title="10,000 users at once",
    users=10_000,
    web=Web(machines=3, cores=4, processes=4, slots=4),
    database=Database(cores=4, max_connections=250),
    workers=Workers(machines=2, cores=2, slots=192),
)
TIGHT = replace(
    TEN_THOUSAND,
    name="10k-tight",
    title="10,000 users at once, one web machine",
    web=Web(machines=1, cores=4, processes=4, slots=4),
)
FEW_CORES = replace(
    TEN_THOUSAND,
    name="10k-few",
    title="10,000 users at once, one core for PostgreSQL",
    database=Database(cores=1, max_connections=250),
)
HUNDRED_THOUSAND = Scenario(
    name="100k",
    title="100,000 users at once",
    users=100_000,
    web=Web(machines=10, cores=8, processes=8, slots=4),
    database=Database(cores=32, max_connections=300, pooled=128, poolers=4),
    workers=Workers(machines=4, cores=4, slots=1600),
    redis_states=3,
    warm_seconds=5.0,
    seconds=2.0,
)
ONE_REDIS = replace(
    HUNDRED_THOUSAND,
    name="100k-one-redis",
    title="100,000 users at once, one Redis for their state",
    redis_states=1,
)
MILLION = replace(
    HUNDRED_THOUSAND,
    name="1m-cell",
    title="1,000,000 users at once: one of 20 cells of 50,000",
    users=50_000,
    web=Web(machines=5, cores=8, processes=8, slots=4),
    database=Database(cores=16, max_connections=300, pooled=96, poolers=2),
    workers=Workers(machines=2, cores=4, slots=800),
    redis_states=1,
    cells=20,
)
LARGE = (TEN_THOUSAND, TIGHT, FEW_CORES, HUNDRED_THOUSAND, ONE_REDIS, MILLION)
SCENARIOS = (*RISING, *LARGE)
