"""Connections: ten thousand that are held, slow clients beside others, and streams, under granian and gunicorn."""

import http.client
import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bench import crowds
from bench.background import Finding
from bench.cases import DETAIL, LIST, Call, Case, prepare
from bench.crowds import Held, Pace, Paced, elsewhere, hear
from bench.errors import BenchError
from bench.figures import Spread, paired_ratio, percentile
from bench.loop import LOOPBACK
from bench.options import DEFAULT_PASSWORD, Crowd, Options
from bench.people import Person, meet_all
from bench.processes import cpu_seconds, tree_memory
from bench.seeding import seeded_database
from bench.servers import Backing, Server, full_environment, instance_folder, serving
from noteassist.cli.serve import threads_for

PEOPLE = 20
THREADS, STREAMS = 8, 8
# With the seconds that asking on all of them takes it is less than an idle connection has (10 s).
HOLD_SECONDS = 3.0
AGAIN = 500
MOST_TIMES = 2.0
WAIT_SECONDS = 120.0
NOTE = Call("POST", "/api/notes/", lambda person, number: {"title": f"Note {number} of {person.email}"})
# As docs/operations.md recommends it.
GUNICORN = (
    str(Path(sys.executable).with_name("gunicorn")),
    "wsgi:app",
    "--worker-class=gthread",
    "--workers=2",
    f"--threads={threads_for(THREADS, STREAMS)}",
    "--worker-connections=6000",
    "--backlog=4096",
    "--keep-alive=75",
    "--no-control-socket",
    f"--bind={LOOPBACK}:{{port}}",
)
OURS = "granian"
# What is started instead of `noteassist serve`.
SERVERS: dict[str, tuple[str, ...]] = {OURS: (), "gunicorn": GUNICORN}
# Asked at once by somebody who then takes the answers a byte at a time: more than the buffers on the way hold.
PIPELINED = 40


@dataclass
class Measured:
    """What one server gave."""

    held: Held | None = None
    kb_per_connection: float = 0.0
    idle_cpu_ms: float = 0.0
    open_files: int = 0
    alone: list[Paced] = field(default_factory=list)
    beside: dict[str, list[Paced]] = field(default_factory=dict)
    seen: dict[str, Counter[str]] = field(default_factory=dict)
    streams: Counter[str] = field(default_factory=Counter)
    error: str = ""


@dataclass(frozen=True)
class Connections:
    """All servers of a run."""

    servers: dict[str, Measured]

    @property
    def findings(self) -> list[Finding]:
        """Give the figures for people."""
        return [finding for name, found in self.servers.items() for finding in findings_of(name, found)]

    def as_dict(self) -> dict[str, object]:
        """Give the figures for the JSON file; of the latencies, percentiles."""
        return {name: summary(found) for name, found in self.servers.items()}


def steps(crowd: Crowd) -> int:
    """Give how often `run_connections` reports."""
    return len(SERVERS) * (1 + crowd.rounds * 4)


def run_connections(servers: Backing, options: Options, report: Callable[[], None]) -> Connections:
    """Measure each server on the same database, one after the other."""
    found = {}
    for name, command in SERVERS.items():
        with instance_folder() as instance:
            shape = replace(options.shape, users=PEOPLE)
            address = seeded_database(servers, shape, instance, reseed=options.reseed)
            environment = full_environment(instance, servers, address) | {
                "WEB_THREADS": str(THREADS),
                "WEB_STREAMS": str(STREAMS),
            }
            files = crowds.open_files(options.crowd.connections + 1000)
            measured = found[name] = Measured(open_files=files)
            try:
                with serving(environment, instance, command=command) as server:
                    measure_one(server, options.crowd, measured, report)
            except BenchError as error:
                # What others gave is not lost.
                measured.error = str(error)
    return Connections(found)


def measure_one(server: Server, crowd: Crowd, found: Measured, report: Callable[[], None]) -> None:
    """Measure one server."""
    people = meet_all(server.port, PEOPLE, DEFAULT_PASSWORD, (), int)
    hold(server, people, crowd, found)
    report()
    for _ in range(crowd.rounds):
        one_round(server, people, crowd, found, report)


