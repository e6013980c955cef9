"""The events of a task: replayed when it has ended, live while it runs, resumed in between."""

import time
from contextlib import ExitStack, contextmanager

import pytest

from tests.live import LiveServer, eventually
from tests.stand_ins.groq import GroqStandIn, Status

from . import ai, expect

LAST = {"succeeded", "failed", "cancelled"}
STREAMS = 3
TOKEN_DELAY = 0.05


@pytest.fixture
def task(alice, do_tasks):
    """A task of Alice's that has succeeded."""
    answer = ai.ask(alice, "generate")
    do_tasks()
    return ai.task(alice, answer)


@pytest.fixture
def place(task):
    """Where its events are."""
    return f"/api/tasks/{task['task_id']}/events/"


def test_an_ended_task_replays_its_events(alice, task):
    *before, last = ai.events(alice, task["task_id"])
    assert {event.name for event in before} == {"progress", "token"}
    assert (last.name, last.data) == ("succeeded", task)


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_the_tokens_together_are_the_content(alice, do_tasks, tool):
    answer = ai.ask(alice, tool)
    do_tasks()
    task = ai.task(alice, answer)
    tokens = [event.data["text"] for event in ai.events(alice, task["task_id"]) if event.name == "token"]
    assert "".join(tokens).strip() == task["result"]["content"].strip()


def test_each_event_has_the_fields_of_its_kind(alice, task):
    for event in ai.events(alice, task["task_id"])[:-1]:
        if event.name == "progress":
            assert 0 <= event.data["progress"] <= 100 and isinstance(event.data["message"], str)
        else:
            assert isinstance(event.data["text"], str) and event.data["text"]


def test_the_ids_grow(alice, task):
    ids = [int(event.id) for event in ai.events(alice, task["task_id"])]
    assert ids == sorted(set(ids))


def test_a_replay_is_the_same_every_time(alice, task):
    assert ai.events(alice, task["task_id"]) == ai.events(alice, task["task_id"])


def test_a_replay_resumes_after_any_event(alice, task):
    whole = ai.events(alice, task["task_id"])
    for number, event in enumerate(whole[:-1], start=1):
        assert ai.events(alice, task["task_id"], event.id) == whole[number:]


def test_after_the_last_event_nothing_comes(alice, task, place):
    last = ai.events(alice, task["task_id"])[-1]
    answer = alice.get(place, headers={"Last-Event-ID": last.id})
    assert answer.status_code in (200, 204)
    assert ai.parsed(answer.get_data(as_text=True)) in ([], [last])


@pytest.mark.parametrize("last", ["abc", "-1", "1.5", str(2**63), str(10**30), "", "1 OR 1=1", "x" * 4000])
def test_a_last_event_that_cannot_be_breaks_nothing(alice, place, last):
    answer = alice.get(place, headers={"Last-Event-ID": last})
    if answer.status_code == 200:
        assert all(event.name in LAST | {"progress", "token"} for event in ai.parsed(answer.text))
    else:
        expect.problem(answer, 400, 422)


def test_a_stream_is_kept_and_held_back_by_nobody(alice, place):
    answer = alice.get(place, headers={"Accept-Encoding": "gzip"})
    assert answer.mimetype == "text/event-stream"
    assert expect.directives(answer.headers["Cache-Control"]) & {"no-cache", "no-store"}
    assert answer.headers["API-Version"] == "1" and answer.headers["X-Request-ID"]


def test_a_cancelled_task_ends_with_that(alice):
    answer = ai.ask(alice)
    assert alice.delete(expect.location(answer)).status_code == 204
    last = ai.events(alice, answer.json["task_id"])[-1]
    assert (last.name, last.data) == ("cancelled", ai.task(alice, answer))


def test_events_are_for_their_owner(anonymous, bob, place):
    expect.unauthorized(anonymous.get(place))
    expect.problem(bob.get(place), 404)


@pytest.mark.parametrize("name", ["access_token", "token", "api_key", "last_event_id"])
def test_a_token_in_the_address_opens_nothing(alice, anonymous, place, name):
    expect.unauthorized(anonymous.get(f"{place}?{name}={alice.access}"))
    expect.invalid(alice.get(f"{place}?{name}={alice.access}"), name, where="query")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_events_are_only_read(alice, place, method):
    expect.problem(alice.open(place, method=method, json={}), 405)


# From here on with a real server, whose model writes a word every few hundredths of a second.


