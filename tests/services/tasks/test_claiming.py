"""Whose turn it is: tasks are taken in a fair order, each by one worker, and only those that are known."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from noteassist import db
from noteassist.models import Task
from noteassist.queues import CATALOGUE
from noteassist.worker.runner import KINDS, Runner
from tests.services.tasks import scene


@pytest.fixture
def make(app):
    """Make a task of somebody, or of nobody; the mails of the registrations are out of the way."""

    def make(owner=None, **options):
        scene.rows(app, "DELETE FROM tasks WHERE kind = 'mail' RETURNING id")
        return scene.make(app, user_id=owner and owner.user["id"], **options)

    return make


@pytest.fixture
def take(app):
    """Take so many tasks and keep them; gives their ids."""
    return lambda number=1, **options: [scene.claim(app, **options).id for _ in range(number)]


@pytest.fixture
def do(app):
    """Take so many tasks, each of them done before the next; gives their ids."""

    def do(number):
        taken = []
        for _ in range(number):
            taken.append(scene.claimed(app).id)
            scene.change(app, Task.id == taken[-1], status="succeeded", finished_at=db.utcnow())
        return taken

    return do


def test_tasks_of_one_user_are_taken_in_their_order(alice, make, do):
    tasks = [make(alice) for _ in range(6)]
    assert do(6) == tasks


def test_one_task_does_not_wait_for_fifty_of_somebody_else(alice, bob, make, do):
    for _ in range(50):
        make(alice)
    one = make(bob)
    assert one in do(2)


def test_who_comes_late_is_next_while_the_others_run(alice, bob, make, take):
    for _ in range(50):
        make(alice)
    take(8)
    one = make(bob)
    assert one in take(2)


def test_users_take_turns(alice, bob, carol, make, do):
    owners = {make(owner): owner for owner in (alice, bob, carol) for _ in range(20)}
    order = [owners[task] for task in do(60)]
    for number in range(0, 60, 3):
        assert set(order[number : number + 3]) == {alice, bob, carol}


def test_who_was_away_has_saved_up_no_turns(alice, bob, make, do):
    for _ in range(30):
        make(alice)
    do(20)
    bobs = [make(bob) for _ in range(10)]
    assert 4 <= sum(task in bobs for task in do(10)) <= 6


def test_a_task_of_nobody_that_waits_brings_no_turns_back_that_have_passed(alice, bob, make, do):
    for _ in range(30):
        make(alice)
    do(20)
    make(delay=3600)
    bobs = [make(bob) for _ in range(10)]
    assert 4 <= sum(task in bobs for task in do(10)) <= 6


def test_tasks_of_nobody_go_first(alice, make, do):
    make(alice)
    house = make()
    assert do(1) == [house]


def test_what_is_not_due_is_not_taken(app, make):
    make(delay=60)
    assert scene.claim(app) is None
    scene.make_due(app)
    assert scene.claim(app) is not None


@pytest.mark.parametrize("status", ["running", "succeeded", "failed", "cancelled"])
def test_only_what_is_queued_is_taken(app, make, status):
    scene.change(app, Task.id == make(), status=status)
    assert scene.claim(app) is None


def test_what_is_joined_to_another_is_not_taken(app, alice, make):
    leader = make(alice)
    make(alice, joined_to=leader)
    assert scene.claimed(app).id == leader
    assert scene.claim(app) is None


def test_a_claim_gives_a_lease_and_a_new_attempt(app, alice, make):
    task_id = make(alice)
    task = scene.claimed(app)
    row = scene.state(app, task_id)
    assert (task.attempt, row.attempt, row.status) == (1, 1, "running")
    assert timedelta(0) < row.lease_until - row.started_at < timedelta(seconds=7)


def test_many_threads_take_each_task_once(app, alice, bob, make):
    tasks = [make(owner) for owner in (alice, bob, None) for _ in range(20)]
    with ThreadPoolExecutor(12) as executor:
        taken = list(executor.map(lambda _: scene.claim(app), range(len(tasks) + 12)))
    assert sorted(task.id for task in taken if task) == sorted(tasks)


def test_a_locked_task_holds_nobody_up(app, alice, bob, make):
    if "sqlite" in app.config["SETTINGS"].database_url:
        pytest.skip("SQLite has one writer at a time")
    first, second = make(alice), make(bob)
    with app.app_context(), db.transaction():
        db.execute(Task.__table__.select().where(Task.id == first).with_for_update())
        with ThreadPoolExecutor(1) as executor:
            assert executor.submit(scene.claim, app).result(5).id == second


def test_the_last_slot_is_for_users_of_whom_nothing_runs(app, alice, bob, make, take):
    first, _ = make(alice), make(alice)
    assert take() == [first]
    assert scene.claim(app, only_idle_users=True) is None
    one = make(bob)
    assert take(only_idle_users=True) == [one]
    house = make()
    assert take(only_idle_users=True) == [house]


@pytest.mark.parametrize("kind", ["os.system", "drive_uploads", "improve2", "", "x'); DROP TABLE tasks; --"])
def test_an_unknown_kind_is_left_alone(app, do_tasks, kind):
    unknown, known = scene.make(app, kind), scene.make(app, "expire_outputs")
    do_tasks()
    assert scene.states(app, [unknown, known]) == ["queued", "succeeded"]
    assert scene.state(app, unknown).attempt == 0


def test_only_what_the_catalogue_lists_runs(app):
    assert set(KINDS) == set(CATALOGUE)
    assert all(spec.run.__module__.startswith("noteassist.jobs.") for spec in CATALOGUE.values())
    assert Runner(app, app.config["SETTINGS"]).work() is False


def test_work_of_nobody_leaves_a_slot_to_users(app, alice, make, take):
    for _ in range(3):
        make()
    one = make(alice)
    taken = take()
    assert taken != [one]
    assert take(only_idle_users=True) == [one]
