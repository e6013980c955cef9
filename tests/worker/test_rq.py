"""RQ brings bells and nothing else: whatever lies in Redis, the tasks are done, and no foreign code runs."""

import sys
import time
import zlib
from contextlib import contextmanager

import pytest
from sqlalchemy import delete

from noteassist import db
from noteassist.bells import QUEUE, WORK
from noteassist.models import Task, User
from noteassist.worker.crew import Crew
from noteassist.worker.lookout import Lookout
from tests.people import register
from tests.services.tasks import scene

LIST = f"rq:queue:{QUEUE}"
KIND = "expire_outputs"


@pytest.fixture
def app(queued_app):
    """Give the application on an empty database."""
    with queued_app.app_context(), db.transaction():
        db.execute(delete(Task))
        db.execute(delete(User))
    return queued_app


def all_done(app, tasks, seconds=15):
    """Wait until all tasks are done; gives the seconds that took."""
    begin = time.monotonic()
    scene.until(lambda: set(scene.states(app, tasks)) == {"succeeded"}, seconds)
    assert {scene.state(app, task).attempt for task in tasks} == {1}
    return time.monotonic() - begin


@pytest.fixture
def alone(app, monkeypatch):
    """Let no lookout look."""
    monkeypatch.setattr(Lookout, "look", lambda self: None)
    time.sleep(0.2)


def test_a_bell_leads_to_work_at_once(app, working, alone):
    all_done(app, [scene.make(app, KIND)])
    assert all_done(app, [scene.make(app, KIND)]) < 0.9


def test_a_burst_is_done_by_all_slots(app, working):
    assert all_done(app, [scene.make(app, KIND) for _ in range(60)]) < 10


def test_tasks_are_done_although_redis_was_emptied(app, queue, working):
    tasks = [scene.make(app, KIND) for _ in range(5)]
    queue.flushall()
    tasks += [scene.make(app, KIND) for _ in range(5)]
    queue.flushall()
    assert all_done(app, tasks) < 6


def test_tasks_whose_bell_nobody_rang_are_done(app, queue, working):
    tasks = [scene.make(app, KIND, delay=0.2) for _ in range(5)]
    assert all_done(app, tasks) < 6


def test_too_many_bells_do_no_harm(app, queue, working):
    bell = app.extensions["noteassist_bell"]
    for _ in range(50):
        bell.top_up(100)
    assert all_done(app, [scene.make(app, KIND)]) < 10


def forge(queue, number, data, **fields):
    """Put a job into the queue as somebody with access to Redis could."""
    times = dict.fromkeys(("created_at", "enqueued_at"), "2026-01-01T00:00:00.000000Z")
    job = {"data": data, "origin": QUEUE, "status": "queued", "timeout": "-1", **times, **fields}
    queue.hset(f"rq:job:forged-{number}", mapping=job)
    queue.rpush(LIST, f"forged-{number}")


@pytest.fixture
def mark(tmp_path):
    """Give the path of a file that foreign code would make."""
    return tmp_path / "mark"


def emptied(queue):
    """Wait until the queue has been read."""
    scene.until(lambda: queue.llen(LIST) == 0)
    time.sleep(0.2)


