"""Background work: how soon a task is done, how many in a second, and what an answer from the cache costs."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from bench.cases import RUN, Call, Case
from bench.errors import BenchError
from bench.figures import Spread
from bench.loop import LOOPBACK
from bench.options import Options
from bench.people import Person, must
from bench.progress import Progress
from bench.rounds import Row, Target, run_case
from bench.servers import (
    CHECKOUT,
    COMMAND,
    Backing,
    connect,
    full_environment,
    instance_folder,
    server_environment,
    serving,
    stop,
    with_database,
)
from tests.servers import create_database, drop_database, free_port

DATABASE = "noteassist_bench_tasks"
PEOPLE = 16
PASSWORD = "a bench signs in 9481 times"  # throw-away accounts on loopback only
TASKS = 60
STREAMS = 40
BACKLOG = 600
MODEL_SECONDS = 0.05
WORKERS = 2
START_SECONDS = 20.0
# What must be reached; times in milliseconds.
MOST_P50, MOST_P95 = 100.0, 250.0
MOST_TOKEN_P95 = 150.0
LEAST_PER_SECOND = 60.0
MOST_TIMES_A_READ = 3.0
ASKED_BEFORE = {"topic": f"What everybody asks ({RUN})", "level": "beginner", "language": "en"}


@dataclass(frozen=True)
class Finding:
    """One figure with what it must be; `holds` is None where nothing is required."""

    name: str
    figure: str
    required: str = ""
    holds: bool | None = None


@dataclass
class Background:
    """Everything measured of background work."""

    findings: list[Finding] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """Give everything for the JSON file."""
        return {
            "findings": [vars(one) for one in self.findings],
            "rows": [row.as_dict() for row in self.rows],
        }


@dataclass(frozen=True)
class Site:
    """A server with somebody who works and a stand-in for the model."""

    port: int
    model_url: str
    people: tuple[Person, ...]

    def ask(self, person: int, topic: str) -> dict[str, Any]:
        """Ask for an explanation; gives the task."""
        body = {"topic": f"{topic} ({RUN})", "level": "beginner", "language": "en"}
        token = self.people[person % len(self.people)].token
        return must(self.port, "POST", "/api/ai-tools/generate/", token=token, body=body)

    def model(self, **settings: object) -> None:
        """Tell the stand-in how to answer."""
        httpx.post(f"{self.model_url}/control/settings", json=settings).raise_for_status()


def run_background(backing: Backing, options: Options, progress: Progress) -> Background:
    """Measure both ways to run."""
    found = Background()
    report = progress.step("background work", 2)
    with model() as url:
        with embedded_site(url) as site:
            found.findings += how_soon(site, "embedded")
        report()
        with full_site(backing, url) as (site, roots, workers):
            found.findings += how_soon(site, "full")
            found.findings.append(throughput(site, workers, with_database(backing.database_url, DATABASE)))
            found.rows = cached_rows(site, roots, options)
            found.findings.append(cached_finding(found.rows))
        report()
    return found


def how_soon(site: Site, mode: str) -> list[Finding]:
    """Measure from the 202 to the end of a task, and from the model's first token to the client's."""
    site.model(delay=0, token_delay=0)
    done = sorted(one_task(site, number) for number in range(TASKS))
    p50, p95 = done[len(done) // 2], done[int(len(done) * 0.95)]
    site.model(delay=0.02, token_delay=0.02)
    late = sorted(first_token(site, number) for number in range(STREAMS))
    token = late[int(len(late) * 0.95)]
    return [
        Finding(f"{mode}: 202 to done, p50", f"{p50:.0f} ms", f"< {MOST_P50:.0f}", p50 < MOST_P50),
        Finding(f"{mode}: 202 to done, p95", f"{p95:.0f} ms", f"< {MOST_P95:.0f}", p95 < MOST_P95),
        Finding(
            f"{mode}: model's first token to the client's, p95 (p50 {late[len(late) // 2]:.0f})",
            f"{token:.0f} ms",
            f"< {MOST_TOKEN_P95:.0f}",
            token < MOST_TOKEN_P95,
        ),
    ]


def one_task(site: Site, number: int) -> float:
    """Give the milliseconds from the 202 to the event that says how it ended."""
    task = site.ask(number, f"Soon {number} {time.monotonic_ns()}")
    accepted = time.monotonic()
    last = [name for name, _ in events(site, number, task)][-1]
    if last != "succeeded":
        raise BenchError(f"a task ended {last}")
    return (time.monotonic() - accepted) * 1000


def first_token(site: Site, number: int) -> float:
    """Give the milliseconds from the stand-in's first piece to its arrival here."""
    task = site.ask(number, f"Token {number} {time.monotonic_ns()}")
    seen = 0.0
    for name, _ in events(site, number, task):
        if name == "token" and not seen:
            seen = time.time()
    calls = httpx.get(f"{site.model_url}/control/calls").json()["calls"]
    return (seen - float(calls[-1]["first_chunk"])) * 1000


