"""Tasks: listed, filtered, read, and cancelled for good."""

import time
import uuid

import pytest

from tests.conftest import KINDS
from tests.stand_ins.groq import GroqStandIn, Hang, Status

from . import ai, expect

TASKS = "/api/tasks/"
ENDED = {"succeeded", "failed", "cancelled"}


@pytest.fixture(scope="module")
def provider():
    """A provider that takes its time when it is told to."""
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
    yield provider
    provider.always(None)
    provider.delay = provider.token_delay = 0


@pytest.fixture
def five(alice, do_tasks, groq):
    """Five tasks of Alice's, oldest first: succeeded, failed, cancelled, succeeded, queued."""
    places = []
    for number, tool in enumerate(["improve", "generate", "summarize", "code", "summarize"]):
        answer = ai.ask(alice, tool, **{ai.MAIN[tool][0]: f"Text {number}"})
        places.append(expect.location(answer))
        groq.next(*[Status(400)] * (tool == "generate"))
        if number == 2:
            assert alice.delete(places[-1]).status_code == 204
        if number < 4:
            do_tasks()
    return [alice.get(place).json for place in places]


def until(condition, seconds=20):
    """Wait until something holds; gives it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    return found


def ended(client, place):
    """Wait for a task to end; gives it."""
    until(lambda: expect.ok(client.get(place))["status"] in ENDED)
    return client.get(place).json


def test_nobody_begins_with_tasks(alice):
    assert alice.get(TASKS).json == {"results": [], "next": None, "previous": None}


def test_a_task_has_the_same_shape_at_every_stage(five):
    statuses = {ai.has_fields(task, ai.TASK)["status"] for task in five}
    assert statuses == {"succeeded", "failed", "cancelled", "queued"}
    for task in five:
        assert (task["finished_at"] is not None) == (task["status"] in ENDED)
        assert (task["result"] is not None) == (task["status"] == "succeeded")
        assert (task["error"] is not None) == (task["status"] == "failed")
        assert 0 <= task["progress"] <= 100 and task["attempt"] >= 0


def test_a_failed_task_says_why_in_words_and_by_a_code(five):
    (failed,) = [task for task in five if task["status"] == "failed"]
    assert expect.SLUG.fullmatch(failed["error"]["code"]) and failed["error"]["detail"]
    assert "gsk_tests" not in str(failed) and "127.0.0.1" not in str(failed)


def test_the_times_of_a_task_follow_each_other(five):
    for task in five:
        moments = [task[name] for name in ("created_at", "started_at", "finished_at") if task[name]]
        assert sorted(map(expect.moment, moments)) == list(map(expect.moment, moments))


def test_the_list_has_every_task_newest_first(alice, five):
    assert expect.walk(alice, TASKS) == list(reversed(five))


@pytest.mark.parametrize("size", [1, 2, 4, 5, 6])
def test_walking_the_list_gives_every_task_once(alice, five, size):
    assert expect.walk(alice, f"{TASKS}?page_size={size}") == list(reversed(five))


@pytest.mark.parametrize("status", ["queued", "running", "succeeded", "failed", "cancelled"])
def test_the_list_of_one_status(alice, five, status):
    wanted = [task for task in reversed(five) if task["status"] == status]
    assert expect.walk(alice, f"{TASKS}?status={status}&page_size=1") == wanted


@pytest.mark.parametrize("kind", [*ai.TOOLS, "export", "import", "drive_upload", "drive_import"])
def test_the_list_of_one_kind(alice, five, kind):
    wanted = [task for task in reversed(five) if task["kind"] == kind]
    assert expect.walk(alice, f"{TASKS}?kind={kind}") == wanted


def test_both_filters_hold_together(alice, five):
    found = expect.walk(alice, f"{TASKS}?kind=summarize&status=cancelled")
    assert found == [task for task in five if task["status"] == "cancelled"]


@pytest.mark.parametrize("name", ["status", "kind"])
@pytest.mark.parametrize("value", ["", "done", "QUEUED", "a%00b", "mail", "queued&{0}=queued"])
def test_a_filter_that_means_nothing_is_refused(alice, name, value):
    expect.invalid(alice.get(f"{TASKS}?{name}={value.format(name)}"), name, where="query")


@pytest.mark.parametrize("query", ["tool=code", "user_id=1", "page_size=0", "page_size=101"])
def test_an_unknown_parameter_is_refused(alice, query):
    expect.invalid(alice.get(f"{TASKS}?{query}"), query.split("=")[0], where="query")


def test_a_cursor_that_is_not_ours_is_a_400(alice):
    expect.problem(alice.get(TASKS + "?cursor=x"), 400)


def test_a_list_holds_only_what_is_the_readers(bob, five):
    assert expect.walk(bob, TASKS) == []


@pytest.mark.parametrize("method, below", [("GET", ""), ("DELETE", ""), ("GET", "events/")])
def test_a_stranger_gets_the_same_404_as_for_a_task_that_never_was(alice, bob, groq, method, below):
    place = expect.location(ai.ask(alice))
    foreign = bob.open(place + below, method=method)
    never = bob.open(f"{TASKS}{uuid.uuid4()}/{below}", method=method)
    expect.problem(foreign, 404)
    assert expect.anonymised(foreign) == expect.anonymised(never)
    assert alice.get(place).json["status"] == "queued"


@pytest.mark.parametrize("bad", ["1", "abc", "%00", "0" * 32, "g" * 36, "x" * 5000, "..%2f"])
@pytest.mark.parametrize("method, below", [("GET", ""), ("DELETE", ""), ("GET", "events/")])
def test_an_id_that_cannot_be_is_a_404(alice, bad, method, below):
    expect.problem(alice.open(f"{TASKS}{bad}/{below}", method=method), 404)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_a_task_is_only_read_and_cancelled(alice, groq, method):
    expect.problem(alice.open(expect.location(ai.ask(alice)), method=method, json={}), 405)


def test_a_cancelled_task_has_ended(alice, do_tasks, groq):
    place = expect.location(ai.ask(alice))
    answer = alice.delete(place)
    assert (answer.status_code, answer.get_data()) == (204, b"")
    task = alice.get(place).json
    assert (task["status"], task["result"], task["error"]) == ("cancelled", None, None)
    assert expect.moment(task["finished_at"]) and task["next_try_at"] is None
    do_tasks()
    assert (alice.get(place).json, groq.count, ai.used(alice)) == (task, 0, 0)


def test_what_has_ended_cannot_be_cancelled(alice, five):
    for task in five[:4]:
        expect.problem(alice.delete(f"{TASKS}{task['task_id']}/"), 409)
        assert alice.get(f"{TASKS}{task['task_id']}/").json == task


def test_a_cancellation_takes_no_query_parameters(alice, groq):
    place = expect.location(ai.ask(alice))
    expect.invalid(alice.delete(place + "?force=1"), "force", where="query")
    assert alice.get(place).json["status"] == "queued"


def test_a_task_that_waits_for_the_provider_says_so_and_can_be_cancelled(alice, do_tasks, groq):
    groq.always(Status(503))
    place = expect.location(ai.ask(alice))
    do_tasks()
    task = alice.get(place).json
    assert (task["status"], task["waiting_for"], task["attempt"] >= 1) == ("queued", "provider", True)
    assert expect.moment(task["next_try_at"]) > expect.moment(task["created_at"])
    assert alice.delete(place).status_code == 204
    task = alice.get(place).json
    assert (task["status"], task["waiting_for"], task["next_try_at"]) == ("cancelled", None, None)


def test_a_running_task_is_cancelled_for_good(alice, crew, groq):
    groq.token_delay = 0.3
    place = expect.location(ai.ask(alice))
    until(lambda: alice.get(place).json["status"] == "running" and groq.count)
    assert alice.get(place).json["started_at"]
    assert alice.delete(place).status_code == 204
    assert ended(alice, place)["status"] == "cancelled"
    until(lambda: groq.left == 1, seconds=5)
    assert (alice.get(place).json["result"], expect.walk(alice, ai.HISTORY)) == (None, [])
    assert ai.used(alice) == 0


def test_a_task_is_cancelled_while_the_provider_says_nothing(alice, crew, groq):
    groq.always(Hang(3))
    place = expect.location(ai.ask(alice))
    until(lambda: groq.count)
    assert alice.delete(place).status_code == 204
    assert ended(alice, place)["status"] == "cancelled"
    groq.always(None)
    assert ai.used(alice) == 0
    expect.ok(ai.ask(alice, headers=ai.wait(20)), 201)


def test_a_cancellation_at_any_moment_is_kept_or_comes_too_late(alice, crew, groq):
    for number in range(12):
        place = expect.location(ai.ask(alice, content=f"Text {number}."))
        time.sleep(number * 0.008)
        statuses = [alice.delete(place).status_code for _ in range(2)]
        assert statuses in ([204, 409], [409, 409])
        kept = ended(alice, place)["status"]
        assert kept == ("cancelled" if statuses[0] == 204 else "succeeded")
    outputs = expect.walk(alice, ai.HISTORY)
    assert len(outputs) == ai.used(alice) == len(expect.walk(alice, TASKS + "?status=succeeded"))


def test_progress_never_goes_back(alice, crew, groq):
    groq.token_delay = 0.01
    place = expect.location(ai.ask(alice))
    seen = []
    until(lambda: seen.append(task := alice.get(place).json) or task["status"] in ENDED)
    progress = [task["progress"] for task in seen]
    assert progress == sorted(progress) and progress[-1] == 100
    order = ["queued", "running", "succeeded"]
    assert [order.index(task["status"]) for task in seen] == sorted(order.index(t["status"]) for t in seen)


def test_a_reading_is_answered_with_304_until_the_task_moves(alice, do_tasks, groq):
    place = expect.location(ai.ask(alice))
    tag = expect.strong(alice.get(place).headers["ETag"])
    assert alice.get(place, headers={"If-None-Match": tag}).status_code == 304
    do_tasks()
    after = alice.get(place, headers={"If-None-Match": tag})
    assert expect.ok(after)["status"] == "succeeded"
    assert expect.directives(after.headers["Cache-Control"]) == {"private", "no-cache"}


def test_the_mails_of_the_house_are_nobodys_tasks(alice, mails):
    assert mails(alice.email)
    assert expect.walk(alice, TASKS) == []
