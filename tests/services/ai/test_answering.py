"""What becomes of a task when the model does not answer as it should."""

from datetime import UTC, datetime
from typing import Any

import pytest

from noteassist import queues
from noteassist.services.ai import answering, gates
from noteassist.services.ai.providers import Link
from noteassist.services.ai.providers.registry import USUAL_MODELS
from tests.contract import ai, expect
from tests.services.tasks import scene
from tests.stand_ins.groq import (
    CutStream,
    EmptyChoices,
    EmptyText,
    EndWithoutDone,
    FinishReason,
    Hang,
    HtmlPage,
    Refuse,
    Status,
    StreamError,
)

PASSING = [
    Status(500),
    Status(502),
    Status(503),
    Refuse(),
    CutStream(),
    EndWithoutDone(),
    StreamError(),
    EmptyChoices(),
    HtmlPage(),
    Hang(),
]
BAD = [EmptyText(), FinishReason("length"), FinishReason("content_filter")]
REFUSED = [Status(400), Status(413), Status(422)]


def asked(client: Any, text: str = "teh cell", **headers: str) -> str:
    """Ask to improve a text; gives the task's id."""
    return str(ai.accepted(ai.ask(client, "improve", content=text, headers=headers))["task_id"])


def shown(client: Any, task_id: str) -> dict[str, Any]:
    """Give a task as its owner sees it."""
    return dict(expect.ok(client.get(f"/api/tasks/{task_id}/")))


