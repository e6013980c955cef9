"""Streams and waits of a live server: bounded, resumed, immediate, and ended with the server."""

import threading
import time

import pytest

from tests.live import LiveServer, eventually
from tests.stand_ins.groq import GroqStandIn, Hang

pytestmark = pytest.mark.xdist_group("streams")
SHARE = 2
ASK = "/api/ai-tools/improve/"


@pytest.fixture(scope="module")
def stand_in():
    """Give a model for all tests."""
    with GroqStandIn() as started:
        yield started


@pytest.fixture
def groq(stand_in):
    """Give the model as it is at first."""
    yield stand_in
    stand_in.always(None)
    stand_in.delay = stand_in.token_delay = 0


def settings_with(groq):
    """Give the settings of a server in front of this model."""
    return {
        "GROQ_API_KEY": "gsk_tests",
        "GROQ_BASE_URL": groq.url,
        "RATELIMIT_ENABLED": "0",
        "WEB_STREAMS": str(SHARE),
        "WORKER_THREADS": "8",
    }


@pytest.fixture(scope="module")
def server(stand_in, tmp_path_factory):
    """Give a server with threads for two streams."""
    with LiveServer(tmp_path_factory.mktemp("server"), settings_with(stand_in)) as started:
        yield started


@pytest.fixture
def alice(server):
    """Give a client of somebody new."""
    return server.sign_up(f"alice{time.monotonic_ns()}@example.com")


def asked(client, **headers):
    """Ask for a text of its own; gives the answer."""
    return client.post(ASK, json={"content": f"teh {time.monotonic_ns()}"}, headers=headers)


class Reader(threading.Thread):
    """Reads a stream of events in a thread, with the time at which each came."""

    def __init__(self, server, client, place, last=None):
        super().__init__(daemon=True)
        self.client = server.client(headers=dict(client.headers))
        self.place, self.last = place, last
        self.status, self.events = 0, []
        self.ended = None
        self.start()

    def run(self):
        headers = {} if self.last is None else {"Last-Event-ID": str(self.last)}
        name = None
        with self.client.stream("GET", f"{self.place}events/", headers=headers) as answer:
            self.status = answer.status_code
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("id: "):
                    self.events.append((name, int(line.removeprefix("id: ")), time.time()))
        self.ended = time.monotonic()

    def names(self):
        """Give the names of the events so far."""
        return [name for name, _, _ in self.events]


def test_tokens_arrive_while_the_task_runs(server, alice, groq):
    groq.token_delay = 0.03
    reader = Reader(server, alice, asked(alice).headers["Location"])
    eventually(lambda: "token" in reader.names(), 10, "no token came")
    first = next(moment for name, _, moment in reader.events if name == "token")
    assert first - groq.calls[-1].first_chunk < 1
    assert alice.get(reader.place).json()["status"] == "running"
    reader.join(15)
    assert reader.names().count("token") > 3 and reader.names()[-1] == "succeeded"


def test_a_stream_goes_on_after_the_last_event_that_was_seen(server, alice, groq):
    groq.token_delay = 0.03
    place = asked(alice).headers["Location"]
    first = Reader(server, alice, place)
    eventually(lambda: first.names().count("token") > 2, 10, "no tokens came")
    seen = first.events[2][1]
    second = Reader(server, alice, place, seen)
    for reader in (first, second):
        reader.join(15)
    assert [event[:2] for event in second.events] == [event[:2] for event in first.events if event[1] > seen]


def test_streams_beyond_the_share_are_refused_and_all_else_goes_on(server, alice, groq):
    groq.always(Hang())
    place = asked(alice).headers["Location"]
    readers = [Reader(server, alice, place) for _ in range(SHARE)]
    eventually(lambda: all(reader.status == 200 for reader in readers), 5, "no streams")
    refused = alice.get(f"{place}events/")
    assert (refused.status_code, int(refused.headers["Retry-After"]) >= 1) == (503, True)
    assert alice.get(place).json()["status"] == "running"
    begin = time.monotonic()
    answer = asked(alice, Prefer="wait=20")
    assert (answer.status_code, time.monotonic() - begin < 1) == (202, True)
    assert alice.delete(place).status_code == 204
    for reader in readers:
        reader.join(5)
        assert reader.names()[-1] == "cancelled"


def test_a_share_is_given_back(server, alice, groq):
    place = asked(alice).headers["Location"]
    for _ in range(SHARE * 4):
        reader = Reader(server, alice, place)
        reader.join(10)
        assert (reader.status, reader.names()[-1]) == (200, "succeeded")


def test_a_client_that_leaves_gives_its_share_back(server, alice, groq):
    groq.always(Hang())
    place = asked(alice).headers["Location"]
    for _ in range(SHARE * 3):
        with alice.stream("GET", f"{place}events/") as answer:
            assert answer.status_code in {200, 503}
    groq.always(None)
    alice.delete(place)
    done = asked(alice).headers["Location"]

    def works():
        reader = Reader(server, alice, done)
        reader.join(10)
        return reader.status == 200

    eventually(works, 20, "no stream is free")


def test_a_server_that_is_stopped_ends_its_streams_at_once(stand_in, groq, tmp_path):
    with LiveServer(tmp_path, settings_with(stand_in)) as stopping:
        client = stopping.sign_up("alice@example.com")
        groq.always(Hang(5))
        reader = Reader(stopping, client, asked(client).headers["Location"])
        eventually(lambda: reader.status == 200 and reader.events, 10, "no stream")
        begin = time.monotonic()
        stopping.terminate()
        reader.join(5)
        assert reader.ended is not None and reader.ended - begin < 1
        assert reader.names()[-1] == "progress"