def events(site: Site, number: int, task: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Follow a task's events: name and data."""
    headers = {"Authorization": f"Bearer {site.people[number % len(site.people)].token}"}
    url = f"http://{LOOPBACK}:{site.port}{task['events_url']}"
    name = ""
    with httpx.stream("GET", url, headers=headers, timeout=30) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, line.removeprefix("data: ")


def throughput(site: Site, workers: "Workers", database_url: str) -> Finding:
    """Let two worker processes work off a backlog of questions, each answered in 50 ms."""
    site.model(delay=MODEL_SECONDS, token_delay=0)
    workers.stop()
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda n: site.ask(n, f"Backlog {n} {time.monotonic_ns()}"), range(BACKLOG)))
    begun = time.monotonic()
    workers.start()
    with connect(database_url) as connection:
        open_tasks = (
            "SELECT count(*) FROM tasks WHERE status IN ('queued', 'running') AND user_id IS NOT NULL"
        )
        while left := connection.execute(open_tasks).fetchone()[0]:  # type: ignore[index]  # count gives a row
            if time.monotonic() - begun > 120:
                raise BenchError(f"{left} tasks are still open after 120 s")
            time.sleep(0.05)
        newest = "SELECT * FROM tasks ORDER BY created_at DESC LIMIT %s"
        times = f"SELECT min(started_at), max(finished_at) FROM ({newest}) AS newest"
        first, last = connection.execute(times, (BACKLOG,)).fetchone()  # type: ignore[misc]  # the same
    rate = BACKLOG / (last - first).total_seconds()
    return Finding(
        f"full: tasks a second, {WORKERS} worker processes, model answering in {MODEL_SECONDS * 1000:.0f} ms",
        f"{rate:.0f}",
        f">= {LEAST_PER_SECOND:.0f}",
        rate >= LEAST_PER_SECOND,
    )


def cached_rows(site: Site, roots: dict[str, int], options: Options) -> list[Row]:
    """Measure an answer from the cache beside reading an output."""
    site.model(delay=0, token_delay=0)
    people = tuple(with_output(site, person) for person in site.people)
    target = Target("noteassist", site.port, roots, people)
    read = Case(((1, Call("GET", "{page}")),), connections=16)
    call = Call("POST", "/api/ai-tools/generate/", lambda *_: ASKED_BEFORE)
    again = Case(((1, call),), connections=16, by_everybody=True)
    rows: list[Row] = []
    # In turns: what drifts during a run then meets both alike.
    for _ in range(options.rounds):
        for name, case in (("read an output", read), ("ask again (cached)", again)):
            rows += run_case(name, case, [target], replace(options, rounds=1), lambda: None)
    return rows


