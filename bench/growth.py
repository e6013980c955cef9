"""Growth: what the same request costs for a user with few notes and for one with very many."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from bench.cases import GROWTH_CASES, UNCACHED, WARM
from bench.options import DEFAULT_PASSWORD, Options, Shape
from bench.people import Person, meet, seeded_email
from bench.progress import Progress
from bench.rounds import Row, Target, run_case
from bench.seeding import seeded_database
from bench.servers import NO_CACHE, Backing, Server, connect, full_environment, instance_folder, serving
from noteassist import db, schema
from noteassist.app import create_app
from noteassist.config import Settings
from noteassist.security.passwords import hash_password
from noteassist.services.accounts import insert_account
from noteassist.services.demo.content import study_notes
from noteassist.services.demo.seeding import NOTES_A_BATCH, insert_notes

MOST_RATIO = 1.3
SETUPS = (UNCACHED, WARM)


def smaller_email(count: int) -> str:
    """Name the user with just so many notes."""
    return f"notes{count}@example.com"


def run_growth(backing: Backing, options: Options, progress: Progress) -> list[Row]:
    """Measure all users side by side, on one server and in the same tables."""
    rows: list[Row] = []
    people: dict[str, Person] = {}
    with instance_folder() as instance:
        progress.note(f"database of {options.growth.notes:,} notes of one user")
        address = seeded_database(backing, options.growth, instance, reseed=options.reseed)
        for count in options.growth_small:
            add_user(instance, address, options.growth, count)
        with connect(address) as connection:
            # The planner learns of the other users, as autovacuum would tell it sooner or later.
            connection.execute("VACUUM ANALYZE")
        environment = full_environment(instance, backing, address)
        for setup in SETUPS:
            with growth_server(environment, instance, setup) as server:
                people = people or meet_users(server, options, progress)
                roots = backing.roots(server.pid)
                targets = [Target(name, server.port, roots, [person]) for name, person in people.items()]
                for name, case in GROWTH_CASES.items():
                    if case.setup == setup:
                        report = progress.step(f"growth: {name}", options.rounds * len(targets))
                        rows += run_case(name, case, targets, options, report)
    return rows


@contextmanager
def growth_server(environment: dict[str, str], instance: Path, setup: str) -> Iterator[Server]:
    """Serve with or without a cache of finished answers."""
    left_out = NO_CACHE if setup == WARM else {}
    own = {name: value for name, value in environment.items() if name not in left_out}
    with serving(own, instance) as server:
        yield server


def meet_users(server: Server, options: Options, progress: Progress) -> dict[str, Person]:
    """Meet everybody, the one with the fewest notes first."""
    report = progress.step("meeting the users", None)
    emails = [*map(smaller_email, options.growth_small), seeded_email(1)]
    people = [meet(server.port, email, DEFAULT_PASSWORD, report=report) for email in emails]
    return {f"{len(person.note_ids):,} notes": person for person in people}


def add_user(instance: Path, address: str, shape: Shape, count: int) -> None:
    """Make a user with the first so many notes of the large one, unless an earlier run has."""
    with connect(address) as connection:
        query = "SELECT count(n.id) FROM users u LEFT JOIN notes n ON n.user_id = u.id WHERE u.email = %s GROUP BY u.id"
        found = connection.execute(query, (smaller_email(count),)).fetchone()
        if found and found[0] == count:
            return
        connection.execute("DELETE FROM users WHERE email = %s", (smaller_email(count),))
    url = address.replace("postgresql:", "postgresql+psycopg:", 1)
    app = create_app(Settings(instance_dir=instance, database_url=url).completed())
    texts = study_notes(seed=1, notes=count, chapters=shape.chapters, topics=shape.topics)
    with app.app_context():
        schema.gate().prepare()
        with db.transaction():
            user_id = insert_account(smaller_email(count), hash_password(DEFAULT_PASSWORD, 8), is_seeded=True)
        while batch := list(islice(texts, NOTES_A_BATCH)):
            with db.transaction():
                insert_notes(user_id, batch, db.utcnow())
        db.db.engine.dispose()
        db.direct().dispose()
