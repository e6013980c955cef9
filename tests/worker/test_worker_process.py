"""`noteassist worker` as processes: asked to stop, killed, and begun again."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests import servers
from tests.live import LiveServer, ServerFailed, eventually
from tests.stand_ins.groq import GroqStandIn

pytestmark = pytest.mark.xdist_group("worker processes")
WORK = (str(Path(sys.executable).with_name("noteassist")), "worker")


@pytest.fixture(scope="module")
def groq():
    """Give a model for all tests."""
    with GroqStandIn() as started:
        yield started


@pytest.fixture(scope="module")
def redis_server():
    """Give a Redis of these tests alone."""
    with servers.redis_server(private=True) as server:
        yield server


@pytest.fixture(scope="module")
def settings(redis_server, groq):
    """Give the settings of the server and its workers."""
    name = f"noteassist_workers_{os.getpid()}"
    server = os.environ["TEST_DATABASE_URL"]
    yield {
        "DATABASE_URL": servers.create_database(server, name),
        "REDIS_URL": redis_server.url,
        "GROQ_API_KEY": "gsk_tests",
        "GROQ_BASE_URL": groq.url,
        "RATELIMIT_ENABLED": "0",
        "WORKER_THREADS": "3",
        "SECRET_KEY": "a secret of the tests, 0123456789",
    }
    servers.drop_database(server, name)


@pytest.fixture(scope="module")
def server(settings, tmp_path_factory):
    """Give a server that has no workers of its own."""
    with LiveServer(tmp_path_factory.mktemp("server"), settings) as started:
        yield started


@pytest.fixture(scope="module")
def alice(server):
    """Give a client of Alice's."""
    return server.sign_up("alice@example.com")


@pytest.fixture
def workers(server, settings, tmp_path):
    """Give `noteassist worker` at work."""
    started = LiveServer(tmp_path, settings, command=WORK)
    started.launch()
    try:
        eventually(lambda: "working on up to" in started.log_tail(), 15, "the workers did not start")
        yield started
    finally:
        started.discard()


@pytest.fixture
def ask(alice, groq):
    """Ask for a number of texts; gives their places."""
    groq.delay = groq.token_delay = 0

    def ask(number):
        places = []
        for count in range(number):
            text = f"Text {time.monotonic_ns()} {count}"
            answer = alice.post("/api/ai-tools/improve/", json={"content": text})
            assert answer.status_code == 202, answer.text
            places.append(answer.headers["Location"])
        return places

    return ask


def wait_for(alice, places, status, seconds=20):
    """Wait until all tasks have this status; gives the seconds that took."""

    def are_there():
        found = {alice.get(place).json()["status"] for place in places}
        if "failed" in found and status != "failed":
            raise ServerFailed("a task failed")
        return found == {status}

    return eventually(are_there, seconds, f"not all are {status}")


def were_made_once(alice, places):
    """Check that each task has one output."""
    outputs = alice.get("/api/ai-tools/history/?page_size=100").json()["results"]
    tasks = [alice.get(place).json() for place in places]
    assert len({task["result"]["id"] for task in tasks}) == len(places)
    assert all(sum(one["id"] == task["result"]["id"] for one in outputs) == 1 for task in tasks)


def test_workers_do_what_was_asked(alice, ask, workers):
    places = ask(6)
    assert wait_for(alice, places, "succeeded") < 5
    were_made_once(alice, places)


def test_workers_that_are_asked_to_stop_finish_what_they_do(alice, ask, workers, groq):
    groq.delay = 1.0
    places = ask(2)
    wait_for(alice, places, "running")
    workers.terminate()
    assert workers.wait(15) == 0
    assert {alice.get(place).json()["status"] for place in places} == {"succeeded"}
    were_made_once(alice, places)


def test_a_worker_that_is_killed_is_replaced_and_its_tasks_are_done_once(alice, ask, workers, groq):
    groq.token_delay = 0.05
    places = ask(2)
    wait_for(alice, places, "running")
    workers.kill_worker()
    groq.token_delay = 0
    assert wait_for(alice, places, "succeeded") < 15
    assert {alice.get(place).json()["attempt"] for place in places} == {2}
    were_made_once(alice, places)


def test_killing_the_parent_takes_the_workers_along(workers):
    children = [pid for pid in workers.processes() if pid != workers.pid]
    assert children
    workers.kill()
    eventually(lambda: not any(map(servers.family, children)), 3, "a worker outlived its parent")


def test_tasks_wait_for_workers(alice, ask, settings, tmp_path):
    places = ask(3)
    time.sleep(0.5)
    assert {alice.get(place).json()["status"] for place in places} == {"queued"}
    late = LiveServer(tmp_path, settings, command=WORK)
    late.launch()
    try:
        wait_for(alice, places, "succeeded")
    finally:
        late.discard()


def test_workers_go_on_after_redis_was_restarted(alice, ask, workers, redis_server):
    wait_for(alice, ask(1), "succeeded")
    redis_server.stop()
    time.sleep(1)
    redis_server.start()
    time.sleep(3)
    places = ask(3)
    assert wait_for(alice, places, "succeeded") < 10


@pytest.mark.parametrize("change", [{"GROQ_API_KEY": None, "AI_PROVIDER": "groq"}, {"WORKER_THREADS": "x"}])
def test_workers_without_a_valid_configuration_do_not_start(settings, tmp_path, change):
    wrong = LiveServer(tmp_path, {**settings, **change}, command=WORK)
    wrong.launch()
    try:
        assert wrong.wait(10) != 0
        assert next(iter(change)) in wrong.log_tail()
    finally:
        wrong.discard()


def test_an_interrupt_from_the_keyboard_stops_them_too(workers):
    os.kill(workers.pid, signal.SIGINT)
    assert workers.wait(10) == 0
