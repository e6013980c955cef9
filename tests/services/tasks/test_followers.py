"""Tasks that are joined to another: they end as it does, and outlive its cancellation."""

import threading

import pytest

from noteassist import db
from noteassist.models import Task
from noteassist.queues import CATALOGUE, JobSpec
from noteassist.services.ai.answering import give_answer
from noteassist.services.tasks import ending
from noteassist.services.tasks.failures import Fail, TryLater
from noteassist.worker.runner import Runner
from tests.contract import ai, expect
from tests.services.tasks import scene


@pytest.fixture
def three(app, alice, bob, carol):
    """Give the same question of three people: who asked, with the task's id."""
    clients = (alice, bob, carol)
    return [(client, ai.accepted(ai.ask(client, "improve"))["task_id"]) for client in clients]


def shown(asked):
    """Give the tasks as their owners see them."""
    return [expect.ok(client.get(f"/api/tasks/{task_id}/")) for client, task_id in asked]


def test_the_same_question_is_one_task_with_followers(app, three):
    leader, *followers = (scene.state(app, task_id) for _, task_id in three)
    assert leader.joined_to is None and leader.dedupe_key
    assert [row.joined_to for row in followers] == [leader.id] * 2
    assert [row.dedupe_key for row in followers] == [None] * 2


def test_followers_succeed_with_the_leader(app, three, do_tasks):
    do_tasks()
    tasks = shown(three)
    assert [task["status"] for task in tasks] == ["succeeded"] * 3
    assert len({task["result"]["content"] for task in tasks}) == 1
    assert [task["result"]["cached"] for task in tasks] == [False, True, True]
    assert [scene.made_for(app, task_id) for _, task_id in three] == [(1, 1, 1)] * 3
    assert len(scene.rows(app, "SELECT id FROM ai_calls")) == 1


def test_followers_fail_with_the_leader_and_are_told_why(app, three, do_tasks, monkeypatch):
    def refuse(run):
        raise Fail("ai_refused", "Not this.")

    monkeypatch.setitem(CATALOGUE, "improve", JobSpec(refuse))
    do_tasks()
    assert [task["error"] for task in shown(three)] == [{"code": "ai_refused", "detail": "Not this."}] * 3
    for client, task_id in three:
        (told,) = client.get("/api/notifications/").json["results"]
        assert (told["action_id"], told["message"]) == (task_id, "Not this.")


def test_followers_are_as_far_as_the_leader(app, three, do_tasks, monkeypatch):
    def wait(run):
        run.progress(40, "Reading.")
        raise TryLater("ai_provider_away", "Away.", waiting_for="provider")

    monkeypatch.setitem(CATALOGUE, "improve", JobSpec(wait))
    do_tasks()
    tasks = shown(three)
    for name in ("status", "progress", "message", "attempt", "waiting_for", "next_try_at"):
        assert len({task[name] for task in tasks}) == 1
    assert (tasks[1]["status"], tasks[1]["waiting_for"]) == ("queued", "provider")


def cancel(asked):
    """Cancel a task."""
    client, task_id = asked
    assert client.delete(f"/api/tasks/{task_id}/").status_code == 204


def test_the_oldest_follower_goes_on_for_a_cancelled_leader(app, three, do_tasks):
    cancel(three[0])
    first, second = (scene.state(app, task_id) for _, task_id in three[1:])
    assert (first.joined_to, second.joined_to) == (None, first.id)
    assert first.dedupe_key and second.dedupe_key is None
    do_tasks()
    assert [task["status"] for task in shown(three)] == ["cancelled", "succeeded", "succeeded"]
    assert [scene.made_for(app, task_id)[:2] for _, task_id in three] == [(0, 0), (1, 1), (1, 1)]


def test_who_joins_after_the_cancellation_joins_the_one_that_goes_on(app, alice, three, do_tasks):
    cancel(three[0])
    again = ai.accepted(ai.ask(alice, "improve"))["task_id"]
    assert scene.state(app, again).joined_to == three[1][1]
    do_tasks()
    assert scene.state(app, again).status == "succeeded"


def test_a_cancelled_follower_leaves_the_others_alone(app, three, do_tasks):
    cancel(three[1])
    do_tasks()
    assert [task["status"] for task in shown(three)] == ["succeeded", "cancelled", "succeeded"]
    assert scene.made_for(app, three[1][1])[:2] == (0, 0)


