"""The search over 100,000 topics of one user, on both databases, through a running server."""

import random
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

from bench.background import Finding
from bench.figures import percentile
from bench.options import DEFAULT_PASSWORD
from bench.people import must, seeded_email, sign_in
from bench.servers import Backing, connect, full_environment, instance_folder, server_environment, serving
from noteassist import db, schema
from noteassist.app import create_app
from noteassist.config import Settings
from noteassist.security.passwords import hash_password
from noteassist.services.accounts import insert_account
from noteassist.services.demo.seeding import insert_notes
from tests.servers import create_database, drop_database

DATABASE = "noteassist_bench_search"
NOTES_A_STEP, CHAPTERS, TOPICS = 100, 4, 5
WORDS_A_TEXT, WORDS_KNOWN = 110, 30_000
ASKED = 100
# One in so many topics has the word, and how long an answer may take, in milliseconds (95 of 100 answers).
RARE, RARE_MS = 9000, 30.0
TWO_PERCENT, TWO_PERCENT_MS = 50, 60.0
HALF = 2
QUERIES = {
    "a rare word": ("rareword", RARE_MS),
    "a word in 2 % of the topics": ("twopercent", TWO_PERCENT_MS),
    "a word in half of the topics": ("everysecond", None),
    "two words": ("rareword%20twopercent", None),
    "a word with a typing error": ("rarewrod%20", None),
}
Tree = dict[str, object]


def run_search(backing: Backing, notes: int, report: Callable[[], None]) -> list[Finding]:
    """Fill each kind of database with so many notes of 20 topics, and search it."""
    findings = []
    for kind in ("PostgreSQL", "SQLite"):
        with instance_folder() as instance:
            address = ""
            if kind == "PostgreSQL":
                drop_database(backing.database_url, DATABASE)
                address = create_database(backing.database_url, DATABASE)
            fill(instance, address, notes, report)
            environment = (
                full_environment(instance, backing, address) if address else server_environment(instance)
            )
            with serving(environment, instance) as server:
                findings += ask(kind, server.port, report)
        if kind == "PostgreSQL":
            drop_database(backing.database_url, DATABASE)
    return findings


def fill(instance: Path, address: str, notes: int, report: Callable[[], None]) -> None:
    """Make one account with so many notes."""
    url = address.replace("postgresql:", "postgresql+psycopg:", 1)
    app = create_app(Settings(instance_dir=instance, database_url=url).completed())
    texts = notes_of_words(random.Random(1))
    with app.app_context():
        schema.gate().prepare()
        with db.transaction():
            user_id = insert_account(seeded_email(1), hash_password(DEFAULT_PASSWORD, 8), is_seeded=True)
        for _ in range(0, notes, NOTES_A_STEP):
            with db.transaction():
                insert_notes(user_id, [next(texts) for _ in range(NOTES_A_STEP)], db.utcnow())
            report()
        db.db.engine.dispose()
        db.direct().dispose()
    if address:
        with connect(address) as connection:
            connection.execute("VACUUM ANALYZE")


def notes_of_words(chance: random.Random) -> Iterator[Tree]:
    """Make notes of words that are as unevenly common as those of a language (Zipf's law)."""
    letters = "bcdfglmnprstv", "aeiou"
    known = ["".join(map(chance.choice, letters * chance.randint(2, 5))) for _ in range(WORDS_KNOWN)]
    weights = list(accumulate(1 / (rank + 3) for rank in range(WORDS_KNOWN)))
    number = 0

    def words(count: int) -> str:
        return " ".join(chance.choices(known, cum_weights=weights, k=count))

    def topic() -> Tree:
        nonlocal number
        number += 1
        marks = {"rareword": RARE, "twopercent": TWO_PERCENT, "everysecond": HALF}
        marked = " ".join(mark for mark, each in marks.items() if number % each == 0)
        return {"name": words(3), "explanation": {"content": f"{words(WORDS_A_TEXT)} {marked}"}}

    while True:
        chapters = [{"title": words(3), "topics": [topic() for _ in range(TOPICS)]} for _ in range(CHAPTERS)]
        yield {"title": words(4), "tags": [words(1)], "status": "draft", "chapters": chapters}


def ask(kind: str, port: int, report: Callable[[], None]) -> list[Finding]:
    """Search for each query so often, one after the other."""
    token = sign_in(port, seeded_email(1), DEFAULT_PASSWORD)
    findings = []
    for name, (query, most) in QUERIES.items():
        times = []
        for _ in range(ASKED):
            begun = time.perf_counter()
            must(port, "GET", f"/api/search/?q={query}", token=token)
            times.append((time.perf_counter() - begun) * 1000)
        p95 = percentile(sorted(times), 95)
        required = "" if most is None else f"< {most:.0f}"
        holds = None if most is None else p95 < most
        findings.append(Finding(f"{kind}: {name}, p95", f"{p95:.1f} ms", required, holds))
        report()
    return findings
