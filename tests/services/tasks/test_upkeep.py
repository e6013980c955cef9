"""The lookout: periodic work once, what is old forgotten, and what nobody heard rung for."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from noteassist import db
from noteassist.bells import LocalBell
from noteassist.models import Task, TaskEvent
from noteassist.queues import PERIODIC
from noteassist.services.tasks import upkeep
from noteassist.worker.lookout import Lookout
from tests.services.tasks import scene

DAY = timedelta(days=1)


def number_of(app, *conditions):
    """Count the tasks for which these conditions hold."""
    return scene.rows(app, select(func.count()).select_from(Task).where(*conditions))[0][0]


def look(app, lookout):
    """Look once."""
    with app.app_context():
        lookout.look()


def test_periodic_work_is_made_once_by_many_lookouts_at_once(app, in_parallel):
    lookouts = [Lookout(app) for _ in range(12)]
    for _ in range(3):
        in_parallel([lambda one=one: look(app, one) for one in lookouts])
    for kind in PERIODIC:
        assert number_of(app, Task.kind == kind) == 1


def test_the_next_occasion_is_another_task(app):
    lookout = Lookout(app, {"empty_trash": 1})
    begin = time.monotonic()
    scene.until(lambda: look(app, lookout) or number_of(app, Task.kind == "empty_trash") == 2, 5)
    assert time.monotonic() - begin < 2.5


def test_an_occasion_is_not_made_up_for_after_it_was_done(app, do_tasks):
    look(app, Lookout(app, {"empty_trash": 10**6}))
    assert do_tasks() == 1
    look(app, Lookout(app, {"empty_trash": 10**6}))
    assert do_tasks() == 0


def test_a_lookout_rings_for_what_nobody_has_heard(app):
    for _ in range(3):
        scene.make(app)
    bell = app.extensions["noteassist_bell"]
    while bell.wait(0):
        pass
    look(app, Lookout(app, {}))
    look(app, Lookout(app, {}))
    assert [bell.wait(0) for _ in range(4)] == [True, True, True, False]
    assert isinstance(bell, LocalBell)


@pytest.fixture
def lonely(app, alice, bob):
    """Give a task of Bob's that is joined to one of Alice's, which has ended without it."""
    leader = scene.make(app, user_id=alice.user["id"], dedupe_key="same")
    follower = scene.make(app, user_id=bob.user["id"], joined_to=leader)
    scene.change(app, Task.id == leader, status="succeeded", finished_at=db.utcnow())
    return follower


def test_a_task_whose_leader_ended_without_it_works_for_itself(app, lonely):
    look(app, Lookout(app, {}))
    assert scene.claimed(app).id == lonely
    assert scene.state(app, lonely).joined_to is None


def test_a_follower_whose_leader_works_is_left_alone(app, alice, bob):
    leader = scene.make(app, user_id=alice.user["id"])
    follower = scene.make(app, user_id=bob.user["id"], joined_to=leader)
    look(app, Lookout(app, {}))
    assert scene.state(app, follower).joined_to == leader


def test_a_follower_outlives_the_account_of_its_leader(app, alice, bob):
    leader = scene.make(app, user_id=alice.user["id"])
    follower = scene.make(app, user_id=bob.user["id"], joined_to=leader)
    scene.rows(app, f"DELETE FROM users WHERE id = {alice.user['id']} RETURNING id")
    assert scene.claimed(app).id == follower


AGES = [(None, 1.9, True), (None, 2.1, False), ("alice", 34.9, True), ("alice", 35.1, False)]


@pytest.mark.parametrize("owner, days, stays", AGES)
def test_ended_tasks_are_forgotten_in_time(app, alice, owner, days, stays):
    task_id = scene.make(app, user_id=alice.user["id"] if owner else None)
    scene.change(app, Task.id == task_id, status="failed", finished_at=db.utcnow() - days * DAY)
    with app.app_context(), db.transaction():
        upkeep.forget_old_tasks()
    assert number_of(app, Task.id == task_id) == int(stays)


@pytest.mark.parametrize("days, stays", [(0.9, True), (1.1, False)])
def test_events_are_forgotten_a_day_after_the_end(app, alice, days, stays):
    task_id = scene.make(app, user_id=alice.user["id"])
    event = {"task_id": task_id, "attempt": 1, "kind": "token", "data": {"text": "a"}}
    with app.app_context(), db.transaction():
        db.execute(insert(TaskEvent).values(created_at=db.utcnow(), **event))
    scene.change(app, Task.id == task_id, status="succeeded", finished_at=db.utcnow() - days * DAY)
    with app.app_context(), db.transaction():
        upkeep.forget_old_tasks()
    assert scene.rows(app, "SELECT count(*) FROM task_events")[0][0] == int(stays)


@pytest.mark.parametrize("status", ["queued", "running"])
def test_what_is_under_way_is_never_forgotten(app, status):
    task_id = scene.make(app)
    long_ago = db.utcnow() - 400 * DAY
    scene.change(app, Task.id == task_id, status=status, created_at=long_ago, run_after=long_ago)
    with app.app_context(), db.transaction():
        upkeep.forget_old_tasks()
    assert number_of(app, Task.id == task_id) == 1


def test_a_lookout_that_fails_looks_again(app, monkeypatch, caplog):
    looked = []
    monkeypatch.setattr(Lookout, "look", lambda self: looked.append(1) or 1 / 0)
    monkeypatch.setattr("noteassist.worker.lookout.LOOK_SECONDS", 0.01)
    lookout = Lookout(app, {})
    lookout.start()
    scene.until(lambda: len(looked) > 3)
    lookout.stopping.set()
    assert "the lookout failed" in caplog.text
    scene.until(lambda: not [one for one in threading.enumerate() if one.name == "lookout"])


def test_due_tasks_are_counted_with_their_longest_wait(app, alice, do_tasks):
    do_tasks()
    leader = scene.make(app, user_id=alice.user["id"])
    scene.make(app, user_id=alice.user["id"], joined_to=leader)
    scene.make(app, delay=60)
    scene.change(app, Task.id == leader, run_after=db.utcnow() - timedelta(seconds=90))
    with app.app_context():
        assert upkeep.count_due() == 1
        assert 89 < upkeep.longest_wait() < 95
