"""The gate before a provider: closed for all tasks together, and opened again by time alone."""

import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from noteassist.models import AiGate
from noteassist.services.ai import gates
from noteassist.services.ai.providers import Link
from noteassist.services.ai.providers.registry import USUAL_MODELS
from noteassist.worker.crew import Crew
from tests.contract import ai, expect
from tests.services.tasks import scene
from tests.stand_ins.groq import FinishReason, Hang, Status

LINK = Link("groq", USUAL_MODELS["groq"])


@pytest.fixture
def ask(alice):
    """Ask Alice's next question, or that of somebody else; gives the task's id."""
    asked = []

    def ask(client=alice):
        asked.append(client)
        return ai.accepted(ai.ask(client, "improve", content=f"Text {len(asked)}"))["task_id"]

    return ask


@pytest.fixture
def again(app, do_tasks):
    """Try every task that is queued once more."""

    def again():
        scene.make_due(app)
        return do_tasks()

    return again


def closed_for(app):
    """Give the seconds until Groq's gate opens."""
    (until,) = scene.rows(app, select(AiGate.closed_until))[0]
    return (until - datetime.now(UTC)).total_seconds()


def test_nobody_asks_before_the_pause_after_429_is_over(app, bob, ask, again, groq):
    groq.next(Status(429, retry_after=300))
    tasks = [ask(), ask(bob), ask(bob)]
    for _ in range(3):
        again()
    assert (groq.count, 299 <= closed_for(app) + 1 <= 301) == (1, True)
    assert scene.states(app, tasks) == ["queued"] * 3
    scene.open_gates(app)
    again()
    assert (groq.count, scene.states(app, tasks)) == (4, ["succeeded"] * 3)


def test_a_pause_is_no_failure_of_the_task(app, alice, ask, again, groq):
    groq.next(Status(429, retry_after=300))
    task_id = ask()
    for _ in range(3):
        again()
    task = expect.ok(alice.get(f"/api/tasks/{task_id}/"))
    assert (task["waiting_for"], scene.state(app, task_id).failures) == ("provider", 0)
    wait = (scene.state(app, task_id).run_after - datetime.now(UTC)).total_seconds()
    assert 298 < wait < 302


def test_a_pause_is_kept_by_threads_at_work(app, ask, groq, crew):
    groq.next(Status(429, retry_after=1.2))
    first = ask()
    scene.until(lambda: scene.state(app, first).waiting_for)
    tasks = [first, *(ask() for _ in range(7))]
    scene.until(lambda: scene.states(app, tasks) == ["succeeded"] * 8)
    refused, *after = [call.time for call in groq.calls]
    assert min(after) - refused >= 1.2


