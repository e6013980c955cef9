"""Two servers on one database that reach one Redis by ways of their own, and an author who knows what must be read."""

import itertools
import os
import signal
import time
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import redis

from tests import servers
from tests.live import LiveServer, eventually
from tests.proxies import Proxy
from tests.visitors import Person
from tests.wires import Wire

ROUNDS = 3
# How long whoever has found Redis away may go on without it.
SETTLE_SECONDS = 12.0
MANY = "10000000"
SETTINGS = {
    "FRONT_CACHE_MB": os.environ.get("TEST_FRONT_CACHE_MB", "64"),
    "SECRET_KEY": "a secret of the tests, 0123456789",
    "RATELIMIT_ENABLED": "1",
    **dict.fromkeys(("LIMIT_PER_MINUTE", "LIMIT_ANONYMOUS", "LIMIT_SIGN_IN"), MANY),
    "LIMIT_PER_HOUR": ",".join([MANY] * 3),
    "WEB_THREADS": "8",
    "AI_PROVIDER": "offline",
}
numbers = itertools.count(1)


class ForgetfulRedis(servers.RedisServer):
    """A Redis that keeps nothing over its end but what it was told to save."""

    command = (
        "'{self.program}' --bind 127.0.0.1 --port {self.port} --dir '{self.folder}' --save '' --appendonly no"
        " --dbfilename dump.rdb"
    )

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def forget(self) -> None:
        """Lose what was saved."""
        (self.folder / "dump.rdb").unlink(missing_ok=True)