@pytest.fixture(scope="module")
def groq():
    """A model that writes slowly."""
    with GroqStandIn() as stand_in:
        stand_in.token_delay = TOKEN_DELAY
        yield stand_in


@pytest.fixture(scope="module")
def server(groq, tmp_path_factory):
    """A server with few places for streams."""
    settings = {
        "AI_PROVIDER": "groq",
        "GROQ_API_KEY": "gsk_tests",
        "GROQ_BASE_URL": groq.url,
        "WEB_STREAMS": str(STREAMS),
    }
    with LiveServer(tmp_path_factory.mktemp("server"), settings) as started:
        yield started


@pytest.fixture
def dora(server):
    """Dora, who is signed in there."""
    return server.sign_up(f"dora{time.monotonic_ns()}@example.com")


def asked(client, text):
    """Ask for a summary; gives the body of the 202."""
    answer = client.post(ai.BASE + "summarize/", json={"content": text})
    assert answer.status_code == 202, answer.text
    return answer.json()


@contextmanager
def listening(client, path, last=None):
    """A live stream of events, each given as it arrives."""
    headers = {} if last is None else {"Last-Event-ID": last}
    with client.stream("GET", path, headers=headers, timeout=30) as answer:
        assert answer.status_code == 200, answer.read()
        yield arriving(answer)


def arriving(answer):
    """The events of a live stream, and None for each comment."""
    return map(ai.one_event, ai.blocks(answer))


def test_tokens_arrive_while_the_model_still_writes(dora):
    task = asked(dora, "Live tokens.")
    with listening(dora, task["events_url"]) as events:
        first = next(event for event in events if event and event.name == "token")
        assert dora.get(task["status_url"]).json()["status"] == "running"
        rest = [event for event in events if event]
    last = rest.pop()
    assert (last.name, last.data) == ("succeeded", dora.get(task["status_url"]).json())
    text = "".join(event.data["text"] for event in [first, *rest] if event.name == "token")
    assert text.strip() == last.data["result"]["content"].strip()


def test_a_stream_that_broke_is_resumed_without_a_gap(dora):
    task = asked(dora, "Resumed.")
    with listening(dora, task["events_url"]) as events:
        seen = [event for event, _ in zip((event for event in events if event), range(6), strict=False)]
    with listening(dora, task["events_url"], seen[-1].id) as events:
        seen += [event for event in events if event]
    with listening(dora, task["events_url"]) as events:
        assert [event for event in events if event] == seen


def test_a_cancellation_ends_a_live_stream(dora):
    task = asked(dora, "Cancelled.")
    with listening(dora, task["events_url"]) as events:
        next(event for event in events if event and event.name == "token")
        assert dora.delete(task["status_url"]).status_code == 204
        last = [event for event in events if event][-1]
    assert (last.name, last.data["status"], last.data["result"]) == ("cancelled", "cancelled", None)


def test_a_failure_ends_a_live_stream(dora, groq):
    groq.next(Status(400))
    task = asked(dora, "Failed.")
    with listening(dora, task["events_url"]) as events:
        last = [event for event in events if event][-1]
    assert (last.name, last.data) == ("failed", dora.get(task["status_url"]).json())
    assert last.data["error"]["code"] and last.data["error"]["detail"]


@contextmanager
def listeners(server, dora, path, number):
    """So many streams that are open at once."""
    with ExitStack() as stack:
        for _ in range(number):
            client = server.client(headers=dict(dora.headers))
            answer = stack.enter_context(client.stream("GET", path, timeout=30))
            assert answer.status_code == 200
        yield


def test_streams_have_their_share_and_leave_the_rest_alone(server, dora, groq):
    groq.token_delay = 0.3
    task = asked(dora, "Many listeners.")
    with listeners(server, dora, task["events_url"], STREAMS):
        refused = dora.get(task["events_url"])
        assert (refused.status_code, refused.headers["Content-Type"]) == (503, expect.PROBLEM)
        assert int(refused.headers["Retry-After"]) >= 1
        assert dora.get("/api/notes/").status_code == 200
    assert dora.delete(task["status_url"]).status_code == 204
    groq.token_delay = TOKEN_DELAY


def test_a_place_that_was_left_is_free_again(server, dora):
    task = asked(dora, "Coming and going.")
    for _ in range(3):
        with listeners(server, dora, task["events_url"], STREAMS):
            pass
        eventually(lambda: dora.get(task["events_url"]).status_code == 200, 10, "no place was free")