def test_all_may_cancel_one_after_the_other(app, three, do_tasks):
    for asked in three:
        cancel(asked)
    do_tasks()
    assert [task["status"] for task in shown(three)] == ["cancelled"] * 3
    assert scene.rows(app, "SELECT id FROM ai_calls") == []


def test_the_one_that_goes_on_counts_as_its_owners_call(alice, app):
    first = alice, ai.accepted(ai.ask(alice, "improve"))["task_id"]
    second = ai.accepted(ai.ask(alice, "improve"))["task_id"]
    assert ai.used(alice) == 1
    cancel(first)
    assert scene.state(app, second).joined_to is None
    assert ai.used(alice) == 1


@pytest.fixture
def gate(app, monkeypatch):
    """Let the work wait in the middle of its answer until the gate is opened; gives the gate."""
    gate, begun = threading.Event(), threading.Event()

    def wait(run):
        outcome = give_answer(run)
        begun.set()
        assert gate.wait(20)
        return outcome

    monkeypatch.setitem(CATALOGUE, "improve", JobSpec(wait))
    runner = Runner(app, app.config["SETTINGS"])
    thread = threading.Thread(target=runner.work)

    def start():
        thread.start()
        assert begun.wait(20)
        return gate, thread

    yield start
    gate.set()
    thread.join(20)


def test_what_is_finished_after_the_cancellation_is_not_kept(app, alice, do_tasks, gate):
    do_tasks()
    task_id = ai.accepted(ai.ask(alice, "improve"))["task_id"]
    gate, thread = gate()
    cancel((alice, task_id))
    gate.set()
    thread.join(20)
    assert scene.state(app, task_id).status == "cancelled"
    assert scene.made_for(app, task_id)[:2] == (0, 0)
    assert ai.used(alice) == 0


def test_a_running_leader_is_cancelled_for_itself_alone(app, do_tasks, three, gate):
    scene.rows(app, "DELETE FROM tasks WHERE kind = 'mail' RETURNING id")
    gate, thread = gate()
    cancel(three[0])
    gate.set()
    do_tasks()
    thread.join(20)
    assert [task["status"] for task in shown(three)] == ["cancelled", "succeeded", "succeeded"]
    assert [scene.made_for(app, task_id)[:2] for _, task_id in three] == [(0, 0), (1, 1), (1, 1)]


def test_who_joins_a_running_task_gets_its_answer(app, do_tasks, alice, bob, gate):
    do_tasks()
    first = ai.accepted(ai.ask(alice, "improve"))["task_id"]
    gate, thread = gate()
    second = ai.accepted(ai.ask(bob, "improve"))["task_id"]
    gate.set()
    thread.join(20)
    assert scene.states(app, [first, second]) == ["succeeded"] * 2
    assert scene.made_for(app, second) == (1, 1, 1)


def test_one_task_under_way_has_a_key(app, alice):
    first = scene.make(app, dedupe_key="k")
    assert scene.try_to_make(app, dedupe_key="k") is None
    scene.change(app, Task.id == first, status="running")
    assert scene.try_to_make(app, dedupe_key="k") is None


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_the_key_of_an_ended_task_is_free(app, status):
    first = scene.make(app, dedupe_key="k")
    scene.change(app, Task.id == first, status=status)
    assert scene.try_to_make(app, dedupe_key="k") is not None


def test_of_many_at_once_one_is_made_with_a_key(app, in_parallel):
    made = in_parallel([lambda: scene.try_to_make(app, dedupe_key="k")] * 12)
    assert sum(task_id is not None for task_id in made) == 1


def test_the_end_and_the_cancellation_at_once_have_one_winner(app, alice, in_parallel):
    for _ in range(6):
        scene.rows(app, "DELETE FROM tasks RETURNING id")
        task_id = scene.make(app, user_id=alice.user["id"])
        task = scene.claimed(app)

        def end(task=task):
            with app.app_context(), db.transaction():
                ending.begin_end(task, "succeeded")

        answers = in_parallel(
            [lambda i=task_id: alice.delete(f"/api/tasks/{i}/").status_code, lambda: swallowed(end)]
        )
        winner = {204: "cancelled", 409: "succeeded"}[answers[0]]
        assert (scene.state(app, task_id).status, answers[1]) == (winner, winner == "succeeded")


def swallowed(action):
    """Do something; says whether it worked."""
    try:
        action()
    except Exception:
        return False
    return True
