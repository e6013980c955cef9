"""Load one server from separate processes and read what it used meanwhile."""

import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe

from bench.errors import BenchError
from bench.loop import GRACE_SECONDS, MAX_REQUESTS, ClosedLoop, Outcome
from bench.processes import cpu_by_role

# Not forked: the parent has threads (progress bar), and a copy of its memory is of no use.
CONTEXT = multiprocessing.get_context("spawn")
START_SECONDS = 30.0
# What a slow server may need to fill its caches.
PRIME_SECONDS = 60.0
# Which process of a server is asked is chance, and each may have a cache of its own.
PRIME_PASSES = 4


@dataclass(frozen=True)
class Load:
    """What is asked of one server in one measurement: for so long, or so often if that is sooner.

    What is to be in its caches is asked for a few times before the warm-up.
    """

    port: int
    requests: Sequence[bytes]
    connections: int
    seconds: float
    warm_seconds: float = 1.0
    processes: int = 1
    prime: Sequence[bytes] = ()
    most: int = MAX_REQUESTS


@dataclass(frozen=True)
class Measured:
    """One measurement: the answers, and the processor seconds of each role while they came."""

    outcome: Outcome
    cpu_seconds: dict[str, float]


def work(pipe: Pipe, load: Load, number: int, connections: int) -> None:
    """Be one driver process: fill caches, warm up, report, wait for the start, load, report again."""
    try:
        if load.prime and number == 0:
            with ClosedLoop(load.port, load.prime, connections, 0.0) as loop:
                loop.run(PRIME_SECONDS, PRIME_PASSES * len(load.prime))
        with ClosedLoop(load.port, load.requests, connections, number / load.processes) as loop:
            pipe.send(loop.run(load.warm_seconds) if load.warm_seconds else Outcome())
            pipe.recv()
            pipe.send(loop.run(load.seconds, load.most // load.processes))
    except (BenchError, OSError) as error:
        pipe.send(error)


def shares(connections: int, processes: int) -> list[int]:
    """Deal the connections out to the processes as evenly as they go."""
    return [connections // processes + (i < connections % processes) for i in range(processes)]


def measure(load: Load, roots: Mapping[str, int]) -> Measured:
    """Run the load; the processor time is read right around the measured stretch."""
    pipes, workers = [], []
    for number, connections in enumerate(shares(load.connections, load.processes)):
        ours, theirs = CONTEXT.Pipe()
        worker = CONTEXT.Process(target=work, args=(theirs, load, number, connections), daemon=True)
        worker.start()
        theirs.close()  # else a driver process that dies would never be noticed
        pipes.append(ours)
        workers.append(worker)
    try:
        for pipe in pipes:
            hear(pipe, START_SECONDS + PRIME_SECONDS + load.warm_seconds + 2 * GRACE_SECONDS)
        before = cpu_by_role(roots)
        for pipe in pipes:
            pipe.send("go")
        outcome = Outcome()
        for pipe in pipes:
            outcome.add(hear(pipe, load.seconds + 2 * GRACE_SECONDS))
        after = cpu_by_role(roots)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    return Measured(outcome, {role: after[role] - before[role] for role in roots})


def hear(pipe: Pipe, seconds: float) -> Outcome:
    """Wait for one report of a driver process, and raise what it could not do."""
    if not pipe.poll(seconds):
        raise BenchError("A driver process of the benchmark did not report in time.")
    try:
        report = pipe.recv()
    except EOFError:
        raise BenchError("A driver process of the benchmark ended without a report.") from None
    if isinstance(report, Exception):
        raise BenchError(str(report)) from report
    outcome: Outcome = report
    return outcome