class Pair:
    """Servers `a` and `b`, one process each; `way_a` and `way_b` lead from each to Redis."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stack = folder, ExitStack()
        self.open_wires: dict[tuple[object, int], Wire] = {}

    def __enter__(self) -> Self:
        with self.stack:
            self.postgres = self._begun(servers.PostgresServer())
            self.redis = self._begun(ForgetfulRedis())
            self.database = servers.create_database(self.postgres.url, "pair")
            self.ways = [self.stack.enter_context(Proxy(self.redis.port)) for _ in range(2)]
            self.way_a, self.way_b = self.ways
            self.a, self.b = (self._server(name, way) for name, way in zip("ab", self.ways, strict=True))
            self.servers = [self.a, self.b]
            self.a.launch()
            self.a.wait_until()
            self.b.launch()
            self.b.wait_until()
            self.stack = self.stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for wire in self.open_wires.values():
            wire.close()
        self.stack.close()

    def _begun(self, server: servers.PrivateServer) -> servers.PrivateServer:
        self.stack.callback(server.discard)
        server.start()
        return server

    def _server(self, name: str, way: Proxy) -> LiveServer:
        settings = {"DATABASE_URL": self.database, "REDIS_URL": f"redis://127.0.0.1:{way.port}/0"}
        server = LiveServer(self.folder / name, {**SETTINGS, **settings})
        self.stack.callback(server.discard)
        return server

    def client(self) -> redis.Redis:
        """Give a client of Redis that goes its own way."""
        return redis.Redis.from_url(self.redis.url, socket_timeout=5)

    def wire(self, server: LiveServer, whose: object = None) -> Wire:
        """Give a connection to a server, the same each time while it holds."""
        found = self.open_wires.get((whose, server.port))
        if found is None or not found.is_open:
            if found is not None:
                found.close()
            found = self.open_wires[whose, server.port] = Wire(server.port)
        return found

    def author(self) -> "Author":
        """Give somebody new with a note."""
        return Author(self)

    def kill(self, server: LiveServer) -> None:
        """End every process of a server at once."""
        assert server.process is not None
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()

    def settle(self) -> None:
        """Put everything in order, and wait until both servers ask Redis again."""
        for way in self.ways:
            way.delay = 0
            way.turn("open")
        person = Person.signed_up(self.wire(self.b), f"settler{next(numbers)}@example.com")

        def left(server: LiveServer) -> int:
            answer = person.get(self.wire(server), "/api/tasks/")
            return int(answer.header("RateLimit-Remaining") or "0")

        def is_shared() -> bool:
            # Both count in the same place only where both ask Redis.
            found = [left(server) for server in self.servers * 2]
            return found == list(range(found[0], found[0] - 4, -1))

        eventually(is_shared, SETTLE_SECONDS, "a server still goes on without Redis")


class Author:
    """Somebody with one note whose title is a number that only grows: no read may be older than the last one known.

    `known` is the newest that was acknowledged or read, `tried` the newest that may have been written.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.person = Person.signed_up(pair.wire(pair.b, self), f"author{next(numbers)}@example.com")
        note = self.person.do(pair.wire(pair.b, self), "POST", "/api/notes/", {"title": "0"})
        self.note_id = note["id"]
        self.place = f"/api/notes/{note['id']}/"
        self.known = self.tried = 0

    def write(self, server: LiveServer) -> bool:
        """Write the next number; says whether it was acknowledged."""
        self.tried += 1
        number = self.tried
        try:
            answer = self.person.ask(
                self.pair.wire(server, self), "PATCH", self.place, {"title": str(number)}
            )
        except (OSError, HTTPException):
            return False
        assert answer.status in {200, 503}, answer
        if answer.status == 200:
            self.known = max(self.known, number)
        return answer.status == 200

    def must_write(self, server: LiveServer) -> None:
        """Write the next number, which has to be acknowledged."""
        assert self.write(server), "a write was refused"

    def read(self, server: LiveServer, person: Person | None = None) -> int:
        """Read the note, alone and in the list; checks that neither is too old. Gives its number."""
        for path in (self.place, "/api/notes/"):
            floor = self.known
            answer = (person or self.person).get(self.pair.wire(server, self), path)
            assert answer.status == 200, answer
            note = answer.json["results"][0] if path == "/api/notes/" else answer.json
            found = int(note["title"])
            assert floor <= found <= self.tried, f"{path} says {found} of {floor} to {self.tried}"
            self.known = max(self.known, found)
        return self.known

    def read_everywhere(self, first: LiveServer | None = None) -> None:
        """Read through both servers, this one first."""
        for server in sorted(self.pair.servers, key=lambda server: server is not first):
            self.read(server)

    def warm_up(self) -> None:
        """Read until both servers could answer from memory."""
        for _ in range(ROUNDS):
            self.read_everywhere()

    def stored(self) -> int:
        """Give the number that stands in the database."""
        with psycopg.connect(self.pair.database, autocommit=True) as connection:
            row = connection.execute("SELECT title FROM notes WHERE id = %s", (self.note_id,)).fetchone()
        assert row is not None
        return int(row[0])

    def check_stored(self, first: LiveServer | None = None) -> None:
        """Check that both servers say what the database says, once nothing is being written."""
        self.known = self.stored()
        for server in sorted(self.pair.servers, key=lambda server: server is not first):
            assert self.read(server) == self.known == self.stored()

    def session(self, server: LiveServer) -> Person:
        """Sign in once more, and read as that session until it could be answered from memory."""
        person = self.person.again(self.pair.wire(server, self))
        for _ in range(ROUNDS):
            for other in self.pair.servers:
                self.read(other, person)
        return person

    def sign_out(self, server: LiveServer, person: Person) -> None:
        """End a session."""
        person.do(self.pair.wire(server, self), "POST", "/api/auth/logout/")

    def check_refused(self, person: Person, first: LiveServer | None = None) -> None:
        """Check that no server lets a session in that has ended."""
        for server in sorted(self.pair.servers, key=lambda server: server is not first):
            for path in (self.place, "/api/notes/"):
                answer = person.get(self.pair.wire(server, self), path)
                assert answer.status == 401, answer


def wait_until_idle(pair: Pair, seconds: float = 5) -> None:
    """Wait until no transaction is under way in the database."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'pair' AND pid <> pg_backend_pid()"
    statement = f"{others} AND state <> 'idle'"

    def is_idle() -> bool:
        with suppress(psycopg.Error), psycopg.connect(pair.database, autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
            return row is not None and row[0] == 0
        return False

    eventually(is_idle, seconds, "a transaction does not end")
    time.sleep(0.02)