def seconds_until(moment: str) -> float:
    """Give the seconds until a moment."""
    return (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()


def notifications(client: Any) -> list[dict[str, Any]]:
    """Give all that somebody was told, newest first."""
    return list(expect.ok(client.get("/api/notifications/"))["results"])


def outcomes(app: Any) -> list[str]:
    """Give how the calls to providers ended, in order."""
    return [row.outcome for row in scene.rows(app, "SELECT outcome FROM ai_calls ORDER BY id")]


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_a_passing_failure_lets_the_task_wait(app, alice, groq, do_tasks, fault):
    groq.next(fault)
    task_id = asked(alice)
    do_tasks()
    task = shown(alice, task_id)
    assert (task["status"], task["waiting_for"], task["attempt"]) == ("queued", "provider", 1)
    assert 0 < seconds_until(task["next_try_at"]) < 1.5
    assert (scene.state(app, task_id).failures, groq.count) == (1, 1)


def test_what_succeeds_later_is_there_once(app, alice, groq, do_tasks):
    groq.next(Status(503), CutStream())
    task_id = asked(alice)
    for _ in range(4):
        scene.make_due(app)
        do_tasks()
    assert (shown(alice, task_id)["status"], groq.count) == ("succeeded", 3)
    assert scene.made_for(app, task_id) == (1, 1, 1)
    assert ai.used(alice) == 1


def test_tokens_of_the_attempt_that_broke_off_are_marked_as_such(app, alice, groq, do_tasks):
    groq.next(CutStream(after_chunks=5))
    task_id = asked(alice)
    for _ in range(2):
        scene.make_due(app)
        do_tasks()
    tokens = [event for event in ai.events(alice, task_id) if event.name == "token"]
    assert {event.data["attempt"] for event in tokens} == {1, 2}
    last = "".join(event.data["text"] for event in tokens if event.data["attempt"] == 2)
    assert last.strip() == shown(alice, task_id)["result"]["content"]


def test_pauses_grow_with_the_failures(app, alice, groq, do_tasks):
    groq.always(Status(500))
    task_id = asked(alice)
    pauses = []
    for _ in range(4):
        scene.make_due(app)
        do_tasks()
        pauses.append(seconds_until(shown(alice, task_id)["next_try_at"]))
    assert [round(pause / wanted) for pause, wanted in zip(pauses, (1, 2, 5, 10), strict=True)] == [1] * 4


def test_nothing_is_tried_for_ever(app, alice, groq, do_tasks):
    groq.always(Status(500))
    task_id = asked(alice)
    for _ in range(queues.AI.failures + 3):
        scene.open_gates(app)
        scene.make_due(app)
        do_tasks()
    assert groq.count == queues.AI.failures
    assert shown(alice, task_id)["error"]["code"] == "ai_provider_away"


@pytest.mark.parametrize("fault", BAD, ids=repr)
def test_a_bad_answer_is_given_up_after_three_tries(app, alice, groq, do_tasks, fault):
    groq.always(fault)
    task_id = asked(alice)
    for _ in range(answering.BAD_ANSWERS + 2):
        scene.make_due(app)
        do_tasks()
    task = shown(alice, task_id)
    assert (groq.count, task["status"], task["error"]["code"]) == (3, "failed", "ai_bad_answer")
    assert ai.used(alice) == 0


def test_a_bad_answer_after_an_outage_is_not_the_end(app, alice, groq, do_tasks):
    groq.next(Status(503), Status(503), FinishReason("length"))
    task_id = asked(alice)
    for _ in range(4):
        scene.make_due(app)
        do_tasks()
    assert shown(alice, task_id)["status"] == "succeeded"


@pytest.mark.parametrize("fault", REFUSED, ids=repr)
def test_a_refused_question_fails_at_once(app, alice, groq, do_tasks, fault):
    groq.always(fault)
    task_id = asked(alice)
    do_tasks()
    task = shown(alice, task_id)
    assert (task["status"], task["error"]["code"], groq.count) == ("failed", "ai_refused", 1)
    assert gates_open(app)


def gates_open(app: Any) -> bool:
    """Say whether Groq may be asked."""
    with app.app_context():
        return gates.is_open(Link("groq", USUAL_MODELS["groq"]))


def test_who_asked_is_told_why_it_failed(alice, bob, groq, do_tasks):
    groq.always(Status(400))
    task_id = asked(alice)
    do_tasks()
    (told,) = notifications(alice)
    assert (told["type"], told["action_id"]) == ("error", task_id)
    assert told["message"] == shown(alice, task_id)["error"]["detail"]
    assert told["message"] and notifications(bob) == []


def test_a_failed_call_costs_nothing_of_the_quota(app, alice, groq, do_tasks):
    groq.next(Status(400))
    task_id = asked(alice)
    assert ai.used(alice) == 1
    do_tasks()
    assert (shown(alice, task_id)["status"], ai.used(alice)) == ("failed", 0)
    assert scene.rows(app, "SELECT count(*) FROM ai_usage")[0][0] == 0


def test_each_call_is_recorded_with_its_outcome_and_its_cost(app, alice, groq, do_tasks):
    groq.next(Status(503), EmptyText())
    task_id = asked(alice)
    for _ in range(3):
        scene.make_due(app)
        do_tasks()
    calls = scene.rows(app, "SELECT * FROM ai_calls ORDER BY id")
    assert [call.outcome for call in calls] == ["ai_provider_away", "ai_bad_answer", "ok"]
    assert [call.attempt for call in calls] == [1, 2, 3]
    assert (calls[0].prompt_tokens, calls[0].completion_tokens) == (0, 0)
    cost = calls[2].prompt_tokens + calls[2].completion_tokens
    assert cost == shown(alice, task_id)["result"]["tokens_used"] > 60


def test_a_model_that_hangs_is_given_up_within_the_deadline(app, alice, groq, do_tasks):
    groq.next(Hang())
    asked(alice)
    do_tasks()
    (call,) = scene.rows(app, "SELECT * FROM ai_calls")
    assert (call.outcome, 900 <= call.duration_ms < 1800) == ("ai_timeout", True)


@pytest.fixture
def waits(monkeypatch):
    """Fail with the first failure, so that a waiting caller sees it."""
    monkeypatch.setitem(queues.CATALOGUE, "improve", queues.JobSpec(queues.AI.run, failures=1))
    monkeypatch.setattr(answering, "BAD_ANSWERS", 1)


ENDS = [
    (Status(400), 502, "ai_refused"),
    (EmptyText(), 502, "ai_bad_answer"),
    (Status(401), 503, "ai_unavailable"),
    (Status(503), 503, "ai_provider_away"),
    (Hang(), 504, "ai_timeout"),
]


@pytest.mark.parametrize("fault, status, code", ENDS, ids=[end[2] for end in ENDS])
def test_who_waits_for_a_failure_may_ask_again_with_the_same_key(
    app, alice, groq, waits, crew, fault, status, code
):
    groq.next(fault)
    headers = {"Prefer": "wait=10", "Idempotency-Key": "once"}
    body = expect.problem(ai.ask(alice, "improve", headers=headers), status, code=code)
    assert shown(alice, body["task_id"])["error"]["code"] == code
    scene.open_gates(app)
    again = ai.ask(alice, "improve", headers=headers)
    assert expect.ok(again, 201)["provider"] == "groq"
    assert "Idempotent-Replayed" not in again.headers
