"""Servers that may answer from memory, beside one that never does: what the one says, so must the other.

A house is a server and its twin, which keeps no answers ready (FRONT_CACHE_MB=0) and shares everything else with it:
each answer of the server is compared with the twin's to the same question.
"""

import json
import os
import re
import sqlite3
import subprocess
import time
from contextlib import ExitStack, closing

import psycopg
import pytest

from tests import servers
from tests.live import SERVE, LiveServer, eventually
from tests.visitors import Person
from tests.wires import Doors

NOTEASSIST = SERVE[0]
# How often whoever asks has been asked before the question that counts.
ROUNDS = 3
SECRET_KEY = "a secret of the tests, 0123456789"
METRICS_TOKEN = "a token of Prometheus"
ORIGIN = "https://app.example.org"
NEVER_REACHED = "1000000"
HOURLY = {"FREE": "500000", "BASIC": "600000", "PRO": "700000"}
SETTINGS = {
    # The whole module may be run with it switched off: nothing that is expected here depends on it.
    "FRONT_CACHE_MB": os.environ.get("TEST_FRONT_CACHE_MB", "64"),
    "SECRET_KEY": SECRET_KEY,
    "METRICS_TOKEN": METRICS_TOKEN,
    "LOG_FORMAT": "json",
    "CORS_ORIGINS": ORIGIN,
    "TRUSTED_PROXIES": "127.0.0.1",
    "AI_PROVIDER": "offline",
    "WEB_THREADS": "8",
    "RATELIMIT_ENABLED": "1",
    **dict.fromkeys(("LIMIT_PER_MINUTE", "LIMIT_ANONYMOUS", "LIMIT_SIGN_IN"), NEVER_REACHED),
    # Never reached either, but each tier can be told by its figure.
    "LIMIT_PER_HOUR": ",".join(HOURLY.values()),
}
WITHOUT_CACHE = {"FRONT_CACHE_MB": "0"}


class House:
    """A server, its twin, and what both stand on. `kind` is `full` or `embedded`."""

    def __init__(self, kind, folder):
        self.kind, self.folder, self.stack = kind, folder, ExitStack()
        self.number = 0

    def __enter__(self):
        with self.stack:
            shared = self._full() if self.kind == "full" else self._embedded()
            self.settings = {**SETTINGS, **shared}
            self.server = self.stack.enter_context(LiveServer(self.folder / "server", self.settings))
            alone = {"WEB_PROCESSES": "1", "WORKER_THREADS": "1", **WITHOUT_CACHE}
            self.twin = LiveServer(self.folder / "twin", {**self.settings, **alone})
            self.worker = LiveServer(self.folder / "worker", self.settings, command=(NOTEASSIST, "worker"))
            # Together: most of a start is work of one processor.
            for server in (self.twin, self.worker) if self.kind == "full" else (self.twin,):
                self.stack.callback(server.discard)
                server.launch()
            self.twin.wait_until()
            self.doors, self.side_door = Doors(self.server), Doors(self.twin)
            self.stack.callback(self.doors.close)
            self.stack.callback(self.side_door.close)
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _full(self):
        name = f"noteassist_warm_{os.getpid()}_{time.monotonic_ns()}"
        self.database = servers.create_database(os.environ["TEST_DATABASE_URL"], name)
        self.stack.callback(servers.drop_database, os.environ["TEST_DATABASE_URL"], name)
        redis_server = self.stack.enter_context(servers.redis_server(private=True))
        return {"DATABASE_URL": self.database, "REDIS_URL": redis_server.url, "WEB_PROCESSES": "2"}

    def _embedded(self):
        self.database = self.folder / "server" / "instance" / "noteassist.db"
        return {"DATABASE_URL": f"sqlite:///{self.database}"}

    def wires(self):
        """One connection to each process of the server."""
        return self.doors.all()

    def twin_wire(self):
        """A connection to the twin."""
        return self.side_door.all()[0]

    def sign_up(self, name="somebody"):
        """Somebody new."""
        self.number += 1
        email = f"{name}{self.number}@example.com"
        return Person.signed_up(self.wires()[-1], email)

    def admin(self):
        """Somebody new who administers."""
        person = self.sign_up("root")
        self.execute("UPDATE users SET role = 'admin' WHERE id = :id", id=person.user["id"])
        return person.again(self.wires()[0])

    def execute(self, statement, **values):
        """Change the database behind everybody's back: for what is prepared before anybody has asked."""
        self._ask(statement, values)

    def figure(self, statement, **values):
        """Read one figure from the database."""
        return self._ask(statement, values)[0][0]

    def _ask(self, statement, values):
        if self.kind == "full":
            for name in values:
                statement = statement.replace(f":{name}", f"%({name})s")
            with psycopg.connect(self.database, autocommit=True) as connection:
                cursor = connection.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def run(self, *words):
        """Run a command of noteassist beside the server; gives what it prints."""
        command = [NOTEASSIST, *words]
        done = subprocess.run(
            command,
            env=self.server.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mail_token(self, address, page):
        """Give the token of a mail to this address that leads to this page, once it has been sent."""

        def found():
            mails = [path.read_text() for path in self.folder.glob("*/instance/outbox/*.eml")]
            fitting = [mail for mail in mails if f"To: {address}" in mail and page in mail]
            return re.findall(r"^Token: (\S+)", "\n".join(fitting), re.MULTILINE)

        eventually(found, 20, "no mail was sent")
        return found()[-1]

    def log_lines(self, server, request_id):
        """What a server has written of a request in its access log."""

        def found():
            lines = [line for line in server.log.read_text().splitlines() if request_id in line]
            parsed = [json.loads(line) for line in lines if line.startswith("{")]
            return [line for line in parsed if line["logger"] == "noteassist.access"]

        eventually(found, 5, "no line was written")
        return found()


def in_groups(*kinds):
    """Parameters that keep the tests of one house in one process, so that it is built once."""
    return [pytest.param(kind, marks=pytest.mark.xdist_group(f"warm-{kind}")) for kind in kinds]


def warm_up(house, person, paths, **headers):
    """Ask for all of these through every process until they could be answered from memory."""
    for _ in range(ROUNDS):
        for wire in house.wires():
            for path in paths:
                person.get(wire, path, **headers)


def done_task(person, wire, location, seconds=30):
    """Wait for a task to end well; gives it."""

    def ended():
        return person.get(wire, location).json["status"] not in {"queued", "running"}

    eventually(ended, seconds, "the task has not ended")
    task = person.get(wire, location).json
    assert task["status"] == "succeeded", task
    return task
