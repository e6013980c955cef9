"""Memory of the web processes over very many requests, with a cache that is cold, then full, then always changing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from bench.cases import MEMORY_CASE, prepare
from bench.driver import Load, measure
from bench.errors import BenchError
from bench.figures import slope
from bench.loop import LOOPBACK, MAX_REQUESTS
from bench.options import DEFAULT_PASSWORD, Options
from bench.people import meet_all
from bench.processes import tree_memory
from bench.progress import Progress
from bench.seeding import seeded_database
from bench.servers import FAR_LIMITS, NO_CACHE, Backing, full_environment, instance_folder, serving

STEPS = 20
CONNECTIONS = 32
# No step is so slow: it ends by its number of requests.
STEP_SECONDS = 600.0
# What the second half may add to the first one's end: more would be a leak.
MOST_GROWTH = 0.05


@dataclass(frozen=True)
class Moment:
    """What all processes of the server held after so many requests."""

    requests: int
    rss_mb: float
    pss_mb: float


@dataclass(frozen=True)
class MemoryRun:
    """A server's memory from its first answers on; the first moment is before the load, with a cold cache."""

    moments: tuple[Moment, ...]

    @property
    def second_half(self) -> tuple[Moment, ...]:
        """List the moments from the middle on."""
        last = self.moments[-1].requests
        return tuple(moment for moment in self.moments if moment.requests >= last / 2)

    @property
    def landmarks(self) -> tuple[Moment, ...]:
        """Choose the moments worth telling: the start, a tenth of the way, the half and the end."""
        last = len(self.moments) - 1
        return tuple(self.moments[place] for place in sorted({0, max(1, last // 10), last // 2, last}))

    @property
    def growth(self) -> float:
        """Say by which share the second half grew."""
        return self.second_half[-1].pss_mb / self.second_half[0].pss_mb - 1

    @property
    def mb_per_million(self) -> float:
        """Fit a line through the second half: megabytes for each million of requests."""
        return slope([(moment.requests / 1e6, moment.pss_mb) for moment in self.second_half])

    @property
    def holds(self) -> bool:
        """Say whether the second half grew no more than it may."""
        return self.growth <= MOST_GROWTH

    def as_dict(self) -> dict[str, object]:
        """Give everything for the JSON file."""
        return {**asdict(self), "growth": self.growth, "mb_per_million": self.mb_per_million}

    @classmethod
    def read(cls, kept: Mapping[str, list[dict[str, float]]]) -> "MemoryRun":
        """Take a run from the JSON file."""
        return cls(tuple(Moment(int(m["requests"]), m["rss_mb"], m["pss_mb"]) for m in kept["moments"]))


def run_memory(backing: Backing, options: Options, progress: Progress) -> MemoryRun:
    """Load our server as it comes, with limits, and read its memory after each twentieth of the requests."""
    with instance_folder() as instance:
        address = seeded_database(backing, options.shape, instance, reseed=options.reseed)
        environment = full_environment(instance, backing, address) | FAR_LIMITS
        for name in NO_CACHE:
            del environment[name]
        users = options.shape.users
        with serving(environment, instance) as server:
            report = progress.step("meeting the users", users)
            people = meet_all(server.port, users, DEFAULT_PASSWORD, (), report)
        # Started anew: its cache is cold, and it has checked no password.
        with serving(environment, instance) as server:
            requests = prepare(MEMORY_CASE, people, f"{LOOPBACK}:{server.port}")
            report = progress.step("memory", STEPS)
            moments = [moment(0, server.pid)]
            done = 0
            for number in range(STEPS):
                # Each step asks on where the last one has ended.
                start = done % len(requests)
                load = Load(
                    port=server.port,
                    requests=requests[start:] + requests[:start],
                    connections=CONNECTIONS,
                    seconds=STEP_SECONDS,
                    warm_seconds=0.0,
                    most=min(MAX_REQUESTS, options.memory_requests * (number + 1) // STEPS - done),
                )
                outcome = measure(load, {}).outcome
                if outcome.failures:
                    raise BenchError(f"Memory: {dict(outcome.statuses)}: {outcome.sample}")
                done += len(outcome.latencies_ms)
                moments.append(moment(done, server.pid))
                report()
    return MemoryRun(tuple(moments))


def moment(requests: int, pid: int) -> Moment:
    """Read what a server's processes hold now."""
    found = tree_memory(pid)
    return Moment(requests, sum(one.rss_mb for one in found), sum(one.pss_mb for one in found))