@pytest.mark.parametrize("pause", [None, "soon", "-5", "0", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_pause_that_says_nothing_is_a_short_one(app, ask, again, groq, pause):
    groq.next(Status(429, retry_after=pause))
    ask()
    again()
    assert 0.3 < closed_for(app) <= 21


@pytest.mark.parametrize("pause", ["inf", "1e300", "99999999999999"])
def test_a_pause_without_an_end_closes_the_gate_too(app, ask, again, groq, pause):
    groq.next(Status(429, retry_after=pause))
    tasks = [ask(), ask()]
    for _ in range(3):
        again()
    assert groq.count == 1
    assert {scene.state(app, task).error_code for task in tasks} <= {None, "ai_rate_limited"}


def test_who_would_wait_for_more_than_an_hour_is_told_so(app, alice, ask, again, groq):
    groq.next(Status(429, retry_after=4000))
    task_id = ask()
    again()
    error = expect.ok(alice.get(f"/api/tasks/{task_id}/"))["error"]
    assert error["code"] == "ai_rate_limited" and groq.count == 1


def test_a_shorter_pause_does_not_shorten_a_longer_one(app, context):
    gates.close_gate("groq", 300, gates.RATE_LIMITED)
    gates.close_gate("groq", 15, gates.FAILING)
    assert closed_for(app) > 290


def test_a_success_does_not_open_what_was_closed_meanwhile(app, bob, ask, groq, crew):
    with app.app_context():
        gates.note_failure("groq")
    groq.token_delay = 0.01
    slow = ask()
    scene.until(lambda: groq.outcomes.total())
    groq.next(Status(429, retry_after=300))
    quick = ask(bob)
    scene.until(lambda: scene.state(app, quick).waiting_for)
    scene.until(lambda: scene.state(app, slow).status == "succeeded")
    with app.app_context():
        assert gates.gate_of(LINK).seconds > 290


def test_five_failures_in_a_row_close_the_gate_for_a_moment(app, ask, again, groq):
    groq.always(Status(500))
    tasks = [ask() for _ in range(8)]
    again()
    assert groq.count == gates.FAILURES_UNTIL_CLOSED
    assert 0 < closed_for(app) <= gates.BREAK_SECONDS
    again()
    assert (groq.count, scene.states(app, tasks)) == (5, ["queued"] * 8)


def test_failures_that_are_not_in_a_row_close_nothing(app, ask, again, groq):
    for _ in range(3):
        groq.next(Status(500), Status(503))
        ask()
        for _ in range(3):
            again()
    assert groq.count == 9
    with app.app_context():
        assert gates.read_gate("groq") == gates.Gate(0.0, "", 0)


@pytest.mark.parametrize("fault", [Status(400), FinishReason("length")], ids=repr)
def test_what_is_the_questions_fault_closes_nothing(app, ask, again, groq, fault):
    groq.always(fault)
    for _ in range(7):
        ask()
        again()
    assert groq.count >= 7
    with app.app_context():
        assert gates.is_open(LINK)


def test_an_outage_costs_a_task_that_did_not_ask_no_failure(app, ask, again, groq):
    groq.always(Hang(0))
    tasks = [ask() for _ in range(7)]
    again()
    again()
    failures = [scene.state(app, task).failures for task in tasks]
    assert (sum(failures), groq.count) == (5, 5)


@pytest.fixture
def admin(app, carol):
    """Carol, who runs the server."""
    with app.app_context():
        carol_id = carol.user["id"]
    scene.rows(app, f"UPDATE users SET role = 'admin' WHERE id = {carol_id} RETURNING id")
    return carol


def told(client):
    """Give the titles of all that somebody was told."""
    return [told["title"] for told in expect.ok(client.get("/api/notifications/"))["results"]]


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_refused_key_fails_all_tasks_with_one_call(app, ask, again, groq, code):
    groq.always(Status(code))
    tasks = [ask() for _ in range(6)]
    again()
    assert (groq.count, scene.states(app, tasks)) == (1, ["failed"] * 6)
    assert {scene.state(app, task).error_code for task in tasks} == {"ai_unavailable"}


def test_administrators_are_told_once_of_a_refused_key(app, alice, admin, ask, again, groq, caplog):
    groq.always(Status(401))
    for _ in range(3):
        ask()
        again()
        scene.open_gates(app)
    assert groq.count == 3
    assert told(admin) == ["AI tools do not work"]
    assert caplog.text.count("AI is not available") == 1
    assert set(told(alice)) == {"Your improved text could not be made"}


def test_a_refused_key_is_tried_again_however_many_ask_meanwhile(app, ask, again, groq):
    groq.next(Status(401))
    ask()
    again()
    before = closed_for(app)
    assert 55 < before <= gates.MISCONFIGURED_SECONDS
    time.sleep(0.3)
    ask()
    again()
    assert closed_for(app) < before - 0.25


def test_a_key_that_works_again_is_used_again(app, ask, again, groq):
    groq.next(Status(401))
    ask()
    again()
    scene.open_gates(app)
    task_id = ask()
    again()
    assert scene.state(app, task_id).status == "succeeded"
    with app.app_context():
        assert gates.read_gate("groq") == gates.Gate(0.0, "", 0)


def test_a_crew_closes_the_gate_once(app, ask, groq):
    groq.always(Status(401))
    tasks = [ask() for _ in range(20)]
    working = Crew(app, app.config["SETTINGS"])
    working.start()
    scene.until(lambda: scene.states(app, tasks) == ["failed"] * 20)
    working.drain(5)
    assert groq.count <= len(working.slots)
