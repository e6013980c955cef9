"""A plain RQ set-up under the same load and blows: it shows that this harness sees what is lost and doubled.

The job calls the model and inserts a row; RQ tries it ten times more when it raises. Everything else is as RQ
comes: its default worker, its queue in a Redis that may forget.
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import redis
from rq import Queue, Retry
from rq.job import Job

from tests.live import ROOT
from tests.soak import chaos
from tests.soak.checks import Findings
from tests.soak.plain_job import job
from tests.soak.results import Options, Result, counts
from tests.soak.shape import Shape, shape_of
from tests.soak.stack import WithServers

QUEUE = "soak"
RETRIES = 10
UNDER_WAY = frozenset({"queued", "started", "scheduled", "deferred"})
SENDERS = 4
# Nothing is down any more by then, and a job takes a second.
PATIENCE_SECONDS = 60.0
QUICK_PATIENCE_SECONDS = 12.0
_TABLE = "CREATE TABLE ledger (id serial PRIMARY KEY, number int NOT NULL, content text NOT NULL)"


class PlainRq(WithServers):
    """PostgreSQL, Redis and RQ's own workers; no web server, its part is played by those who enqueue."""

    worker_command = (str(Path(sys.executable).with_name("rq")), "worker", QUEUE)

    def begin_web(self) -> None:
        """Make the table."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute(_TABLE)

    def worker_settings(self) -> dict[str, str | None]:
        """Give the settings of a worker."""
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return {"RQ_REDIS_URL": self.redis.url, "PYTHONPATH": path}


class Sender:
    """Enqueues jobs, and tries again until Redis has taken each."""

    def __init__(self, stack: PlainRq, numbers: range, shape: Shape) -> None:
        self.stack = stack
        self.numbers = numbers
        self.pause = shape.seconds / len(numbers)
        # The id of the job by its number.
        self.accepted: dict[int, str] = {}
        self.retries = 0

    def run(self) -> None:
        """Enqueue everything, evenly over the time of the run."""
        begun = time.monotonic()
        for count, number in enumerate(self.numbers):
            time.sleep(max(0.0, begun + count * self.pause - time.monotonic()))
            while (job_id := self._enqueue(number)) is None:
                self.retries += 1
                time.sleep(0.3)
            self.accepted[number] = job_id

    def _enqueue(self, number: int) -> str | None:
        stack = self.stack
        try:
            with redis.Redis.from_url(stack.redis.url, socket_timeout=1) as client:
                arguments = (number, stack.model.server.url, stack.database_url)
                queue = Queue(QUEUE, connection=client)
                return str(queue.enqueue(job, *arguments, retry=Retry(max=RETRIES)).id)
        except (redis.RedisError, OSError):
            return None


def soak_plain_rq(seed: int, options: Options) -> Result:
    """Run once on plain RQ; gives what was found. Call it from the main thread."""
    begun = time.monotonic()
    shape = shape_of(options.tasks, quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="noteassist-soak-") as temporary:
        folder = options.folder / f"plain-rq-{seed}" if options.folder else Path(temporary)
        # What an earlier run has left there would be counted again.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with PlainRq(folder, shape.faults, seed) as stack:
            senders = _load_and_strike(stack, seed, shape, options)
            _settle(stack, QUICK_PATIENCE_SECONDS if options.quick else PATIENCE_SECONDS)
            result = _result(stack, senders, seed)
    result.seconds = round(time.monotonic() - begun, 1)
    return result


def _load_and_strike(stack: PlainRq, seed: int, shape: Shape, options: Options) -> list[Sender]:
    senders = [Sender(stack, range(at, shape.tasks, SENDERS), shape) for at in range(SENDERS)]
    threads = [threading.Thread(target=sender.run, daemon=True) for sender in senders]
    events = chaos.schedule(seed, shape.seconds, chaos.PLAIN, shape.gap)
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    chaos.Monkey(stack.actions, stack.record, show=options.show).run(events, begun)
    stack.calm()
    for thread in threads:
        thread.join(shape.patience)
    return senders


def _settle(stack: PlainRq, patience: float) -> None:
    """Wait until RQ says that nothing is queued or being done, or until patience ends."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with suppress(redis.RedisError), redis.Redis.from_url(stack.redis.url, socket_timeout=2) as client:
            queue = Queue(QUEUE, connection=client)
            if not len(queue) and not queue.started_job_registry.get_job_ids(cleanup=False):
                return
        time.sleep(0.3)


def _result(stack: PlainRq, senders: list[Sender], seed: int) -> Result:
    with psycopg.connect(stack.database_url) as connection:
        rows: list[Any] = connection.execute("SELECT number FROM ledger").fetchall()
    accepted = {number: job_id for sender in senders for number, job_id in sender.accepted.items()}
    stack.model.take_counts()
    return Result(
        mode="plain-rq",
        seed=seed,
        tasks=len(accepted),
        retries=sum(sender.retries for sender in senders),
        findings=compare(_states(stack, accepted), [number for (number,) in rows]),
        **counts(stack.record, stack.model.outcomes),
    )


def _states(stack: PlainRq, accepted: Mapping[int, str]) -> dict[int, str]:
    """Say what RQ knows of each job: its status, or nothing where it has forgotten the job."""
    with redis.Redis.from_url(stack.redis.url, socket_timeout=2) as client:
        jobs = Job.fetch_many(list(accepted.values()), connection=client)
        return {
            number: found.get_status(refresh=False).value if found else ""
            for number, found in zip(accepted, jobs, strict=True)
        }


def compare(states: Mapping[int, str], done: Sequence[int]) -> Findings:
    """Compare the jobs that Redis took with the rows that they made; what RQ may do yet is not lost."""
    times = Counter(done)
    undone = {number: state for number, state in sorted(states.items()) if not times[number]}
    return Findings(
        lost=[f"job {n}: {state or 'forgotten'}" for n, state in undone.items() if state not in UNDER_WAY],
        doubled=[f"job {n}: {count} rows" for n, count in sorted(times.items()) if count > 1],
        stuck=[f"job {n}: {state}" for n, state in undone.items() if state in UNDER_WAY],
    )
