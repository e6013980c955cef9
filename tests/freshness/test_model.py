"""No read is older than the last write that was acknowledged, and nobody is let in whose session was ended.

Nor is one older than what a writer has committed that died before it could tell anybody.

Two processes on one PostgreSQL and one Redis; requests stop at each call to Redis and go on in any order. Processes
die between two steps, Redis forgets everything, and the line between a process and Redis is cut.
MODEL_EXAMPLES=1000 looks longer.
"""

import os
from functools import partial
from itertools import product
from types import SimpleNamespace

import pytest
import redis
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import text

from noteassist import db
from noteassist.freshness import closing
from tests import servers
from tests.contract import ai
from tests.freshness.stepping import Line, Running, here
from tests.people import ApiClient, register

PROCESSES = 2
USERS = 2
BEYOND = 10**8
# Each request that stands still holds a connection to the database, of which a process has some 30.
MOST_RUNNING = 8
DURATIONS = {"LEAVE_SECONDS": 0.05, "CLOSED_SECONDS": 0.3, "SPARE_SECONDS": 0.2, "NEWS_SECONDS": 0.15}

processes = st.integers(0, PROCESSES - 1)
users = st.integers(0, USERS - 1)
anything = st.integers(0, 99)


@pytest.fixture(scope="module", autouse=True)
def _world(postgresql_url, tmp_path_factory):
    """Two processes, each with a line to Redis, and two users with a note each."""
    with (
        pytest.MonkeyPatch.context() as patch,
        servers.redis_server(private=True) as server,
        redis.Redis.from_url(server.url) as client,
        ai.application_factory(
            tmp_path_factory.mktemp("instance"),
            postgresql_url,
            redis_url=server.url,
            ratelimit_enabled=True,
            limit_per_minute=BEYOND,
            limit_sign_in=BEYOND,
            limit_anonymous=BEYOND,
            limit_per_hour=(BEYOND, BEYOND, BEYOND),
        ) as make,
    ):
        for name, seconds in DURATIONS.items():
            patch.setattr(closing, name, seconds)
        apps = [make() for _ in range(PROCESSES)]
        lines = []
        for app in apps:
            freshness = app.extensions["noteassist_freshness"]
            # Looked at when the test says so, by no thread.
            freshness.leave.end()
            lines.append(Line(freshness.facts.scripts))
            tell_who_answers(app.wsgi_app.front)
        people = [register(apps[0], email=f"model{number}@example.com") for number in range(USERS)]
        notes = [person.post("/api/notes/", json={"title": "0"}).json["id"] for person in people]
        Front.world = SimpleNamespace(apps=apps, lines=lines, people=people, notes=notes, redis=client)
        yield


def tell_who_answers(front):
    """Let each thread know whether the front answered what it asked last."""
    answer = front.answer

    def told(environ):
        here.by_front = False
        ready = answer(environ)
        here.by_front = ready is not None
        return ready

    front.answer = told


has_room = precondition(lambda self: len(self.running) < MOST_RUNNING)


