"""Everybody's tasks: listed, done once more, and stopped."""

import uuid

import pytest
from sqlalchemy import text

from noteassist import db
from noteassist.models import Task
from noteassist.services.tasks import lifecycle
from noteassist.services.tasks.failures import LostLease
from tests.services.tasks import scene

from . import ai, expect

TASKS = "/api/admin/tasks/"


@pytest.fixture
def failed(app, alice):
    """A task of Alice's that has failed."""
    task_id = ai.ask(alice, "improve", content="teh text").json["task_id"]
    scene.change(
        app,
        Task.id == task_id,
        status="failed",
        error_code="gave_up",
        error_detail="Too often.",
        failures=12,
        attempt=12,
        finished_at=db.utcnow(),
    )
    return task_id


def found(client, query=""):
    return expect.ok(client.get(f"{TASKS}?{query}"))["results"]


def test_tasks_of_everybody_are_listed_and_filtered(root, alice, bob, failed):
    other = ai.ask(bob, "code", prompt="Add", programming_language="python").json["task_id"]
    listed = [task["task_id"] for task in found(root) if task["kind"] != "mail"]
    assert listed == [other, failed]
    assert {task["kind"] for task in found(root, "kind=mail")} == {"mail"}
    [task] = found(root, "status=failed")
    assert task["user"] == {"id": alice.user["id"], "email": "alice@example.com"}
    assert task["error"] == {"code": "gave_up", "detail": "Too often."}
    assert [task["task_id"] for task in found(root, f"user={bob.user['id']}")] == [other]
    assert "teh text" not in str(found(root))


@pytest.mark.parametrize("query", ["status=lost", "kind=dance", "user=x", "state=failed"])
def test_filters_that_do_not_exist_are_refused(root, query):
    expect.problem(root.get(f"{TASKS}?{query}"), 422)


def test_a_list_of_tasks_costs_two_statements_however_long(root, alice, failed, statements):
    statements.clear()
    found(root)
    assert len(statements) == 2


def test_a_failed_task_is_done_once_more_and_once_only(root, alice, failed, do_tasks, context):
    again = expect.ok(root.post(f"{TASKS}{failed}/retry/"))
    assert (again["status"], again["failures"], again["error"]) == ("queued", 0, None)
    expect.problem(root.post(f"{TASKS}{failed}/retry/"), 409, code="task_not_ended")
    do_tasks()
    task = expect.ok(alice.get(f"/api/tasks/{failed}/"))
    assert task["status"] == "succeeded" and task["attempt"] == 13
    uses = db.read_rows(text("SELECT 1 FROM ai_usage WHERE user_id = :id"), {"id": alice.user["id"]})
    assert len(uses) == 1
    expect.problem(root.post(f"{TASKS}{failed}/retry/"), 409)


def test_whoever_holds_an_old_attempt_is_refused(app, root, alice):
    task_id = ai.ask(alice, "improve", content="teh text").json["task_id"]
    old = scene.claimed(app)
    expect.ok(root.post(f"{TASKS}{task_id}/cancel/"))
    expect.ok(root.post(f"{TASKS}{task_id}/retry/"))
    with app.app_context(), pytest.raises(LostLease), db.transaction():
        lifecycle.end(old, "succeeded")


def test_the_owner_is_told_how_it_ends_now(root, alice, failed, do_tasks):
    expect.ok(root.post(f"{TASKS}{failed}/retry/"))
    expect.ok(root.post(f"{TASKS}{failed}/cancel/"))
    assert "cancelled" in alice.get("/api/notifications/").json["results"][0]["title"]
    expect.ok(root.post(f"{TASKS}{failed}/retry/"))
    do_tasks()
    titles = [told["title"] for told in alice.get("/api/notifications/").json["results"]]
    assert titles == ["Your improved text is ready"]


def test_a_task_whose_work_is_under_way_in_another_is_not_doubled(app, root, alice, failed):
    other = scene.make(app, "improve", user_id=alice.user["id"], dedupe_key="the same")
    scene.change(app, Task.id == failed, dedupe_key="the same")
    expect.problem(root.post(f"{TASKS}{failed}/retry/"), 409, code="task_under_way")
    assert found(root, "status=failed")[0]["task_id"] == failed
    expect.ok(root.post(f"{TASKS}{other}/cancel/"))
    expect.ok(root.post(f"{TASKS}{failed}/retry/"))


def test_of_two_who_retry_at_once_one_does(root, failed, in_parallel):
    answers = in_parallel([lambda: root.post(f"{TASKS}{failed}/retry/")] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


def test_a_task_that_was_joined_to_another_does_its_own_work(app, root, alice, failed, do_tasks):
    leader = scene.make(app, "code", user_id=alice.user["id"])
    scene.change(app, Task.id == failed, joined_to=leader, is_cached=True)
    again = expect.ok(root.post(f"{TASKS}{failed}/retry/"))
    assert again["joined_to"] is None
    do_tasks()
    assert expect.ok(alice.get(f"/api/tasks/{failed}/"))["status"] == "succeeded"


def test_a_queued_task_is_cancelled_and_its_owner_told(root, alice):
    task_id = ai.ask(alice, "improve", content="teh text").json["task_id"]
    assert expect.ok(root.post(f"{TASKS}{task_id}/cancel/"))["status"] == "cancelled"
    assert expect.ok(alice.get(f"/api/tasks/{task_id}/"))["status"] == "cancelled"
    expect.problem(root.post(f"{TASKS}{task_id}/cancel/"), 409, code="task_ended")


def test_a_task_of_nobody_is_cancelled_and_done_again(app, root, alice):
    [mail] = found(root, "kind=mail&page_size=1")
    place = f"{TASKS}{mail['task_id']}/"
    assert expect.ok(root.post(place + "cancel/"))["user"] is None
    assert expect.ok(root.post(place + "retry/"))["status"] == "queued"


def test_the_erasure_of_an_account_is_not_stopped(root, alice):
    alice.delete("/api/auth/me/", json={"password": alice.password})
    [erasure] = found(root, "kind=account_erasure")
    expect.problem(root.post(f"{TASKS}{erasure['task_id']}/cancel/"), 409, code="task_unstoppable")


def test_a_task_that_never_was_is_not_found(root):
    for deed in ("retry", "cancel"):
        expect.problem(root.post(f"{TASKS}{uuid.uuid4()}/{deed}/"), 404)


def test_replaying_and_cancelling_stand_in_the_audit_log(root, alice, failed):
    expect.ok(root.post(f"{TASKS}{failed}/retry/"))
    expect.ok(root.post(f"{TASKS}{failed}/cancel/"))
    entries = expect.ok(root.get(f"/api/admin/audit-log/?target_kind=task&target_id={failed}"))["results"]
    assert [entry["action"] for entry in entries] == ["task.cancel", "task.retry"]
    assert entries[1]["details"]["before"] == {"status": "failed"}
    assert entries[1]["details"]["after"] == {"status": "queued"}


def test_a_retry_with_the_same_key_is_done_once(root, failed):
    headers = {"Idempotency-Key": "again"}
    first = root.post(f"{TASKS}{failed}/retry/", headers=headers)
    second = root.post(f"{TASKS}{failed}/retry/", headers=headers)
    assert first.status_code == second.status_code == 200
    assert second.headers["Idempotent-Replayed"] == "true"
