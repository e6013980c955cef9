"""Interleaved rounds: each round measures every target, in reversed order every other time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from bench.cases import WARM, Case, prepare, reads_of
from bench.driver import Load, Measured, measure
from bench.figures import percentile
from bench.loop import LOOPBACK
from bench.options import Options
from bench.people import Person


@dataclass(frozen=True)
class Target:
    """One server, or one user of it, that is measured beside others."""

    name: str
    port: int
    roots: Mapping[str, int]
    people: Sequence[Person]


@dataclass(frozen=True)
class Row:
    """What one target gave in one case and one round."""

    case: str
    target: str
    round: int
    requests: int
    requests_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms: dict[str, float]
    statuses: dict[str, int]
    failures: int
    sample: str
    # Whether requests were counted against limits.
    limits: bool = False

    @property
    def total_cpu_ms(self) -> float | None:
        """Sum the processor milliseconds per request, or nothing where no process is known."""
        return sum(self.cpu_ms.values()) if self.cpu_ms else None

    def as_dict(self) -> dict[str, object]:
        """Give everything for the JSON file."""
        return {**asdict(self), "total_cpu_ms": self.total_cpu_ms}


def schedule(targets: Sequence[Target], rounds: int) -> Iterator[tuple[int, Target]]:
    """Say who is measured when: what drifts during a run then meets all of them alike."""
    for number in range(rounds):
        for target in targets if number % 2 == 0 else list(reversed(targets)):
            yield number, target


def run_case(
    name: str,
    case: Case,
    targets: Sequence[Target],
    options: Options,
    report: Callable[[], None],
    *,
    limits: bool = False,
) -> list[Row]:
    """Measure all rounds of one case, on servers that count against limits or do not."""
    rows = []
    for number, target in schedule(targets, options.rounds):
        # What is new must be new in both forms of a case.
        unique = number + options.rounds * limits
        requests = prepare(case, target.people, f"{LOOPBACK}:{target.port}", unique)
        load = Load(
            port=target.port,
            requests=requests,
            connections=case.connections,
            seconds=options.seconds,
            warm_seconds=options.warm_seconds,
            processes=min(options.drivers, case.connections),
            prime=reads_of(requests) if case.setup == WARM else (),
        )
        rows.append(make_row(name, target.name, number, measure(load, target.roots), limits=limits))
        report()
    return rows


def make_row(case: str, target: str, number: int, measured: Measured, *, limits: bool = False) -> Row:
    """Turn a measurement into figures per request."""
    outcome = measured.outcome
    times = sorted(outcome.latencies_ms) or [float("nan")]
    requests = max(len(outcome.latencies_ms), 1)
    return Row(
        case=case,
        target=target,
        round=number + 1,
        requests=len(outcome.latencies_ms),
        requests_per_second=len(outcome.latencies_ms) / outcome.seconds,
        p50_ms=percentile(times, 50),
        p95_ms=percentile(times, 95),
        p99_ms=percentile(times, 99),
        cpu_ms={role: used * 1000 / requests for role, used in measured.cpu_seconds.items()},
        statuses=dict(outcome.statuses),
        failures=outcome.failures,
        sample=outcome.sample,
        limits=limits,
    )