def with_output(site: Site, person: Person) -> Person:
    """Have somebody ask what is asked again, and remember where the answer is."""
    client = httpx.Client(base_url=f"http://{LOOPBACK}:{site.port}", timeout=40)
    headers = {"Authorization": f"Bearer {person.token}", "Prefer": "wait=30"}
    with client:
        answer = client.post("/api/ai-tools/generate/", json=ASKED_BEFORE, headers=headers)
    if answer.status_code != 201:
        raise BenchError(f"asking answered {answer.status_code}: {answer.text[:200]}")
    page = f"/api/ai-tools/{answer.json()['id']}/"
    return Person(person.email, person.password, person.token, (), (page,))


def cached_finding(rows: list[Row]) -> Finding:
    """Compare the two, in processor time."""
    costs = {
        name: Spread.of([row.total_cpu_ms or 0.0 for row in rows if row.case == name]).median
        for name in dict.fromkeys(row.case for row in rows)
    }
    read, again = costs.values()
    times = again / read if read else 0.0
    return Finding(
        f"ask again (cached) {again:.2f} CPU-ms, read an output {read:.2f}: times as much",
        f"{times:.1f}",
        f"< {MOST_TIMES_A_READ:g}",
        0 < times < MOST_TIMES_A_READ,
    )


@contextmanager
def model() -> Iterator[str]:
    """Start the stand-in for the model; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "tests.stand_ins.groq", "--port", str(port)]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL, start_new_session=True)
    url = f"http://{LOOPBACK}:{port}"
    try:
        wait_for(lambda: httpx.get(f"{url}/control/calls").is_success)
        yield url
    finally:
        stop(process)


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something holds; what it raises as long as nobody listens does not matter."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise BenchError(f"what was started is not there after {START_SECONDS:.0f} s")


def asking(url: str) -> dict[str, str]:
    """Name the settings by which a server asks the stand-in."""
    return {"GROQ_API_KEY": "a key of the bench", "GROQ_BASE_URL": url}


@contextmanager
def embedded_site(url: str) -> Iterator[Site]:
    """Serve from one process and SQLite."""
    with instance_folder() as instance:
        environment = server_environment(instance, **asking(url))
        with serving(environment, instance) as server:
            yield Site(server.port, url, tuple(sign_up(server.port, n) for n in range(PEOPLE)))


@contextmanager
def full_site(backing: Backing, url: str) -> Iterator[tuple[Site, dict[str, int], "Workers"]]:
    """Serve from two processes, with two more that work."""
    drop_database(backing.database_url, DATABASE)
    create_database(backing.database_url, DATABASE)
    address = with_database(backing.database_url, DATABASE)
    with ExitStack() as stack:
        instance = stack.enter_context(instance_folder())
        environment = {**full_environment(instance, backing, address), **asking(url)}
        server = stack.enter_context(serving(environment, instance))
        workers = Workers({**environment, "WORKER_PROCESSES": str(WORKERS)}, instance)
        workers.start()
        stack.callback(workers.stop)
        people = tuple(sign_up(server.port, n) for n in range(PEOPLE))
        yield Site(server.port, url, people), backing.roots(server.pid), workers
    drop_database(backing.database_url, DATABASE)


def sign_up(port: int, number: int) -> Person:
    """Register somebody."""
    email = f"bench{number}@example.com"
    answer = must(port, "POST", "/api/auth/register/", body={"email": email, "password": PASSWORD})
    return Person(email, PASSWORD, str(answer["access"]))


class Workers:
    """`noteassist worker`, started and stopped."""

    def __init__(self, environment: dict[str, str], instance: Path) -> None:
        self.environment = environment
        self.log = instance / "bench-worker.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, and wait until every process works."""
        known = self._working()
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # our own console script, no shell
                [str(COMMAND), "worker"],
                env=self.environment,
                cwd=CHECKOUT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(lambda: self._working() >= known + WORKERS)

    def _working(self) -> int:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return text.count("working on up to")

    def stop(self) -> None:
        """End all of them."""
        if self.process is not None:
            stop(self.process)
            self.process = None
