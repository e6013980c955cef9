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

from tests import servers
from tests.live import SERVE, LiveServer, eventually
from tests.people import PASSWORD
from tests.wires import Doors

NOTEASSIST = SERVE[0]
# How often whoever asks has been asked before the question that counts.
ROUNDS = 3
SECRET_KEY = "a secret of the tests, 0123456789"
METRICS_TOKEN = "a token of Prometheus"
ORIGIN = "https://app.example.org"
NEVER_REACHED = "1000000"
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
    "LIMIT_PER_HOUR": ",".join([NEVER_REACHED] * 3),
}
WITHOUT_CACHE = {"FRONT_CACHE_MB": "0"}


class Person:
    """Somebody with an account in a house, and one session of it."""

    def __init__(self, house, email, session):
        self.house, self.email = house, email
        self.access, self.refresh, self.user = session["access"], session["refresh"], session["user"]

    @property
    def headers(self):
        """What every request of theirs carries."""
        return {"Authorization": f"Bearer {self.access}"}

    def ask(self, wire, method, path, body=None, **headers):
        """Send a request over a connection, with a JSON body where there is one."""
        return send(wire, method, path, body, {**self.headers, **dressed(headers)})

    def get(self, wire, path, **headers):
        """Read."""
        return self.ask(wire, "GET", path, **headers)

    def do(self, wire, method, path, body=None, *, status=None, **headers):
        """Send a request that must succeed; gives what was answered."""
        answer = self.ask(wire, method, path, body, **headers)
        assert answer.status in ({status} if status else {200, 201, 202, 204}), answer
        return answer.json if answer.body else None

    def again(self, wire):
        """Sign in once more; gives the same person in another session."""
        answer = send(wire, "POST", "/api/auth/token/", {"email": self.email, "password": PASSWORD})
        assert answer.status == 200, answer
        return Person(self.house, self.email, answer.json)


class House:
    """A server, its twin, and what both stand on. `kind` is `full` or `embedded`."""

    def __init__(self, kind, folder):
        self.kind, self.folder, self.stack = kind, folder, ExitStack()
        self.number = 0

    def __enter__(self):
        with self.stack:
            shared = self._full() if self.kind == "full" else self._embedded()
            self.server = self._serve("server", {**SETTINGS, **shared})
            self.twin = self._serve(
                "twin", {**SETTINGS, **shared, "WEB_PROCESSES": "1", "WORKER_THREADS": "1", **WITHOUT_CACHE}
            )
            if self.kind == "full":
                self._work({**SETTINGS, **shared})
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

    def _serve(self, name, settings):
        return self.stack.enter_context(LiveServer(self.folder / name, settings))

    def _work(self, settings):
        self.worker = LiveServer(self.folder / "worker", settings, command=(NOTEASSIST, "worker"))
        self.stack.callback(self.worker.discard)
        self.worker.launch()

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
        body = {"email": email, "password": PASSWORD, "name": name.title()}
        answer = send(self.wires()[-1], "POST", "/api/auth/register/", body)
        assert answer.status == 201, answer
        return Person(self, email, answer.json)

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


def dressed(headers):
    """The names of headers as keyword arguments have them, written as HTTP does."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def send(wire, method, path, body=None, headers=()):
    """Send a request with a JSON body where there is one."""
    if body is None:
        return wire.ask(method, path, headers)
    sent = {**dict(headers), "Content-Type": "application/json"}
    return wire.ask(method, path, sent, json.dumps(body).encode())


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