FOREIGN = {
    "json": '["os.system", null, ["touch {mark}"], {{}}]',
    "instance": '["write_text", "{mark}", ["x"], {{}}]',
    "pickle": "cposix\nsystem\n(S'touch {mark}'\ntR.",
    "ours with a foreign argument": '["noteassist.worker.bell.work", null, ["touch {mark}"], {{"x": 1}}]',
    "nothing": "",
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("packed", [True, False])
def test_a_foreign_job_is_never_run(app, queue, working, mark, data, packed):
    data = data.format(mark=mark).encode()
    forge(queue, 1, zlib.compress(data) if packed else data)
    emptied(queue)
    assert not mark.exists()
    assert all_done(app, [scene.make(app, KIND)]) < 6


@pytest.fixture
def foreign(mark, tmp_path, monkeypatch):
    """Give the name of a function whose module leaves the mark when it is imported."""
    code = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\ndef call(*rest): pass\n"
    (tmp_path / "foreign_code.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield "foreign_code.call"
    sys.modules.pop("foreign_code", None)


@pytest.mark.parametrize("moment", ["success", "failure", "stopped"])
@pytest.mark.parametrize("name", [WORK, "os.system"])
def test_a_foreign_callback_is_never_called(app, queue, working, mark, foreign, moment, name):
    fields = {f"{moment}_callback_name": foreign}
    forge(queue, 1, zlib.compress(f'["{name}", null, [], {{}}]'.encode()), **fields)
    emptied(queue)
    assert not mark.exists()
    assert all_done(app, [scene.make(app, KIND)]) < 6


@pytest.fixture
def begin(app):
    """Begin a crew that nothing has happened to."""
    crews = []

    def begin():
        crews.append(Crew(app, app.config["SETTINGS"]))
        crews[-1].start()
        return crews[-1]

    yield begin
    for crew in crews:
        crew.drain(0)


def dead(crew):
    """Name the slots that work no more."""
    return [thread.name for thread in crew.threads if not thread.is_alive()]


@pytest.mark.parametrize("created", [b"\xff", b"{not this", b"2026-01-01T00:00:00.000000Z"])
def test_what_is_left_over_from_others_stops_no_worker(app, queue, begin, mark, foreign, created):
    forge(queue, 1, b"", created_at=created, failure_callback_name=foreign)
    queue.zadd(f"rq:wip:{QUEUE}", {"forged-1:1": 1, "forged-1": 1, b"\xff": 1})
    crew = begin()
    assert all_done(app, [scene.make(app, KIND) for _ in range(3)]) < 8
    time.sleep(0.5)
    assert (dead(crew), mark.exists()) == ([], False)


GARBAGE = [b"", b"\xff\xfe\x00", b"no such job", b"x" * 100_000, b"*3\r\n$3\r\nSET\r\n", "ü".encode()]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda value: repr(value[:12]))
def test_garbage_in_the_queue_is_passed_over(app, queue, working, garbage):
    queue.rpush(LIST, *[garbage] * 5)
    emptied(queue)
    assert all_done(app, [scene.make(app, KIND)]) < 6
    assert dead(working) == []


def test_a_job_with_broken_fields_is_passed_over(app, queue, working):
    work = zlib.compress(f'["{WORK}", null, [], {{}}]'.encode())
    fields = ["created_at", "timeout", "meta", "status", "result_ttl", "retries_left", "dependency_ids"]
    for number, name in enumerate(fields):
        forge(queue, number, work, **{name: b"\xff{not this"})
    emptied(queue)
    assert all_done(app, [scene.make(app, KIND)]) < 6
    assert dead(working) == []


@pytest.mark.parametrize("key", [LIST, "rq:workers", f"rq:workers:{QUEUE}", "rq:queues"])
def test_a_key_of_the_wrong_type_stops_nobody(app, queue, working, key):
    queue.delete(key)
    queue.set(key, "something else")
    assert all_done(app, [scene.make(app, KIND) for _ in range(3)]) < 8
    assert dead(working) == []


@contextmanager
def without(server, way):
    """Have no Redis, or one that says nothing."""
    server.stop() if way == "stopped" else server.freeze()
    try:
        yield
    finally:
        server.start() if way == "stopped" else server.thaw()


@pytest.mark.parametrize("way", ["stopped", "frozen"])
def test_requests_and_work_go_on_without_redis(app, redis_server, queue, begin, way):
    crew = begin()
    client = register(app, email="alice@example.com")
    scene.until(lambda: not scene.rows(app, "SELECT id FROM tasks WHERE status != 'succeeded'"))
    time.sleep(0.5)
    with without(redis_server, way):
        begin = time.monotonic()
        answers = [
            client.post("/api/ai-tools/improve/", json={"content": f"teh {number}"}) for number in range(4)
        ]
        assert time.monotonic() - begin < 4 * 0.5
        assert [answer.status_code for answer in answers] == [202] * 4
        all_done(app, [answer.json["task_id"] for answer in answers], 20)
    time.sleep(2.5)
    assert dead(crew) == []
    all_done(app, [scene.make(app, KIND) for _ in range(5)], 8)
