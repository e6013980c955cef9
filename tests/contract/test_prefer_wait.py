"""Prefer: wait=N — the output itself where it comes in time, and a task where it does not."""

import time

import pytest
from sqlalchemy import update

from noteassist import db
from noteassist.models import Task
from noteassist.worker.crew import Crew
from tests.people import register
from tests.stand_ins.groq import FinishReason, GroqStandIn, Status

from . import ai, expect


def timed(act):
    """An answer and the seconds it took."""
    begin = time.monotonic()
    answer = act()
    return answer, time.monotonic() - begin


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_who_waits_gets_the_output_itself(alice, crew, tool):
    answer = ai.ask(alice, tool, headers=ai.wait(20))
    output = ai.has_fields(expect.ok(answer, 201), ai.OUTPUT)
    assert (output["tool"], output["cached"]) == (tool, False)
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert expect.location(answer) == f"{ai.BASE}{output['id']}/"
    again = alice.get(expect.location(answer))
    assert (again.json, again.headers["ETag"]) == (output, expect.strong(answer.headers["ETag"]))


def test_what_was_waited_for_is_a_task_too(alice, crew):
    output = expect.ok(ai.ask(alice, headers=ai.wait(20)), 201)
    (task,) = expect.walk(alice, "/api/tasks/")
    assert (task["status"], task["result"]) == ("succeeded", output)
    assert ai.used(alice, "summarize") == 1


@pytest.mark.parametrize("seconds", [31, 60, 3600])
def test_nobody_is_kept_waiting_longer_than_30_seconds(alice, crew, seconds):
    answer = ai.ask(alice, headers=ai.wait(seconds))
    expect.ok(answer, 201)
    assert answer.headers["Preference-Applied"] == "wait=30"


@pytest.mark.parametrize(
    "prefer", ["Wait=20", 'wait="20"', "respond-async, wait=20", "return=minimal; x=y, wait=20", "wait=20, x"]
)
def test_the_preference_is_found_among_others(alice, crew, prefer):
    answer = ai.ask(alice, headers={"Prefer": prefer})
    expect.ok(answer, 201)
    assert answer.headers["Preference-Applied"] == "wait=20"


def test_the_preference_may_stand_in_a_header_of_its_own(alice, crew):
    expect.ok(ai.ask(alice, headers=[("Prefer", "return=representation"), ("Prefer", "wait=20")]), 201)


@pytest.mark.parametrize(
    "prefer",
    ["wait=abc", "wait=-1", "wait=", "wait", "wait=1.5", "respond-async", "x" * 4000, "wait=٣", ",;="],
)
def test_nonsense_is_ignored(alice, crew, prefer):
    answer, seconds = timed(lambda: ai.ask(alice, headers={"Prefer": prefer}))
    ai.accepted(answer)
    assert "Preference-Applied" not in answer.headers and seconds < 5


def test_who_waits_no_time_at_all_gets_the_task(alice):
    answer, seconds = timed(lambda: ai.ask(alice, headers=ai.wait(0)))
    assert ai.accepted(answer)["status"] == "queued" and seconds < 1


def test_what_takes_longer_is_a_task_that_goes_on(alice, do_tasks):
    answer, seconds = timed(lambda: ai.ask(alice, headers=ai.wait(1)))
    assert ai.accepted(answer)["status"] == "queued" and 0.9 <= seconds < 4
    do_tasks()
    assert ai.task(alice, answer)["status"] == "succeeded"


def test_what_is_known_already_is_answered_at_once(alice, do_tasks):
    first = ai.output(alice, do_tasks)
    answer, seconds = timed(lambda: ai.ask(alice, headers=ai.wait(20)))
    output = expect.ok(answer, 201)
    assert (output["cached"], output["tokens_used"], output["content"]) == (True, 0, first["content"])
    assert answer.headers["Preference-Applied"] == "wait=20" and seconds < 5
    assert output["id"] != first["id"]


def keyed(client, **headers):
    """Ask with a key."""
    return ai.ask(client, headers={"Idempotency-Key": "once", **headers})


def test_a_replay_of_what_was_waited_for_is_the_output(alice, crew):
    first, second = keyed(alice, **ai.wait(20)), keyed(alice, **ai.wait(20))
    expect.ok(first, 201)
    assert (second.status_code, second.get_data()) == (201, first.get_data())
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(expect.walk(alice, "/api/tasks/")) == len(expect.walk(alice, ai.HISTORY)) == 1


def test_a_replay_of_a_task_is_the_task(alice, do_tasks):
    first = keyed(alice, **ai.wait(1))
    ai.accepted(first)
    do_tasks()
    second = keyed(alice, **ai.wait(1))
    assert (second.status_code, second.get_data()) == (202, first.get_data())
    assert second.headers["Idempotent-Replayed"] == "true" and ai.used(alice) == 1


def test_parallel_requests_with_one_key_wait_for_one_output(alice, crew, in_parallel):
    answers = in_parallel([lambda: keyed(alice, **ai.wait(20))] * 8)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.get_data() for answer in answers if answer.status_code == 201}) == 1
    assert len(expect.walk(alice, ai.HISTORY)) == 1


