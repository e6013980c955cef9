"""A closed loop that is measured for the simulation to be held against: also what else kept the processors busy."""

import os
from collections.abc import Sequence

from bench.cases import CASES, prepare
from bench.comparing import OURS
from bench.driver import Load, measure
from bench.loop import LOOPBACK
from bench.options import DEFAULT_PASSWORD, Options
from bench.people import Person, meet_all
from bench.processes import process_table, process_tree
from bench.rounds import make_row
from bench.seeding import seeded_database
from bench.servers import backing, full_environment, instance_folder, serving

# What is measured, with how many connections.
LOOPS = (
    ("list", 16),
    ("list", 32),
    # More than the server has threads.
    ("list", 320),
    ("detail", 16),
    ("detail", 32),
    ("create", 16),
    ("ask", 16),
)
# Everything that runs descends from it; the kernel's own threads do not.
FIRST_PID = 1


def measure_loops(options: Options) -> list[dict[str, object]]:
    """Start a server, measure each loop as often as there are rounds, and stop it."""
    with backing(options) as servers, instance_folder() as instance:
        address = seeded_database(servers, options.shape, instance, reseed=options.reseed)
        with serving(full_environment(instance, servers, address), instance) as server:
            people = meet_all(server.port, options.shape.users, DEFAULT_PASSWORD, (), int)
            roots = servers.roots(server.pid)
            return [
                measure_loop(case, connections, number, server.port, roots, people, options)
                for number in range(options.rounds)
                for case, connections in LOOPS
            ]


def measure_loop(
    case: str,
    connections: int,
    number: int,
    port: int,
    roots: dict[str, int],
    people: Sequence[Person],
    options: Options,
) -> dict[str, object]:
    """Measure one loop; beside the usual figures the load generator's own cost, and the processors that others took."""
    load = Load(
        port=port,
        requests=prepare(CASES[case], people, f"{LOOPBACK}:{port}", number),
        connections=connections,
        seconds=options.seconds,
        warm_seconds=options.warm_seconds,
    )
    # This process with all its children, of which the load generator is one; those with a name are taken off.
    below = {process.pid for process in process_tree(os.getpid(), process_table())}
    measured = measure(load, {**roots, "driver": os.getpid(), "machine": FIRST_PID})
    used = dict(measured.cpu_seconds)
    machine = used.pop("machine")
    used["driver"] -= sum(used[role] for role, pid in roots.items() if pid in below)
    requests = max(len(measured.outcome.latencies_ms), 1)
    costs = {role: seconds * 1000 / requests for role, seconds in used.items()}
    return {
        **make_row(case, OURS, number, measured).as_dict(),
        "cpu_ms": {role: costs[role] for role in roots},
        "total_cpu_ms": sum(costs[role] for role in roots),
        "driver_ms": costs["driver"],
        "connections": connections,
        "cores": os.cpu_count(),
        "others_cores": max(0.0, (machine - sum(used.values())) / measured.outcome.seconds),
    }
