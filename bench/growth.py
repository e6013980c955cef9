"""Growth: what the same request costs for a user with few notes and for one with very many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.cases import GROWTH_CASES
from bench.options import DEFAULT_PASSWORD, Options
from bench.people import Person, call, meet, must, seeded_email, walk_notes
from bench.progress import Progress
from bench.rounds import Row, Target, run_case
from bench.seeding import seeded_database
from bench.servers import (
    Backing,
    Server,
    connect,
    full_environment,
    instance_folder,
    serving,
)

SMALL_EMAIL = "few-notes@example.com"
MOST_RATIO = 1.3
COPIED = ("title", "tags", "status")
PARTS = {
    "explanation": ("content",),
    "code_snippet": ("language", "code"),
    "source": ("title", "url"),
}
Detail = dict[str, object]


def run_growth(backing: Backing, options: Options, progress: Progress) -> list[Row]:
    """Measure both users side by side, on one server and in the same tables."""
    rows: list[Row] = []
    with growth_server(backing, options, progress) as (server, address):
        users = both_users(server, options, progress.step("meeting the users", None))
        with connect(address) as connection:
            # The planner learns of the second user, as autovacuum would tell it sooner or later.
            connection.execute("VACUUM ANALYZE")
        targets = [
            Target(name, server.port, backing.roots(server.pid), [person]) for name, person in users.items()
        ]
        for name, case in GROWTH_CASES.items():
            report = progress.step(f"growth: {name}", options.rounds * len(targets))
            rows += run_case(name, case, targets, options, report)
    return rows


@contextmanager
def growth_server(backing: Backing, options: Options, progress: Progress) -> Iterator[tuple[Server, str]]:
    """Serve the database with one user of very many notes."""
    with instance_folder() as instance:
        progress.note(f"database of {options.growth.notes:,} notes of one user")
        address = seeded_database(backing, options.growth, instance, reseed=options.reseed)
        with serving(full_environment(instance, backing, address), instance) as server:
            yield server, address


def both_users(server: Server, options: Options, report: Callable[[], None]) -> dict[str, Person]:
    """Meet the user with very many notes, and see to one with few of the same kind."""
    large = meet(server.port, seeded_email(1), DEFAULT_PASSWORD, report=report)
    small = small_user(server.port, large, options.growth_small)
    return {
        f"{len(small.note_ids):,} notes": small,
        f"{len(large.note_ids):,} notes": large,
    }


def small_user(port: int, large: Person, count: int) -> Person:
    """Give a user with just so many notes, made now unless an earlier run has made them."""
    body = {"email": SMALL_EMAIL, "password": DEFAULT_PASSWORD}
    status, answer = call(port, "POST", "/api/token/", body=body)
    if status != 200:
        answer = must(port, "POST", "/api/auth/register/", body=body)
    token = str(answer["access"])
    present = sum(len(ids) for _, ids in walk_notes(port, token))
    for note_id in large.note_ids[present:count]:
        detail = must(port, "GET", f"/api/notes/{note_id}/", token=large.token)
        must(port, "POST", "/api/notes/", token=token, body=copy_of(detail))
    return meet(port, SMALL_EMAIL, DEFAULT_PASSWORD, token)


def copy_of(detail: Detail) -> Detail:
    """Make the body that creates a note like this one, so that both users' answers are alike."""
    chapters = [
        {
            "title": chapter["title"],
            "topics": [copy_of_topic(topic) for topic in chapter["topics"]],
        }
        for chapter in detail["chapters"]  # type: ignore[attr-defined]  # plain JSON
    ]
    return {name: detail[name] for name in COPIED} | {"chapters": chapters}


def copy_of_topic(topic: Detail) -> Detail:
    """Keep the name and the parts that the topic has."""
    copied: Detail = {"name": topic["name"]}
    for part, names in PARTS.items():
        if found := topic.get(part):
            copied[part] = {name: found[name] for name in names}  # type: ignore[index]  # plain JSON
    return copied
