"""The hourly limits of the AI tools: what counts, what does not, and what is given back."""

import pytest

from tests.conftest import KINDS
from tests.stand_ins.groq import GroqStandIn, Status

from . import ai, expect

ALL, GENERATE = 4, 2
TIERS = [("FREE", 1), ("BASIC", 3), ("PRO", 10)]
HOUR = 3600


@pytest.fixture(scope="module")
def provider():
    """A provider that counts its calls."""
    with GroqStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="module", params=KINDS)
def migrated_app(request, provider, tmp_path_factory):
    """The application with small limits for the AI tools and none that are in the way."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    settings = {
        "ratelimit_enabled": True,
        "limit_per_minute": 1_000_000,
        "limit_per_hour": (1_000_000,) * 3,
        "limit_ai": ALL,
        "limit_ai_generate": GENERATE,
        **ai.with_groq(provider),
    }
    with ai.application(tmp_path_factory.mktemp("instance"), url, **settings) as app:
        yield app


@pytest.fixture
def groq(provider):
    """The provider as it is at first."""
    provider.clear()
    provider.always(None)
    yield provider
    provider.always(None)


def spend(client, times, tool="summarize"):
    """Ask for so many different things, which must all be accepted."""
    field = ai.MAIN[tool][0]
    answers = [ai.ask(client, tool, **{field: f"{tool} {number}"}) for number in range(times)]
    for answer in answers:
        ai.accepted(answer)
    return answers


def exhausted(response):
    """A refusal because the quota is used up, after checking all that it says."""
    body = expect.problem(response, 429, code="quota_exceeded")
    assert 1 <= int(response.headers["Retry-After"]) <= HOUR
    assert int(response.headers["RateLimit-Remaining"]) == 0
    assert int(response.headers["RateLimit-Limit"]) >= 1
    assert 1 <= int(response.headers["RateLimit-Reset"]) <= HOUR
    return body


def test_a_fresh_quota_is_whole(alice):
    quota = expect.ok(alice.get(ai.QUOTA))
    assert set(quota["tools"]) == set(ai.TOOLS)
    for row in (quota["total"], *quota["tools"].values()):
        assert row["used"] == 0 and isinstance(row["reset"], int)
    assert (quota["total"]["limit"], quota["tools"]["generate"]["limit"]) == (ALL, GENERATE)


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_each_use_counts_for_its_tool_and_for_all(alice, tool):
    spend(alice, 2, tool)
    assert (ai.used(alice), ai.used(alice, tool)) == (2, 2)
    assert sum(ai.used(alice, other) for other in ai.TOOLS) == 2
    assert 1 <= alice.get(ai.QUOTA).json["tools"][tool]["reset"] <= HOUR


@pytest.mark.parametrize("tier, times", TIERS)
def test_generate_has_a_limit_of_its_own(alice, sign_in, tier, times):
    ai.change_tier(alice, tier)
    alice = sign_in(alice.email, alice.password)
    assert alice.get(ai.QUOTA).json["tools"]["generate"]["limit"] == GENERATE * times
    spend(alice, GENERATE * times, "generate")
    exhausted(ai.ask(alice, "generate"))
    spend(alice, 1, "code")


@pytest.mark.parametrize("tier, times", TIERS)
def test_all_tools_together_have_a_limit(alice, sign_in, tier, times):
    ai.change_tier(alice, tier)
    alice = sign_in(alice.email, alice.password)
    assert alice.get(ai.QUOTA).json["total"]["limit"] == ALL * times
    spend(alice, ALL * times - 1, "improve")
    spend(alice, 1, "generate")
    for tool in ai.TOOLS:
        exhausted(ai.ask(alice, tool))
    assert ai.used(alice) == ALL * times


def test_the_limit_is_everybodys_own(alice, bob):
    spend(alice, ALL)
    exhausted(ai.ask(alice))
    spend(bob, ALL)


def test_a_topic_counts_like_a_text(alice, note_tree):
    note = expect.ok(alice.post("/api/notes/", json=note_tree()), 201)
    place = f"/api/topics/{note['chapters'][0]['topics'][0]['id']}/ai/"
    spend(alice, ALL - 1)
    ai.accepted(alice.post(place, json={"tool": "code"}))
    exhausted(alice.post(place, json={"tool": "improve"}))


def test_a_refused_request_reaches_no_model_and_leaves_no_task(alice, do_tasks, groq):
    spend(alice, ALL)
    exhausted(ai.ask(alice))
    exhausted(ai.ask(alice, headers=ai.wait(10)))
    do_tasks()
    assert groq.count == len(expect.walk(alice, "/api/tasks/")) == len(expect.walk(alice, ai.HISTORY)) == ALL
    assert ai.used(alice) == ALL


def test_accepted_answers_say_what_is_left(alice):
    answers = spend(alice, ALL)
    for answer in answers:
        assert int(answer.headers["RateLimit-Limit"]) >= 1
        assert 0 <= int(answer.headers["RateLimit-Reset"]) <= HOUR
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in answers]
    assert left == sorted(left, reverse=True) and len(set(left)) == ALL


def test_a_used_up_hour_passes(alice, sign_in, move_clock):
    spend(alice, ALL)
    wait = int(ai.ask(alice).headers["Retry-After"])
    move_clock(wait + 1)
    alice = sign_in(alice.email, alice.password)
    ai.accepted(ai.ask(alice))
    move_clock(HOUR + 1)
    alice = sign_in(alice.email, alice.password)
    assert ai.used(alice) == 0
    spend(alice, ALL)


def test_nothing_comes_back_before_the_hour_is_over(alice, move_clock):
    spend(alice, ALL)
    move_clock(HOUR - 120)
    exhausted(ai.ask(alice))


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_what_is_invalid_does_not_count(alice, tool):
    for _ in range(ALL + 2):
        expect.invalid(ai.ask(alice, tool, **{ai.MAIN[tool][0]: ""}), ai.MAIN[tool][0])
    assert ai.used(alice) == 0
    spend(alice, GENERATE, tool)


def test_what_is_cached_does_not_count(alice, do_tasks, groq):
    ai.output(alice, do_tasks)
    for _ in range(ALL + 2):
        assert ai.accepted(ai.ask(alice))["status"] == "succeeded"
    assert (ai.used(alice), groq.count) == (1, 1)
    spend(alice, ALL - 1)


def test_what_is_asked_of_the_model_counts_though_somebody_asked_first(alice, bob, do_tasks, groq):
    answers = [ai.ask(alice), ai.ask(alice), ai.ask(bob)]
    for answer in answers[:2]:
        assert alice.delete(expect.location(answer)).status_code == 204
    do_tasks()
    assert (ai.task(bob, answers[2])["result"]["cached"], groq.count) == (False, 1)
    assert (ai.used(alice), ai.used(bob)) == (0, 1)


def test_nobody_gets_more_than_the_limit_by_asking_twice_and_cancelling_once(alice, do_tasks, groq):
    for number in range(ALL + 2):
        first, second = (ai.ask(alice, content=f"Text {number}") for _ in range(2))
        if {first.status_code, second.status_code} == {202}:
            alice.delete(expect.location(first))
        do_tasks()
    assert groq.count <= ALL


def test_what_is_cached_is_there_for_those_who_have_used_up_all(alice, do_tasks, groq):
    first = ai.output(alice, do_tasks)
    spend(alice, ALL - 1)
    exhausted(ai.ask(alice, content="Something new."))
    assert ai.output(alice, do_tasks)["content"] == first["content"]


def test_a_replay_does_not_count(alice):
    for _ in range(ALL + 2):
        ai.accepted(ai.ask(alice, headers={"Idempotency-Key": "once"}))
    assert ai.used(alice) == 1


def test_a_replay_is_there_for_those_who_have_used_up_all(alice):
    first = ai.ask(alice, headers={"Idempotency-Key": "once"})
    spend(alice, ALL - 1)
    again = ai.ask(alice, headers={"Idempotency-Key": "once"})
    assert (again.status_code, again.json) == (202, first.json)


def test_a_refusal_is_not_replayed(alice):
    first, *_ = spend(alice, ALL)
    exhausted(ai.ask(alice, headers={"Idempotency-Key": "once"}))
    assert alice.delete(expect.location(first)).status_code == 204
    ai.accepted(ai.ask(alice, headers={"Idempotency-Key": "once"}))


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_failure_gives_its_share_back(alice, do_tasks, groq, tool):
    groq.always(Status(400))
    (answer,) = spend(alice, 1, tool)
    assert (ai.used(alice), ai.used(alice, tool)) == (1, 1)
    do_tasks()
    assert ai.task(alice, answer)["status"] == "failed"
    assert (ai.used(alice), ai.used(alice, tool)) == (0, 0)


def test_after_failures_one_may_ask_again(alice, do_tasks, groq):
    groq.always(Status(400))
    spend(alice, ALL)
    do_tasks()
    groq.always(None)
    spend(alice, ALL)
    exhausted(ai.ask(alice))


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_cancellation_gives_its_share_back_once(alice, do_tasks, tool):
    first, _ = spend(alice, 2, tool)
    assert alice.delete(expect.location(first)).status_code == 204
    assert (ai.used(alice), ai.used(alice, tool)) == (1, 1)
    expect.problem(alice.delete(expect.location(first)), 409)
    do_tasks()
    assert (ai.used(alice), ai.used(alice, tool)) == (1, 1)


def test_what_was_given_back_can_be_spent_again(alice):
    answers = spend(alice, ALL)
    exhausted(ai.ask(alice))
    assert alice.delete(expect.location(answers[0])).status_code == 204
    ai.accepted(ai.ask(alice))
    exhausted(ai.ask(alice, content="One more."))


def test_parallel_requests_never_get_more_than_the_limit(alice, in_parallel):
    answers = in_parallel([lambda n=n: ai.ask(alice, content=f"Text {n}") for n in range(20)])
    for answer in answers:
        if answer.status_code != 202:
            exhausted(answer)
    assert sum(answer.status_code == 202 for answer in answers) == ALL == ai.used(alice)


def test_parallel_requests_to_all_tools_keep_both_limits(alice, in_parallel):
    asked = [(tool, n) for n in range(5) for tool in ai.TOOLS]
    answers = in_parallel(
        [lambda t=tool, n=n: ai.ask(alice, t, **{ai.MAIN[t][0]: f"Text {n}"}) for tool, n in asked]
    )
    accepted = [tool for (tool, _), answer in zip(asked, answers, strict=True) if answer.status_code == 202]
    assert {answer.status_code for answer in answers} == {202, 429}
    assert (len(accepted), accepted.count("generate") <= GENERATE) == (ALL, True)
    assert (ai.used(alice), len(expect.walk(alice, "/api/tasks/"))) == (ALL, ALL)


def test_parallel_cancellations_give_back_once(alice, in_parallel):
    answers = spend(alice, ALL)
    place = expect.location(answers[0])
    statuses = [answer.status_code for answer in in_parallel([lambda: alice.delete(place)] * 8)]
    assert sorted(statuses) == [204] + [409] * 7
    assert ai.used(alice) == ALL - 1


def test_reading_the_quota_costs_nothing_and_is_ones_own(alice, bob):
    spend(alice, 2)
    for _ in range(5):
        assert (ai.used(alice), ai.used(bob)) == (2, 0)


def test_a_downgrade_holds_for_what_was_used_before(alice, sign_in):
    ai.change_tier(alice, "BASIC")
    alice = sign_in(alice.email, alice.password)
    spend(alice, ALL + 1)
    ai.change_tier(alice, "FREE")
    alice = sign_in(alice.email, alice.password)
    exhausted(ai.ask(alice))
