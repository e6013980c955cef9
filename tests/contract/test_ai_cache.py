"""The same question twice costs once, and every caller has an output of its own."""

import time

import pytest

from tests.conftest import KINDS
from tests.stand_ins.groq import GroqStandIn, Status

from . import ai, expect


@pytest.fixture(scope="module")
def provider():
    """A provider that counts its calls."""
    with GroqStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="module", params=KINDS)
def migrated_app(request, provider, tmp_path_factory):
    """The application, with that provider behind it."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    with ai.application(tmp_path_factory.mktemp("instance"), url, **ai.with_groq(provider)) as app:
        yield app


@pytest.fixture
def groq(provider):
    """The provider as it is at first."""
    provider.clear()
    provider.always(None)
    provider.answer(None)
    yield provider
    provider.always(None)
    provider.token_delay = 0


def until(condition, seconds=20):
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.fixture
def write(alice, do_tasks):
    """Have a request of Alice's answered; gives the output."""
    return lambda tool="summarize", **fields: ai.output(alice, do_tasks, tool, **fields)


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_the_same_request_again_is_served_without_a_call(write, groq, tool):
    first, second = write(tool), write(tool)
    assert groq.count == 1
    assert (first["cached"], second["cached"]) == (False, True)
    assert (first["tokens_used"] > 0, second["tokens_used"]) == (True, 0)
    for name in ("tool", "title", "content", "language", "provider", "model"):
        assert second[name] == first[name]
    assert second["id"] != first["id"] and second["created_at"] > first["created_at"]


def test_it_is_a_task_that_has_succeeded_already(alice, write, groq):
    write()
    answer = ai.ask(alice)
    assert ai.accepted(answer)["status"] == "succeeded"
    task = ai.has_fields(ai.task(alice, answer), ai.TASK)
    assert (task["status"], task["progress"], task["result"]["cached"]) == ("succeeded", 100, True)
    assert task["finished_at"] is not None


def test_the_events_of_a_cached_answer_end_well(alice, write, groq):
    write()
    task_id = ai.ask(alice).json["task_id"]
    last = ai.events(alice, task_id)[-1]
    assert (last.name, last.data["task_id"], last.data["result"]["cached"]) == ("succeeded", task_id, True)


def test_cached_answers_count_for_nothing(alice, write, groq):
    for _ in range(4):
        write()
    assert (ai.used(alice), ai.used(alice, "summarize"), groq.count) == (1, 1, 1)


CHANGES = [
    ("summarize", {"content": "Cells divide. They grow. Then they rest!"}),
    ("summarize", {"length": "short"}),
    ("summarize", {"format": "bullets"}),
    ("summarize", {"language": "de"}),
    ("generate", {"level": "advanced"}),
    ("generate", {"subject": "Geography"}),
    ("improve", {"instructions": "Shorter"}),
    ("code", {"programming_language": "go"}),
    ("code", {"level": "beginner"}),
]


@pytest.mark.parametrize("tool, change", CHANGES)
def test_another_request_is_another_call(write, groq, tool, change):
    write(tool)
    assert (write(tool, **change)["cached"], groq.count) == (False, 2)


def test_another_tool_is_another_call(write, groq):
    outputs = [write("improve", content="Cells."), write("summarize", content="Cells.")]
    assert ([output["cached"] for output in outputs], groq.count) == ([False, False], 2)


@pytest.mark.parametrize("tool", ["generate", "improve", "summarize"])
def test_the_language_of_the_profile_is_not_lost_to_the_cache(alice, write, groq, tool):
    write(tool)
    expect.ok(alice.patch("/api/auth/me/", json={"profile": {"language": "de"}}))
    assert write(tool)["language"] == "de"


def test_every_caller_has_an_output_of_its_own(alice, bob, do_tasks, groq):
    mine, theirs = ai.output(alice, do_tasks), ai.output(bob, do_tasks)
    assert mine["id"] != theirs["id"]
    expect.problem(bob.get(f"{ai.BASE}{mine['id']}/"), 404)
    assert bob.delete(f"{ai.BASE}{theirs['id']}/").status_code == 204
    assert alice.get(f"{ai.BASE}{mine['id']}/").json == mine


def test_deleting_one_output_leaves_its_copies(alice, write, groq):
    first, second = write(), write()
    assert alice.delete(f"{ai.BASE}{first['id']}/").status_code == 204
    assert alice.get(f"{ai.BASE}{second['id']}/").json == second