def requests_of(server: Server, call: Call, people: Sequence[Person]) -> list[bytes]:
    """Write requests of one kind."""
    return prepare(Case(((1, call),)), people, f"{LOOPBACK}:{server.port}")


def held_mb(server: Server) -> float:
    """Give what the server holds, pages shared between its processes counted once."""
    return sum(process.pss_mb for process in tree_memory(server.pid))


def hold(server: Server, people: Sequence[Person], crowd: Crowd, found: Measured) -> None:
    """Have very many connections held."""
    requests = requests_of(server, LIST, people)
    before = held_mb(server)
    arguments = (server.port, requests, crowd.connections, HOLD_SECONDS, AGAIN)
    with elsewhere(crowds.run_hold, *arguments) as pipe:
        hear(pipe, 2 * WAIT_SECONDS)
        held, used = held_mb(server), cpu_seconds(server.pid)
        hear(pipe, HOLD_SECONDS + WAIT_SECONDS)
        found.idle_cpu_ms = (cpu_seconds(server.pid) - used) * 1000 / HOLD_SECONDS
        found.held = hear(pipe, AGAIN * crowds.PATIENCE_SECONDS)
    found.kb_per_connection = (held - before) * 1024 / max(found.held.held, 1)


def one_round(
    server: Server, people: Sequence[Person], crowd: Crowd, found: Measured, report: Callable[[], None]
) -> None:
    """Keep the pace alone, and beside each kind of slow clients."""
    pace = Pace(server.port, requests_of(server, LIST, people), requests_of(server, NOTE, people))
    found.alone.append(keep(pace, crowd.seconds))
    report()
    for kind, (target, beginning) in slow_clients(server, people).items():
        with elsewhere(target, server.port, crowd.slow, beginning) as pipe:
            hear(pipe, WAIT_SECONDS)
            found.beside.setdefault(kind, []).append(keep(pace, crowd.seconds))
            if kind == "slow bodies":
                found.streams += count_streams(server.port, people[-1].token)
            pipe.send("enough")
            found.seen.setdefault(kind, Counter()).update(hear(pipe, WAIT_SECONDS))
        wait_until_served(server, people)
        report()


def slow_clients(server: Server, people: Sequence[Person]) -> dict[str, tuple[Callable[..., None], bytes]]:
    """Name the kinds of slow clients, what they do, and how each begins."""
    head = f"POST /api/notes/ HTTP/1.1\r\nHost: {LOOPBACK}\r\nAuthorization: Bearer {people[-1].token}\r\n"
    body = "Content-Type: application/json\r\nContent-Length: 4011\r\n\r\n"
    return {
        "slow headers": (crowds.slow_headers, head.encode()),
        "slow bodies": (crowds.slow_bodies, (head + body).encode()),
        "slow readers": (crowds.slow_readers, requests_of(server, DETAIL, people)[0] * PIPELINED),
    }


def keep(pace: Pace, seconds: float) -> Paced:
    """Keep a pace in a process of its own."""
    with elsewhere(crowds.run_pace, pace, seconds) as pipe:
        paced: Paced = hear(pipe, seconds + 2 * crowds.PATIENCE_SECONDS + WAIT_SECONDS)
        return paced


def wait_until_served(server: Server, people: Sequence[Person]) -> None:
    """Wait until the slow clients are forgotten, so that the next ones meet the same server."""
    request = requests_of(server, LIST, people)
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        paced = keep(Pace(server.port, request, request, readers=4, writers=0), 0.5)
        if set(paced.statuses) == {"200"} and max(paced.reads_ms) < 1000:
            return