def test_many_wait_at_once(alice, bob, crew, in_parallel):
    people = [alice, bob] * 10
    answers = in_parallel(
        [lambda c=c, n=n: ai.ask(c, headers=ai.wait(30), content=f"Text {n}.") for n, c in enumerate(people)]
    )
    outputs = [expect.ok(answer, 201) for answer in answers]
    assert all(f"Text {number}." in output["content"] for number, output in enumerate(outputs))
    assert len({output["id"] for output in outputs}) == 20


def test_a_waiting_request_holds_nobody_up(alice, bob, in_parallel):
    def look():
        time.sleep(0.3)
        return timed(lambda: bob.post("/api/notes/", json={"title": "Meanwhile"}))

    _, (answer, seconds) = in_parallel([lambda: ai.ask(alice, headers=ai.wait(2)), look])
    assert (answer.status_code, seconds < 1) == (201, True)


def test_a_task_that_is_cancelled_is_not_waited_for(alice, in_parallel):
    def cancel():
        time.sleep(0.5)
        (task,) = expect.walk(alice, "/api/tasks/")
        return alice.delete(f"/api/tasks/{task['task_id']}/")

    (answer, seconds), cancelled = in_parallel(
        [lambda: timed(lambda: ai.ask(alice, headers=ai.wait(20))), cancel]
    )
    assert cancelled.status_code == 204 and seconds < 10
    assert answer.status_code != 201 and answer.json["task_id"]


@pytest.fixture
def groq():
    """A provider that does wrong what it is told to."""
    with GroqStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def dora(groq, tmp_path):
    """Dora, whose requests go to that provider."""
    with ai.application(tmp_path / "instance", **ai.with_groq(groq)) as app:
        crew = Crew(app, app.config["SETTINGS"])
        crew.start()
        yield register(app, email="dora@example.com")
        crew.drain(5)


@pytest.mark.parametrize(
    "fault", [Status(400), Status(401), Status(404), FinishReason("content_filter")], ids=repr
)
def test_what_fails_while_it_is_waited_for_says_so(dora, groq, fault):
    groq.always(fault)
    body = expect.problem(ai.ask(dora, headers=ai.wait(15)), 502, 503, 504)
    task = expect.ok(dora.get(f"/api/tasks/{body['task_id']}/"))
    assert (task["status"], task["error"]["code"]) == ("failed", body["code"])
    assert ai.used(dora) == 0 and expect.walk(dora, ai.HISTORY) == []


def test_a_failure_is_not_replayed(dora, groq):
    groq.always(Status(400))
    expect.problem(keyed(dora, **ai.wait(15)), 502, 503, 504)
    groq.always(None)
    answer = keyed(dora, **ai.wait(15))
    assert expect.ok(answer, 201)["content"]
    assert answer.headers.get("Idempotent-Replayed") != "true"


def test_a_provider_that_stays_away_leaves_a_task_that_goes_on(dora, groq):
    groq.always(Status(500))
    answer = ai.ask(dora, headers=ai.wait(1))
    ai.accepted(answer)
    task = ai.task(dora, answer)
    assert (task["status"], task["waiting_for"], task["result"]) == ("queued", "provider", None)
    assert expect.moment(task["next_try_at"]) and task["attempt"] >= 1


def test_a_provider_that_fails_once_is_asked_again(dora, groq):
    groq.next(Status(500))
    output = expect.ok(ai.ask(dora, headers=ai.wait(20)), 201)
    assert output["provider"] == "groq" and output["tokens_used"] > 0


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("disk_full", 503),
        ("server_busy", 503),
        ("export_interrupted", 503),
        ("storage_full", 409),
        ("note_gone", 409),
        ("file_too_large", 413),
        ("export_failed", 500),
        ("drive_unsteady", 502),
    ],
)
def test_an_export_that_fails_says_whose_fault_it_is(alice, app, note, in_parallel, code, status):
    def fail():
        time.sleep(0.4)
        ended = {"status": "failed", "error_code": code, "error_detail": "Why.", "finished_at": db.utcnow()}
        with app.app_context(), db.transaction():
            db.execute(update(Task).where(Task.kind == "export").values(**ended))

    def wait():
        return alice.post("/api/notes/export/", json={"format": "json"}, headers=ai.wait(1))

    answer, _ = in_parallel([wait, fail])
    problem = expect.problem(answer, status, code=code)
    (task,) = expect.walk(alice, "/api/tasks/")
    assert (problem["detail"], problem["task_id"]) == ("Why.", task["task_id"])


def test_an_export_of_a_note_that_went_away_is_a_conflict(alice, note, path, do_tasks, in_parallel):
    def wait():
        body = {"format": "json", "ids": [note["id"]]}
        return alice.post("/api/notes/export/", json=body, headers=ai.wait(20))

    def go_away():
        time.sleep(0.5)
        alice.delete(path)
        do_tasks()

    answer, _ = in_parallel([wait, go_away])
    expect.problem(answer, 409, code="note_gone")
