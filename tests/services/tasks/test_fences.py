"""Leases and attempts: who has lost a task can do nothing to it any more."""

import pytest

from noteassist import db
from noteassist.models import Task
from noteassist.queues import CATALOGUE
from noteassist.services.tasks import ending, events, lifecycle, runs, upkeep
from noteassist.services.tasks.failures import LostLease
from noteassist.worker.lookout import Lookout
from noteassist.worker.runner import Runner
from tests.services.tasks import scene

WRITES = {
    "text": lambda task: events.record_text(task, "late"),
    "progress": lambda task: events.record_progress(task, 99, "late"),
    "again": lambda task: lifecycle.try_again(task, delay=0, message="late", failed=True),
    "failure": lambda task: db.in_transaction(lambda: ending.fail(task, "late", "late")),
    "end": lambda task: db.in_transaction(lambda: ending.begin_end(task, "succeeded", result={"late": 1})),
}


@pytest.fixture
def held(app, alice):
    """Give a task of Alice's that a worker holds."""
    scene.make(app, user_id=alice.user["id"])
    return scene.claimed(app)


@pytest.fixture
def look(app):
    """Look after what was forgotten, as one who has not looked before."""

    def look():
        with app.app_context():
            Lookout(app, {}).look()

    return look


def retaken(app, task, look):
    """Let a lease run out and another worker take the task."""
    scene.expire_leases(app)
    look()
    return scene.claimed(app)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_old_attempt_can_write_nothing(app, held, look, write):
    new = retaken(app, held, look)
    before = scene.state(app, held.id)
    with app.app_context(), pytest.raises(LostLease):
        write(held)
    assert scene.state(app, held.id) == before
    assert scene.rows(app, "SELECT count(*) FROM task_events")[0][0] == 0
    with app.app_context():
        WRITES["end"](new)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("status", ["queued", "succeeded", "failed", "cancelled"])
def test_nothing_is_written_to_a_task_that_does_not_run(app, held, write, status):
    scene.change(app, Task.id == held.id, status=status)
    before = scene.state(app, held.id)
    with app.app_context(), pytest.raises(LostLease):
        write(held)
    assert scene.state(app, held.id) == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_nothing_is_written_to_a_task_whose_account_is_gone(app, held, write):
    scene.rows(app, "DELETE FROM users RETURNING id")
    with app.app_context(), pytest.raises(LostLease):
        write(held)


def test_a_failed_task_of_a_lost_attempt_tells_nobody(app, held, look):
    retaken(app, held, look)
    with app.app_context(), pytest.raises(LostLease):
        db.in_transaction(lambda: ending.fail(held, "late", "late"))
    assert scene.made_for(app, held.id) == (0, 0, 0)


def test_a_lease_is_renewed_for_those_who_hold_it(app, held):
    scene.change(app, Task.id == held.id, lease_until=db.utcnow())
    with app.app_context():
        assert lifecycle.renew([(held.id, held.attempt), (held.id, 7)]) == {held.id}
        assert not upkeep.has_lost_leases()
        assert lifecycle.renew([(held.id, held.attempt + 1)]) == set()
        assert lifecycle.renew([]) == set()


def test_an_expired_lease_is_taken_back_once_with_a_failure(app, held, look):
    scene.expire_leases(app)
    for _ in range(3):
        look()
    row = scene.state(app, held.id)
    assert (row.status, row.failures, row.lease_until, row.worker) == ("queued", 1, None, None)
    assert (scene.claimed(app).attempt, scene.claim(app)) == (2, None)


def test_a_lease_that_is_not_over_is_left_alone(app, held, look):
    look()
    assert scene.state(app, held.id).status == "running"


def test_a_task_whose_workers_vanish_again_and_again_is_given_up(app, alice, look, do_tasks):
    task_id = scene.make(app, user_id=alice.user["id"])
    limit = CATALOGUE[scene.KIND].failures
    for _ in range(limit):
        scene.claimed(app)
        scene.expire_leases(app)
        look()
    do_tasks()
    error = alice.get(f"/api/tasks/{task_id}/").json["error"]
    assert error == {"code": "gave_up", "detail": "This was tried too often without success."}
    assert scene.state(app, task_id).attempt == limit + 1
    assert scene.made_for(app, task_id) == (0, 0, 1)


def test_the_worker_is_told_that_its_lease_is_gone(app, held, look):
    runner = Runner(app, app.config["SETTINGS"])
    run = believed_run(runner, held)
    with app.app_context():
        runner.keep_leases()
    assert not run.lost.is_set()
    retaken(app, held, look)
    with app.app_context():
        runner.keep_leases()
    with pytest.raises(LostLease):
        run.require_lease()


def believed_run(runner, task):
    """Let a runner believe that it works on a task."""
    run = runner.runs[task.id, task.attempt] = runs.TaskRun(task, runner.settings)
    return run
