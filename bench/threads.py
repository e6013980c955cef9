"""What WEB_THREADS is worth: the same cases on servers that differ in it alone, in turns."""

from contextlib import ExitStack
from dataclasses import replace

from bench.cases import CASES, CREATE, DETAIL, LIST, Case
from bench.options import DEFAULT_PASSWORD, Options
from bench.people import meet_all
from bench.progress import Progress
from bench.rounds import Row, Target, run_case
from bench.seeding import seeded_database
from bench.servers import Backing, full_environment, instance_folder, serving

THREADS = (1, 2, 4, 8, 16)
PEOPLE = 20
MIX = Case(((3, LIST), (2, DETAIL), (1, CREATE)), by_everybody=True)
# Kept answers need hardly a thread, and what is not kept waits for the database.
CASES_OF_THREADS = {
    "list": (CASES["list"], {}),
    "list, nothing kept": (CASES["list"], {"FRONT_CACHE_MB": "0"}),
    "list, detail, create, nothing kept": (MIX, {"FRONT_CACHE_MB": "0"}),
}


def run_threads(servers: Backing, options: Options, progress: Progress) -> list[Row]:
    """Measure each case on one server for each number of threads, all on the same database."""
    rows = []
    for name, (case, settings) in CASES_OF_THREADS.items():
        with instance_folder() as instance, ExitStack() as stack:
            shape = replace(options.shape, users=PEOPLE)
            address = seeded_database(servers, shape, instance, reseed=False)
            targets = []
            for threads in THREADS:
                environment = full_environment(instance, servers, address) | settings
                environment["WEB_THREADS"] = str(threads)
                server = stack.enter_context(serving(environment, instance))
                people = meet_all(server.port, PEOPLE, DEFAULT_PASSWORD, (), int)
                targets.append(Target(f"{threads}", server.port, servers.roots(server.pid), people))
            report = progress.step(name, options.rounds * len(targets))
            rows += run_case(name, case, targets, options, report)
    return rows
