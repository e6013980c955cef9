"""The runner: what a piece of work raises, how long it may take, and how work is handed back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from noteassist import db
from noteassist.models import Task
from noteassist.queues import CATALOGUE, JobSpec
from noteassist.services.tasks import lifecycle
from noteassist.services.tasks.creation import create
from noteassist.services.tasks.failures import Fail, TryLater
from noteassist.services.tasks.runs import Outcome
from noteassist.worker.crew import Crew
from noteassist.worker.runner import KINDS, Runner
from tests.services.tasks import scene

AT_WORK = "at work for a test"


@pytest.fixture
def job(monkeypatch):
    """Let a function do the work of a kind."""
    return lambda run, **rules: monkeypatch.setitem(CATALOGUE, scene.KIND, JobSpec(run, **rules))


@pytest.fixture
def runner(app):
    """Give a runner without a heart."""
    return Runner(app, app.config["SETTINGS"])


def raising(error):
    """Make work that raises this."""

    def work(run):
        raise error

    return work


def effect_that_fails(run):
    """Do work whose effect cannot be written."""
    return Outcome(effect=lambda followers: 1 / 0)


@pytest.mark.parametrize("work", [raising(RuntimeError("x")), raising(KeyError("y")), effect_that_fails])
def test_an_unexpected_error_is_tried_again_and_told_to_nobody(app, alice, runner, job, work):
    job(work)
    task_id = scene.make(app, user_id=alice.user["id"])
    while runner.work():
        pass
    row = scene.state(app, task_id)
    assert (row.status, row.failures, row.message) == ("queued", 1, "Something went wrong on our side.")
    assert scene.made_for(app, task_id) == (0, 0, 0)


def test_the_owner_of_what_went_wrong_too_often_learns_no_secrets(app, alice, runner, job):
    job(raising(RuntimeError("password=hunter2")), failures=1)
    task_id = scene.make(app, user_id=alice.user["id"])
    while runner.work():
        pass
    task = alice.get(f"/api/tasks/{task_id}/")
    assert task.json["error"]["code"] == "internal_error"
    assert "hunter2" not in task.text + alice.get("/api/notifications/").text


def test_a_failure_is_final_and_gives_up_what_was_asked_for(app, runner, job):
    given_up = []
    job(raising(Fail("no", "Never.")), give_up=lambda task, reason: given_up.append((task.id, reason)))
    task_id = scene.make(app)
    assert (runner.work(), runner.work()) == (True, False)
    assert given_up == [(task_id, "Never.")]
    row = scene.state(app, task_id)
    assert (row.status, row.error_code, row.error_detail, row.failures) == ("failed", "no", "Never.", 0)


@pytest.mark.parametrize("counts, failures", [(True, 1), (False, 0)])
def test_what_is_to_be_tried_later_is(app, runner, job, counts, failures):
    job(raising(TryLater("later", "Later.", delay=60, waiting_for="drive", counts=counts)))
    task_id = scene.make(app)
    assert (runner.work(), runner.work()) == (True, False)
    row = scene.state(app, task_id)
    assert (row.status, row.failures, row.waiting_for) == ("queued", failures, "drive")


def test_the_effect_is_undone_with_the_end_that_is_refused(app, runner, job):
    def work(run):
        scene.expire_leases(app)
        with app.app_context():
            Crew(app, runner.settings).lookout.look()
        return Outcome(effect=lambda followers: pytest.fail("the effect of a lost task"))

    job(work)
    task_id = scene.make(app)
    assert runner.work()
    assert scene.state(app, task_id).status == "queued"


@pytest.fixture
def hanging(job):
    """Let work hang until the end of the test; gives the event that says it has begun."""
    begun, end = threading.Event(), threading.Event()

    def hang(run):
        begun.set()
        end.wait(20)
        return Outcome()

    job(hang, seconds=0.2)
    yield begun
    end.set()
    for thread in threading.enumerate():
        if thread.name == AT_WORK:
            thread.join(20)


def at_work(runner):
    """Let a runner work in a thread."""
    thread = threading.Thread(target=runner.work, name=AT_WORK, daemon=True)
    thread.start()
    return thread


def test_what_takes_too_long_is_given_up_while_it_hangs(app, runner, hanging):
    task_id = scene.make(app)
    thread = at_work(runner)
    assert hanging.wait(10)
    time.sleep(0.25)
    for _ in range(3):
        with app.app_context():
            runner.keep_leases()
    row = scene.state(app, task_id)
    assert (row.status, row.failures, row.message) == ("queued", 1, "This took too long.")
    assert thread.is_alive()


def test_a_heart_keeps_the_lease_of_what_runs(app, runner, hanging, job, monkeypatch):
    monkeypatch.setattr("noteassist.worker.runner.HEARTBEAT_SECONDS", 0.02)
    task_id = scene.make(app)
    at_work(runner)
    assert hanging.wait(10)
    runner.start_heart()
    before = scene.state(app, task_id).lease_until
    monkeypatch.setitem(CATALOGUE, scene.KIND, JobSpec(CATALOGUE[scene.KIND].run))
    scene.until(lambda: scene.state(app, task_id).lease_until > before)
    runner.drain(0)


def test_a_drain_hands_back_what_does_not_end_and_counts_no_failure(app, runner, hanging):
    task_id = scene.make(app)
    at_work(runner)
    assert hanging.wait(10)
    begin = time.monotonic()
    runner.drain(0.2)
    row = scene.state(app, task_id)
    assert (row.status, row.failures, row.attempt) == ("queued", 0, 1)
    assert time.monotonic() - begin < 2
    assert scene.claimed(app).attempt == 2


def test_a_drain_lets_short_work_end(app, runner, job):
    job(lambda run: time.sleep(0.3) or Outcome())
    task_id = scene.make(app)
    at_work(runner)
    scene.until(lambda: runner.runs)
    runner.drain(10)
    assert scene.state(app, task_id).status == "succeeded"
    assert runner.work() is False


def test_the_last_slot_is_kept_for_those_of_whom_nothing_runs(app, alice, bob, hanging):
    runner = Runner(app, app.config["SETTINGS"], slots=2)
    scene.rows(app, "DELETE FROM tasks RETURNING id")
    first, second = (scene.make(app, user_id=alice.user["id"]) for _ in range(2))
    at_work(runner)
    assert hanging.wait(10)
    assert runner.work() is False
    hanging.clear()
    one = scene.make(app, user_id=bob.user["id"])
    at_work(runner)
    assert hanging.wait(10)
    assert scene.states(app, [first, second, one]) == ["running", "queued", "running"]


def test_one_slot_alone_takes_everything(app, alice, job):
    job(lambda run: Outcome())
    runner = Runner(app, app.config["SETTINGS"], slots=1)
    tasks = [scene.make(app, user_id=alice.user["id"]) for _ in range(3)]
    while runner.work():
        pass
    assert scene.states(app, tasks) == ["succeeded"] * 3


def test_a_crew_does_everything_within_moments(app, alice, bob, crew):
    owners = [alice.user["id"], bob.user["id"], None]
    tasks = [scene.make(app, "expire_outputs", user_id=owner) for owner in owners * 10]
    seconds = time.monotonic()
    scene.until(lambda: set(scene.states(app, tasks)) == {"succeeded"})
    assert time.monotonic() - seconds < 5
    assert {scene.state(app, task).attempt for task in tasks} == {1}


def test_a_locked_task_keeps_no_other_from_its_lease(app, alice, bob):
    with app.app_context():
        with db.transaction():
            for person in (alice, bob):
                create("improve", {}, user_id=person.user["id"])
        locked, other = (lifecycle.claim("w", KINDS) for _ in range(2))
        held = [(task.id, task.attempt) for task in (locked, other)]
        if not db.is_postgresql():
            assert lifecycle.renew(held) == {locked.id, other.id}
            return
        with db.transaction():
            db.execute(Task.__table__.select().where(Task.id == locked.id).with_for_update())
            with ThreadPoolExecutor(1) as executor:
                assert executor.submit(_renew, app, held).result(5) == {locked.id, other.id}


def _renew(app, held):
    with app.app_context():
        return lifecycle.renew(held)
