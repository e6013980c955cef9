"""The checker itself: it sees what is lost, doubled, stuck or wrong, and nothing where all is well."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.soak import chaos
from tests.soak.chaos import Kill
from tests.soak.checks import Findings, check, check_waits
from tests.soak.facts import Facts, TaskFact
from tests.soak.ledger import Asked, Ledger
from tests.soak.plain_rq import compare
from tests.soak.shape import errands, shape_of
from tests.soak.watcher import Sight, Wait, waits

FIRST, SECOND = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
BODY = {"content": "A text."}
EMAIL = "mailed@example.com"
World = tuple[Ledger, Facts]


@pytest.fixture
def world() -> World:
    """Give a run in which all went well: a task that succeeded, a mail and a note."""
    ledger, facts = Ledger(), Facts()
    ledger.accept(Asked("user@example.com", "key 1", "improve", BODY, FIRST))
    ledger.registered(EMAIL)
    ledger.made_note("note 1")
    task = TaskFact(FIRST, "user@example.com", "improve", "succeeded", {"fields": BODY})
    facts.tasks[FIRST] = task
    facts.outputs[FIRST] = ["Better."]
    facts.usage.append(FIRST)
    facts.notifications.append(FIRST)
    facts.told[FIRST] = [("succeeded", "Better.")]
    for mails in (facts.mails, facts.sent, facts.delivered):
        mails.append(EMAIL)
    facts.notes.append("note 1")
    return ledger, facts


def found(world: World) -> dict[str, int]:
    """Count what the checker finds, by kind."""
    findings = check(*world, wanted=lambda _tool, _body: "Better.")
    kinds = ("lost", "doubled", "stuck", "wrong", "surprises", "given_up")
    counts = {kind: len(getattr(findings, kind)) for kind in kinds}
    assert findings.is_clean == (not any(count for kind, count in counts.items() if kind != "given_up"))
    return {kind: count for kind, count in counts.items() if count}


def become(world: World, **changes: Any) -> None:
    """Let the task end otherwise, without the effects of a success."""
    facts = world[1]
    facts.tasks[FIRST] = replace(facts.tasks[FIRST], **changes)
    facts.outputs, facts.usage, facts.notifications = {}, [], []
    facts.told[FIRST] = [(facts.tasks[FIRST].status, None)]


def test_nothing_is_found_where_all_is_well(world: World) -> None:
    assert found(world) == {}


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (lambda facts: facts.tasks.clear() or facts.outputs.clear(), "lost"),
        (lambda facts: facts.outputs.clear(), "lost"),
        (lambda facts: facts.usage.clear(), "lost"),
        (lambda facts: facts.notifications.clear(), "lost"),
        (lambda facts: facts.sent.clear(), "lost"),
        (lambda facts: facts.delivered.clear(), "lost"),
        (lambda facts: facts.notes.clear(), "lost"),
        (lambda facts: facts.outputs[FIRST].append("Better."), "doubled"),
        (lambda facts: facts.usage.append(FIRST), "doubled"),
        (lambda facts: facts.notifications.append(FIRST), "doubled"),
        (lambda facts: facts.delivered.append(EMAIL), "doubled"),
        (lambda facts: facts.notes.append("note 1"), "doubled"),
        (lambda facts: facts.outputs.update({FIRST: ["Bet"]}), "wrong"),
        (lambda facts: facts.told.clear(), "wrong"),
    ],
    # The same in every test process.
    ids=[*(f"harm-{number}" for number in range(14))],
)
def test_harm_is_seen(world: World, harm: Callable[[Facts], object], kind: str) -> None:
    harm(world[1])
    assert kind in found(world)


def test_a_task_that_nobody_was_promised_is_doubled(world: World) -> None:
    facts = world[1]
    facts.tasks[SECOND] = replace(facts.tasks[FIRST], id=SECOND, status="cancelled")
    assert found(world) == {"doubled": 1}


def test_a_key_that_made_two_tasks_is_doubled(world: World) -> None:
    world[0].asked[0].again.append(SECOND)
    assert found(world) == {"doubled": 1}


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_task_that_has_not_ended_is_stuck(world: World, status: str) -> None:
    become(world, status=status)
    assert found(world) == {"stuck": 1}


def test_a_task_that_failed_is_lost_unless_the_model_answered_badly_three_times(world: World) -> None:
    become(world, status="failed", error="ai_bad_answer: The model's answer was empty.")
    world[1].calls[FIRST] = ["ai_provider_away", "ai_bad_answer", "ai_bad_answer"]
    assert found(world) == {"lost": 1}
    world[1].calls[FIRST].append("ai_bad_answer")
    assert found(world) == {"given_up": 1}


def test_a_cancelled_task_is_lost_unless_somebody_wanted_that(world: World) -> None:
    become(world, status="cancelled")
    assert found(world) == {"lost": 1}
    world[0].asked[0].cancel = "asked"
    assert found(world) == {}


def test_a_success_after_a_confirmed_cancellation_is_wrong(world: World) -> None:
    world[0].asked[0].cancel = "done"
    assert found(world) == {"wrong": 1}


def test_effects_of_a_task_that_did_not_succeed_are_wrong(world: World) -> None:
    become(world, status="cancelled")
    world[0].asked[0].cancel = "done"
    world[1].usage.append(FIRST)
    assert found(world) == {"wrong": 1}


def test_a_wait_is_from_the_kill_to_the_next_attempt_without_outages() -> None:
    history = {
        FIRST: [Sight(1, 1, "running", 7), Sight(12, 1, "queued", None), Sight(20, 2, "running", 8)],
        SECOND: [Sight(1, 1, "running", 8), Sight(30, 1, "succeeded", None)],
    }
    kill = Kill(4, frozenset({7}))
    assert waits(history, [kill], []) == [Wait(FIRST, 4, 16)]
    assert waits(history, [kill], [(2, 6), (19, 25), (5, 7)]) == [Wait(FIRST, 4, 12)]
    assert waits(history, [kill], [(4, 9)]) == [Wait(FIRST, 4, 16)]
    assert waits(history, [Kill(2, frozenset({8})), Kill(13, frozenset({7}))], []) == []


def test_a_task_that_nobody_takes_up_and_a_long_wait_are_found() -> None:
    history = {FIRST: [Sight(1, 1, "running", 7)]}
    found_waits = [*waits(history, [Kill(4, frozenset({7}))], []), Wait(SECOND, 4, 15.5), Wait(SECOND, 4, 3)]
    findings = Findings()
    check_waits(found_waits, findings)
    assert (len(findings.too_long), findings.longest_wait, findings.is_clean) == (2, 15.5, False)


def test_the_same_seed_gives_the_same_run() -> None:
    shape = shape_of(500, quick=False)
    plans = [
        (
            chaos.schedule(seed, shape.seconds, chaos.FULL, shape.gap, long_outage=True),
            errands(seed, shape),
        )
        for seed in (1, 1, 2)
    ]
    assert plans[0] == plans[1]
    assert plans[0][0] != plans[2][0] and plans[0][1] != plans[2][1]
    done = {event.name for event in plans[0][0]}
    assert {blow.do for blow in chaos.FULL} <= done and {blow.undo for blow in chaos.FULL} <= done | {""}


@pytest.mark.parametrize("seed", range(1, 20))
def test_what_is_down_comes_back_before_it_is_struck_again(seed: int) -> None:
    undone = {blow.do: (blow.undo, blow.what) for blow in chaos.FULL if blow.undo}
    struck = {blow.do: blow.what for blow in chaos.FULL}
    down: dict[tuple[str, int], str] = {}
    for event in chaos.schedule(seed, 130, chaos.FULL, (1, 4), long_outage=True):
        if event.name in struck:
            thing = (struck[event.name], event.target)
            assert thing not in down
            if event.name in undone:
                down[thing] = undone[event.name][0]
        else:
            thing = next(one for one, undo in down.items() if undo == event.name and one[1] == event.target)
            del down[thing]
    assert not down


def test_rows_of_plain_jobs_are_compared_with_what_was_taken() -> None:
    findings = compare({1: "finished", 2: "", 3: "finished", 4: "failed", 5: "started"}, [1, 3, 3])
    assert (findings.lost, findings.doubled) == (["job 2: forgotten", "job 4: failed"], ["job 3: 2 rows"])
    assert findings.stuck == ["job 5: started"]