class Front(RuleBasedStateMachine):
    """What users do and what befalls them."""

    world = None

    def __init__(self):
        super().__init__()
        self.running = []
        self.acknowledged = [0] * USERS
        self.written = [self.title_of(user) for user in range(USERS)]
        self.acknowledged = list(self.written)
        self.writing = [False] * USERS
        # Redis has forgotten something while they wrote.
        self.was_flushed = [False] * USERS
        self.sessions = [[self.signed_in(user)] for user in range(USERS)]
        self.ended = [set() for _ in range(USERS)]
        # Of those nobody knows whether they were ended.
        self.unsure = set()
        for line in self.world.lines:
            line.is_cut = False

    def title_of(self, user):
        path = f"/api/notes/{self.world.notes[user]}/"
        return int(
            self.at(0, self.world.people[user].access)
            .get(path, headers={"Accept-Encoding": "gzip"})
            .json["title"]
        )

    def stored_title(self, user):
        """What the database says."""
        with self.world.apps[0].app_context():
            statement = text("SELECT title FROM notes WHERE id = :note")
            return int(db.read_rows(statement, {"note": self.world.notes[user]})[0].title)

    def signed_in(self, user):
        person = self.world.people[user]
        return ApiClient.signed_in(self.world.apps[0], person.email, person.password).access

    def at(self, process, access):
        client = ApiClient(self.world.apps[process])
        client.access = access
        return client

    def look(self, process):
        app = self.world.apps[process]
        with app.app_context():
            app.extensions["noteassist_freshness"].leave.look()

    @has_room
    @rule(process=processes, user=users, number=anything, is_fresh=st.booleans())
    def begin_read(self, process, user, number, is_fresh):
        """Ask for the note, with any of the user's sessions."""
        if is_fresh:
            self.look(process)
        access = self.sessions[user][number % len(self.sessions[user])]
        at_least, is_over = self.acknowledged[user], access in self.ended[user]

        def read():
            answer = self.at(process, access).get(f"/api/notes/{self.world.notes[user]}/")
            if is_over:
                assert answer.status_code == 401, "somebody was let in"
            elif answer.status_code != 401:
                assert answer.status_code == 200, answer.get_data(as_text=True)
                assert int(answer.json["title"]) >= at_least, "an answer was too old"
            else:
                assert access in self.unsure, "somebody was not let in"
            return f"{answer.status_code} {'by the front' if here.by_front else 'by Flask'}"

        again = partial(self.begin_read, process, user, number, is_fresh=True)
        self.running.append(SimpleNamespace(run=Running(read), user=None, again=again))

    @rule(process=processes, user=users, number=anything)
    def read_until_it_is_kept(self, process, user, number):
        """Ask for the note as often as it takes until the front may answer, unless something is under way."""
        for _ in range(3):
            self.begin_read(process, user, number, is_fresh=True)
            self.finish(-1)

    @has_room
    @rule(process=processes, user=users)
    def begin_write(self, process, user):
        """Give the note a new title."""
        if self.writing[user]:
            return
        self.writing[user], self.was_flushed[user] = True, False
        self.written[user] += 1
        title, path = self.written[user], f"/api/notes/{self.world.notes[user]}/"

        def write():
            answer = self.at(process, self.world.people[user].access).patch(path, json={"title": str(title)})
            assert answer.status_code == 200, answer.get_data(as_text=True)
            self.acknowledged[user] = title

        self.running.append(SimpleNamespace(run=Running(write), user=user))

    @has_room
    @rule(
        reader=processes,
        writer=processes,
        user=users,
        number=anything,
        is_stated=st.booleans(),
        read_so_far=st.integers(1, 6),
        # Marked but not committed, more often than not.
        written_so_far=st.sampled_from([1, 2, 2, 2, 3]),
        befalls=st.sampled_from(["nothing", "flush", "flush, cut", "cut", "kill", "flush, kill"]),
    )
    def overtake(self, reader, writer, user, number, is_stated, read_so_far, written_so_far, befalls):
        """Let a write overtake a read that has something to state, while something befalls them."""
        if self.writing[user]:
            return
        self.mend(reader)
        self.mend(writer)
        self.read_until_it_is_kept(reader, user, number)
        if not is_stated:
            # So there is a lease to be had.
            self.flush()
        self.begin_read(reader, user, number, is_fresh=True)
        late = self.running[-1]
        self.go_on(late, read_so_far)
        self.begin_write(writer, user)
        write = self.running[-1]
        self.go_on(write, written_so_far)
        if "flush" in befalls:
            self.flush()
            self.read_until_it_is_kept(reader, user, number)
        if "cut" in befalls:
            self.cut(writer)
        if write in self.running:
            (self.kill if "kill" in befalls else self.finish)(self.running.index(write))
        if late in self.running:
            self.finish(self.running.index(late))

    def go_on(self, one, steps):
        for _ in range(steps):
            if one in self.running:
                self.step(self.running.index(one))

    @has_room
    @rule(process=processes, user=users, number=anything)
    def begin_end_of_session(self, process, user, number):
        """End one of the user's sessions."""
        alive = [access for access in self.sessions[user] if access not in self.ended[user]]
        if self.writing[user] or not alive:
            return
        self.writing[user] = True
        access = alive[number % len(alive)]
        self.unsure.add(access)

        def end():
            answer = self.at(process, access).post("/api/auth/logout/")
            assert answer.status_code in {204, 401}, answer.get_data(as_text=True)
            self.ended[user].add(access)

        self.running.append(SimpleNamespace(run=Running(end), user=user))

    @rule(user=users)
    def sign_in(self, user):
        """Begin another session."""
        if len(self.sessions[user]) < 3 and not self.writing[user]:
            self.sessions[user].append(self.signed_in(user))

    @rule(number=anything)
    def step(self, number):
        """Let any request go on to its next pause."""
        if not self.running:
            return
        one = self.running[number % len(self.running)]
        event(f"step from {one.run.at}")
        if one.run.step():
            self.has_ended(one)

    @rule(number=anything)
    def finish(self, number, is_last=False):
        """Let any request go on to its end."""
        if not self.running:
            return
        one = self.running[number % len(self.running)]
        one.run.finish()
        self.has_ended(one, is_last=is_last)

    @rule(number=anything)
    def kill(self, number):
        """Let the process of any request die."""
        if not self.running:
            return
        one = self.running[number % len(self.running)]
        event(f"killed at {one.run.at}")
        one.run.kill()
        if one.user is not None and not self.was_flushed[one.user]:
            # Nobody was told, but what is committed is what is read from now on.
            self.acknowledged[one.user] = self.stored_title(one.user)
        self.has_ended(one)

    def has_ended(self, one, *, is_last=False):
        self.running.remove(one)
        if one.run.result is not None:
            event(one.run.result)
        if one.user is not None:
            self.writing[one.user] = False
            # What is told first through either process, to each session that there was.
            # First with whatever leave they still have.
            for is_fresh, process, number in product((False, True), range(PROCESSES), range(3)):
                if number < len(self.sessions[one.user]):
                    self.begin_read(process, one.user, number, is_fresh=is_fresh)
                    self.finish(-1, is_last=True)
        elif not is_last:
            # What a reader has left behind, who came late with what it had read, is read once more.
            one.again()
            self.finish(-1, is_last=True)

    @rule()
    def flush(self):
        """Let Redis forget everything."""
        self.world.redis.flushall()
        self.was_flushed = [True] * USERS

    @rule(process=processes)
    def cut(self, process):
        """Cut the line between a process and Redis."""
        self.world.lines[process].is_cut = True

    @rule(process=processes)
    def mend(self, process):
        """Mend it."""
        self.world.lines[process].is_cut = False

    def teardown(self):
        """End what is under way."""
        for line in self.world.lines:
            line.is_cut = False
        for one in self.running:
            one.run.kill()


