"""Everything at once, for some seconds: no read is older than what its reader's writers knew to be done."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.pairs import Author, Pair
from tests.visitors import Person

pytestmark = pytest.mark.xdist_group("warm-kills")
SEED = 20250801
SECONDS = 5.0
USERS = 3


@pytest.fixture
def settled(pair: Pair) -> Iterator[Pair]:
    """Give both servers with Redis behind them."""
    pair.settle()
    yield pair
    for way in pair.ways:
        way.turn("open")


class Visitor:
    """Uses a server over connections of its own, as one of its author's sessions."""

    def __init__(self, author: Author, seed: int) -> None:
        self.author, self.chance = author, random.Random(seed)
        self.steps = 0

    def reads(self, over: threading.Event) -> None:
        """Read, and sign in and out now and then."""
        pair, person = self.author.pair, None
        ended: list[Person] = []
        while not over.is_set():
            server = self.chance.choice(pair.servers)
            if person is None:
                person = self.author.person.again(pair.wire(server, self))
            self._read(server, person)
            if self.chance.random() < 0.05:
                person.do(pair.wire(server, self), "POST", "/api/auth/logout/")
                ended.append(person)
                person = None
            if ended and self.chance.random() < 0.3:
                gone = self.chance.choice(ended)
                other = self.chance.choice(pair.servers)
                assert gone.get(pair.wire(other, self), self.author.place).status == 401

    def _read(self, server: object, person: Person) -> None:
        author, pair = self.author, self.author.pair
        path = self.chance.choice([author.place, "/api/notes/"])
        # What was known before the question, is the least that the answer may say.
        floor = author.known
        answer = person.get(pair.wire(server, self), path)  # type: ignore[arg-type]
        assert answer.status == 200, answer
        note = answer.json if path == author.place else answer.json["results"][0]
        found = int(note["title"])
        assert floor <= found <= author.tried, f"{path} says {found} of {floor} to {author.tried}"
        author.known = max(author.known, found)
        self.steps += 1

    def writes(self, over: threading.Event) -> None:
        """Write, and read it at once."""
        while not over.is_set():
            server = self.chance.choice(self.author.pair.servers)
            self.author.must_write(server)
            self.author.read(self.chance.choice(self.author.pair.servers))
            self.steps += 1
            time.sleep(self.chance.uniform(0, 0.03))


def test_no_read_is_older_than_the_last_acknowledged_write(settled: Pair) -> None:
    authors = [settled.author() for _ in range(USERS)]
    writers = [Visitor(author, SEED + number) for number, author in enumerate(authors)]
    readers = [Visitor(author, SEED + 10 + number) for number, author in enumerate(authors * 2)]
    over, chance = threading.Event(), random.Random(SEED)
    with ThreadPoolExecutor(3 * USERS) as executor, settled.client() as client:
        running = [executor.submit(visitor.writes, over) for visitor in writers]
        running += [executor.submit(visitor.reads, over) for visitor in readers]
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not any(task.done() for task in running):
            time.sleep(chance.uniform(0.02, 0.3))
            if chance.random() < 0.5:
                client.flushall()
        over.set()
        for task in running:
            task.result(30)
    for author in authors:
        author.check_stored(settled.a)
    assert all(visitor.steps > 10 for visitor in writers + readers)
