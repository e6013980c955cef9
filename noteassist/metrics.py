"""The metrics of this server, for Prometheus: what each process counts, and the sum over all of them.

Where PROMETHEUS_MULTIPROC_DIR was set before this was imported (`noteassist serve` and `worker` do), each process
counts into files of its own there, and whoever is asked adds up the files of all.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.values import MutexValue, ValueClass

from noteassist.metric_files import files_of_all

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
COLLECTING_TRIES = 3
TASK_SECONDS = (0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)

# A second series for each one, that nothing here asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's
REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "noteassist_http_requests",
    "Requests that were answered, by the rule of their route.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
LATENCY = Histogram(
    "noteassist_http_request_seconds",
    "Seconds until an answer was ready; of a stream, until it began.",
    ["route"],
    buckets=SECONDS,
    registry=REGISTRY,
)
STATEMENTS = Counter(
    "noteassist_database_statements", "SQL statements that requests sent.", ["route"], registry=REGISTRY
)
SLOW_STATEMENTS = Counter(
    "noteassist_slow_statements", "SQL statements that took longer than SLOW_QUERY_MS.", registry=REGISTRY
)
LIMITS_HIT = Counter(
    "noteassist_limits_hit", "Requests that were refused by a limit.", ["limit"], registry=REGISTRY
)
COUNTED_ALONE = Counter(
    "noteassist_limits_counted_alone",
    "Requests that a process counted for itself because Redis was away.",
    registry=REGISTRY,
)
AI_CALLS = Counter(
    "noteassist_ai_calls",
    "Calls to AI providers, by what came of them.",
    ["provider", "model", "outcome"],
    registry=REGISTRY,
)
AI_TOKENS = Counter(
    "noteassist_ai_tokens",
    "Tokens that AI providers counted: prompt or completion.",
    ["provider", "model", "kind"],
    registry=REGISTRY,
)
AI_SPEND = Counter(
    "noteassist_ai_spend",
    "What the calls cost by AI_PRICES, in its currency.",
    ["provider", "model"],
    registry=REGISTRY,
)
AI_ANSWERS = Counter(
    "noteassist_ai_answers",
    "Answers that were given, by where they came from: cache, joined or model.",
    ["source"],
    registry=REGISTRY,
)
AI_ALERTS = Counter(
    "noteassist_ai_spending_alerts", "Alerts that most of AI_DAILY_SPEND_CAP is spent.", registry=REGISTRY
)
TASKS_ENDED = Counter(
    "noteassist_task_attempts",
    "Attempts at tasks, by how they ended: succeeded, failed, again or lost.",
    ["kind", "outcome"],
    registry=REGISTRY,
)
TASK_TIME = Histogram(
    "noteassist_task_seconds",
    "Seconds that an attempt at a task took.",
    ["kind"],
    buckets=TASK_SECONDS,
    registry=REGISTRY,
)
LEASES_LOST = Counter(
    "noteassist_leases_lost",
    "Leases that were lost: taken back from a worker that went away, or noticed by the one who had it.",
    ["how"],
    registry=REGISTRY,
)
SANDBOX_RUNS = Counter(
    "noteassist_sandbox_runs", "Programs that were run, by verdict.", ["verdict"], registry=REGISTRY
)
SECURITY_EVENTS = Counter(
    "noteassist_security_events", "Events of security, by name.", ["event"], registry=REGISTRY
)


def request_answered(route: str, method: str, status: str, seconds: float, statements: int) -> None:
    """Count a request."""
    _request_counter(route, method if method in METHODS else "other", status).inc()
    _latency_of(route).observe(seconds)
    if statements:
        _statements_of(route).inc(statements)


@lru_cache(maxsize=4096)
def _request_counter(route: str, method: str, status: str) -> Counter:
    return REQUESTS.labels(route, method, status)


@lru_cache(maxsize=512)
def _latency_of(route: str) -> Histogram:
    return LATENCY.labels(route)


@lru_cache(maxsize=512)
def _statements_of(route: str) -> Counter:
    return STATEMENTS.labels(route)


class AllProcesses(Collector):
    """What all processes have counted, those that have ended included."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def collect(self) -> Iterable[Metric]:
        """Add up."""
        for _ in range(COLLECTING_TRIES):
            # The folder of one who has ended may be removed while it is read.
            with suppress(FileNotFoundError):
                return self._added_up()
        return self._added_up()

    def _added_up(self) -> Iterable[Metric]:
        found: Iterable[Metric] = MultiProcessCollector.merge(  # type: ignore[no-untyped-call]  # the library's
            files_of_all(self.folder), accumulate=True
        )
        return found


class Given(Collector):
    """Metrics that were found out elsewhere."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self.found = tuple(found)

    def collect(self) -> Iterator[Metric]:
        """Give them."""
        yield from self.found


def written(folder: Path, further: Iterable[Metric] = ()) -> bytes:
    """Write all metrics as Prometheus reads them; `folder` holds the files of the processes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(REGISTRY if ValueClass is MutexValue else AllProcesses(folder))
    registry.register(Given(further))
    return generate_latest(registry)