def test_a_mark_that_cannot_be_taken_back_closes_the_front():
    world = Front.world
    with world.apps[0].app_context():
        # From now on Redis is believed.
        world.apps[0].extensions["noteassist_freshness"].leave.look()
    client = ApiClient(world.apps[0])
    client.access = world.people[0].access
    write = Running(lambda: client.patch(f"/api/notes/{world.notes[0]}/", json={"title": "1"}).status_code)
    # Counted, marked, and committed.
    for _ in range(2):
        write.step()
        while write.at != "after Redis":
            assert not write.step()
    write.step()
    assert write.at == "before Redis" and not is_closed(world.apps[0])
    world.lines[0].is_cut = True
    write.finish()
    world.lines[0].is_cut = False
    assert write.result == 200 and is_closed(world.apps[0])


def is_closed(app):
    """Say whether the front is closed."""
    with app.app_context():
        statement = text("SELECT count(*) AS closed FROM front_state WHERE closed_until > clock_timestamp()")
        return db.read_rows(statement)[0].closed == 1


TestNoAnswerIsOlderThanTheLastAcknowledgedWriteAndNoEndedSessionIsLetIn = Front.TestCase
TestNoAnswerIsOlderThanTheLastAcknowledgedWriteAndNoEndedSessionIsLetIn.settings = settings(
    max_examples=int(os.environ.get("MODEL_EXAMPLES", "30")),
    stateful_step_count=60,
    deadline=None,
    # Leave ends by the clock, so a shorter way to a failure may not lead there again.
    phases=(Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