@contextmanager
def stream(port: int, token: str) -> Iterator[int]:
    """Open an event stream; gives the status of its answer."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=crowds.PATIENCE_SECONDS)
    try:
        connection.request("GET", "/api/notifications/stream/", headers={"Authorization": f"Bearer {token}"})
        yield connection.getresponse().status
    except OSError:
        yield 0
    finally:
        connection.close()


def count_streams(port: int, token: str) -> Counter[str]:
    """Open more streams than there may be at once; gives how many there were, by status."""
    with ExitStack() as stack:
        statuses = [stack.enter_context(stream(port, token)) for _ in range(4 * 2 * STREAMS)]
    return Counter(str(status) for status in statuses)


def summary(found: Measured) -> dict[str, object]:
    """Give what is kept of one server."""
    rounds = {"alone": found.alone, **found.beside}
    return {
        "error": found.error,
        "open_files": found.open_files,
        # asdict would make pairs of a counter's names and numbers.
        "held": asdict(replace(found.held, errors=Counter())) | {"errors": dict(found.held.errors)}
        if found.held
        else None,
        "kb_per_connection": found.kb_per_connection,
        "idle_cpu_ms_per_second": found.idle_cpu_ms,
        "seen_by_slow_clients": found.seen,
        "streams": found.streams,
        "paced": {
            name: [
                {
                    **{
                        f"{what}_p{p}_ms": percentile(times_of(one, what), p)
                        for what in WHAT
                        for p in (50, 99)
                    },
                    "statuses": one.statuses,
                }
                for one in all_rounds
            ]
            for name, all_rounds in rounds.items()
        },
    }


WHAT = ("reads", "writes")


def times_of(paced: Paced, what: str) -> list[float]:
    """Give the latencies of reads or writes."""
    times: list[float] = getattr(paced, f"{what}_ms")
    return times


def findings_of(name: str, found: Measured) -> list[Finding]:
    """Say what one server gave; requirements are those of the server that the product starts itself."""
    findings = [*held_findings(name, found), *paced_findings(name, found)]
    if found.error:
        findings.append(Finding(f"{name}: was not measured to the end", found.error, "measured", holds=False))
    for kind, seen in found.seen.items():
        met = ", ".join(f"{what} x {count}" for what, count in sorted(seen.items()))
        findings.append(Finding(f"{name}: what {kind} met", met or "nothing"))
    times = max(len(found.alone), 1)
    streams = ", ".join(f"{status} x {count / times:.0f}" for status, count in sorted(found.streams.items()))
    is_bounded = 0 < found.streams["200"] <= 2 * STREAMS * times
    what = f"{name}: {8 * STREAMS} streams beside slow bodies"
    return [*findings, required(name, what, streams, f"<= {2 * STREAMS} open", holds=is_bounded)]


def required(name: str, what: str, figure: str, bound: str, *, holds: bool) -> Finding:
    """Make a finding, with its requirement where the server is ours."""
    return Finding(what, figure, bound, holds) if name == OURS else Finding(what, figure)


def held_findings(name: str, found: Measured) -> list[Finding]:
    """Say what became of the idle connections."""
    held = found.held
    if held is None:
        return []
    are_all = held.held == held.asked and held.answered == held.sampled
    text = f"{held.held:,} held in {held.open_seconds:.0f} s, {held.answered}/{held.sampled} answered after"
    text += f", {dict(held.errors)}" if held.errors else ""
    each = f"{found.kb_per_connection:.1f} kB; all of them {found.idle_cpu_ms:.1f} ms/s"
    return [
        required(name, f"{name}: {held.asked:,} idle connections", text, "all", holds=are_all),
        Finding(f"{name}: an idle connection", each),
    ]


def paced_findings(name: str, found: Measured) -> list[Finding]:
    """Say how long others waited beside slow clients."""
    findings = []
    for what, p in itertools.product(WHAT, (50, 99)):
        alone = [percentile(times_of(one, what), p) for one in found.alone]
        findings.append(Finding(f"{name}: {what} alone, p{p}", f"{Spread.of(alone).text(1)} ms"))
        for kind, rounds in found.beside.items():
            beside = [percentile(times_of(one, what), p) for one in rounds]
            ratio = paired_ratio(beside, alone[: len(beside)])
            text = f"{Spread.of(beside).text(1)} ms, x {ratio.text(2)}{bad(rounds)}"
            named, is_met = f"{name}: {what} beside {kind}, p{p}", ratio.median < MOST_TIMES
            findings.append(required(name, named, text, f"< {MOST_TIMES:g}x", holds=is_met))
    return findings


def bad(rounds: Sequence[Paced]) -> str:
    """Say how many answers were none."""
    statuses: Counter[str] = Counter()
    for one in rounds:
        statuses.update(one.statuses)
    wrong = {status: count for status, count in statuses.items() if status not in {"200", "201"}}
    return f" (of {sum(statuses.values()):,}: {wrong})" if wrong else ""
