"""What a request with an API key costs beside one with an access token: the same list, in turns."""

from collections.abc import Callable
from dataclasses import replace

from bench.background import Background, Finding
from bench.cases import LIST, Case
from bench.figures import Spread
from bench.options import DEFAULT_PASSWORD, Options
from bench.people import Person, meet_all, must
from bench.progress import Progress
from bench.rounds import Row, Target, run_case
from bench.seeding import seeded_database
from bench.servers import Backing, full_environment, instance_folder, serving

MOST_TIMES = 1.3
BY_TOKEN, BY_KEY = "list by token", "list by API key"
CASES = {BY_TOKEN: Case(((1, LIST),)), BY_KEY: Case(((1, replace(LIST, by_key=True)),))}


def run_api_keys(backing: Backing, options: Options, progress: Progress) -> Background:
    """Measure both ways to ask, in turns."""
    with instance_folder() as instance:
        address = seeded_database(backing, options.shape, instance, reseed=options.reseed)
        with serving(full_environment(instance, backing, address), instance) as server:
            users = options.shape.users
            report = progress.step("meeting the users", users)
            people = meet_all(server.port, users, DEFAULT_PASSWORD, (), report)
            people = [with_key(server.port, person) for person in people]
            target = Target("noteassist", server.port, backing.roots(server.pid), people)
            rows = in_turns(target, options, progress.step("api_key", options.rounds * len(CASES)))
    return Background([finding_of(rows)], rows)


def with_key(port: int, person: Person) -> Person:
    """Give somebody an API key that reads."""
    wish = {"name": "bench", "scopes": ["read"], "requests_per_hour": 10**6, "requests_per_day": 10**7}
    made = must(port, "POST", "/api/auth/api-keys/", token=person.token, body=wish)
    return replace(person, key=str(made["key"]))


def in_turns(target: Target, options: Options, report: Callable[[], None]) -> list[Row]:
    """Ask both ways in each round, in the other order every other round: what drifts then meets both alike."""
    rows: list[Row] = []
    for number in range(options.rounds):
        names = list(CASES) if number % 2 == 0 else list(reversed(CASES))
        for name in names:
            rows += run_case(name, CASES[name], [target], replace(options, rounds=1), report)
    return rows


def finding_of(rows: list[Row]) -> Finding:
    """Compare the two, in processor time."""
    token, key = (
        Spread.of([row.total_cpu_ms or 0.0 for row in rows if row.case == name]).median for name in CASES
    )
    times = key / token if token else 0.0
    return Finding(
        f"a list by API key {key:.2f} CPU-ms, by token {token:.2f}: times as much",
        f"{times:.2f}",
        f"<= {MOST_TIMES:g}",
        0 < times <= MOST_TIMES,
    )