@pytest.mark.parametrize("hours, cached", [(23.5, True), (24.5, False), (48, False)])
def test_an_answer_is_kept_for_a_day(alice, sign_in, do_tasks, move_clock, groq, hours, cached):
    ai.output(alice, do_tasks)
    move_clock(hours * 3600)
    alice = sign_in(alice.email, alice.password)
    assert ai.output(alice, do_tasks)["cached"] is cached
    assert (ai.output(alice, do_tasks)["cached"], groq.count) == (True, 1 if cached else 2)


def test_a_failure_is_not_kept(alice, do_tasks, groq):
    groq.next(Status(400))
    failed = ai.ask(alice)
    do_tasks()
    assert ai.task(alice, failed)["status"] == "failed"
    assert ai.output(alice, do_tasks)["cached"] is False


def test_identical_requests_under_way_cost_one_call(alice, bob, do_tasks, groq):
    people = [alice, alice, bob]
    answers = [ai.ask(client) for client in people]
    do_tasks()
    tasks = [ai.task(client, answer) for client, answer in zip(people, answers, strict=True)]
    assert [task["status"] for task in tasks] == ["succeeded"] * 3
    assert len({task["result"]["id"] for task in tasks}) == len({task["task_id"] for task in tasks}) == 3
    assert len({task["result"]["content"] for task in tasks}) == groq.count == 1


def test_identical_requests_at_the_same_time_cost_one_call(alice, bob, crew, in_parallel, groq):
    groq.token_delay = 0.005
    answers = in_parallel([lambda: ai.ask(alice, headers=ai.wait(30))] * 6 + [lambda: ai.ask(bob)] * 2)
    outputs = [expect.ok(answer, 201) for answer in answers[:6]]
    assert len({output["id"] for output in outputs}) == 6
    assert len({output["content"] for output in outputs}) == groq.count == 1
    assert sum(output["tokens_used"] > 0 for output in expect.walk(alice, ai.HISTORY)) <= 1


@pytest.mark.parametrize("cancelled", [0, 1, 2])
def test_one_of_several_identical_requests_may_be_cancelled(alice, bob, do_tasks, groq, cancelled):
    people = [alice, alice, bob]
    answers = [ai.ask(client) for client in people]
    assert people[cancelled].delete(expect.location(answers[cancelled])).status_code == 204
    do_tasks()
    statuses = [ai.task(c, answer)["status"] for c, answer in zip(people, answers, strict=True)]
    wanted = ["succeeded"] * 3
    wanted[cancelled] = "cancelled"
    assert (statuses, groq.count) == (wanted, 1)


def test_the_call_that_others_wait_for_goes_on_or_is_made_anew(alice, bob, crew, groq):
    groq.token_delay = 0.05
    first = ai.ask(alice)
    until(lambda: groq.count == 1)
    second = ai.ask(bob)
    assert alice.delete(expect.location(first)).status_code == 204
    until(lambda: ai.task(bob, second)["status"] not in ("queued", "running"))
    assert (ai.task(alice, first)["status"], ai.task(bob, second)["status"]) == ("cancelled", "succeeded")


def test_all_of_several_identical_requests_may_be_cancelled(alice, do_tasks, groq):
    answers = [ai.ask(alice) for _ in range(3)]
    for answer in answers:
        assert alice.delete(expect.location(answer)).status_code == 204
    do_tasks()
    assert {ai.task(alice, answer)["status"] for answer in answers} == {"cancelled"}
    assert (groq.count, ai.used(alice)) == (0, 0)


def test_identical_requests_fail_together_and_give_all_back(alice, bob, do_tasks, groq):
    groq.always(Status(400))
    answers = [ai.ask(client) for client in (alice, alice, bob)]
    do_tasks()
    tasks = [ai.task(c, a) for c, a in zip((alice, alice, bob), answers, strict=True)]
    assert [task["status"] for task in tasks] == ["failed"] * 3
    assert ai.used(alice) == ai.used(bob) == 0


def test_an_answer_comes_though_the_first_to_ask_has_signed_out(alice, bob, do_tasks, groq):
    ai.accepted(ai.ask(alice))
    answer = ai.ask(bob)
    assert alice.post("/api/auth/logout-all/").status_code == 204
    do_tasks()
    assert ai.task(bob, answer)["result"]["content"]
