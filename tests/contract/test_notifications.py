"""Notifications: listed, read, and told live."""

import time

import pytest

from noteassist.worker.runner import Runner
from tests.live import LiveServer
from tests.people import do_all_due, register
from tests.stand_ins.groq import GroqStandIn, Status

from . import ai, expect

ALL = "/api/notifications/"
PENDING = ALL + "pending/"
FIELDS = {
    "id": int,
    "type": str,
    "title": str,
    "message": str,
    "action_id": str | int | None,
    "created_at": str,
    "read_at": str | None,
}


@pytest.fixture
def three(alice, do_tasks):
    """Three notifications of Alice's, newest first."""
    for number in range(3):
        ai.output(alice, do_tasks, content=f"Text {number}.")
    return expect.walk(alice, ALL)


def test_nobody_begins_with_notifications(alice):
    for path in (ALL, PENDING):
        assert alice.get(path).json == {"results": [], "next": None, "previous": None}


def test_an_answer_that_is_ready_is_told(alice, do_tasks):
    answer = ai.ask(alice)
    do_tasks()
    (told,) = expect.walk(alice, ALL)
    ai.has_fields(told, FIELDS)
    assert (told["type"], told["read_at"]) == ("success", None)
    assert told["title"] and told["message"] and expect.moment(told["created_at"])
    assert told["action_id"] in (answer.json["task_id"], ai.task(alice, answer)["result"]["id"])


def test_an_answer_from_the_cache_is_told_as_well(alice, bob, do_tasks):
    ai.ask(alice)
    do_tasks()
    answer = ai.ask(bob)
    (told,) = expect.walk(bob, ALL)
    assert ai.has_fields(told, FIELDS) | {"id": 0} == expect.walk(alice, ALL)[0] | {
        "id": 0,
        "action_id": answer.json["task_id"],
        "created_at": told["created_at"],
    }


def test_who_does_not_wish_to_know_is_not_told(alice, bob, do_tasks):
    settings = {"notification_settings": {"ai_completed": False}}
    for client in (alice, bob):
        expect.ok(client.patch("/api/auth/me/", json=settings))
        ai.ask(client)
        do_tasks()
        assert expect.walk(client, ALL) == []


def test_nothing_is_told_before_there_is_something(alice):
    ai.accepted(ai.ask(alice))
    assert expect.walk(alice, ALL) == []


def test_a_failure_is_told_as_an_error(tmp_path):
    with GroqStandIn() as groq, ai.application(tmp_path / "instance", **ai.with_groq(groq)) as app:
        groq.always(Status(400))
        dora = register(app, email="dora@example.com")
        answer = ai.ask(dora)
        do_all_due(Runner(app, app.config["SETTINGS"]))
        (told,) = expect.walk(dora, ALL)
    assert (told["type"], told["action_id"]) == ("error", answer.json["task_id"])


def test_the_newest_comes_first(three):
    assert [told["message"].count(f"Text {2 - n}") for n, told in enumerate(three)] == [1, 1, 1]
    moments = [expect.moment(told["created_at"]) for told in three]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("path", [ALL, PENDING])
def test_walking_the_pages_gives_every_notification_once(alice, three, path, size):
    assert expect.walk(alice, f"{path}?page_size={size}") == three


def test_reading_one_leaves_the_others_pending(alice, three):
    read = expect.ok(alice.post(f"{ALL}{three[1]['id']}/read/"))
    assert read == {**three[1], "read_at": read["read_at"]} and expect.moment(read["read_at"])
    assert expect.walk(alice, PENDING) == [three[0], three[2]]
    assert expect.walk(alice, ALL) == [three[0], read, three[2]]


def test_reading_twice_is_reading_once(alice, three):
    first, second = (expect.ok(alice.post(f"{ALL}{three[0]['id']}/read/")) for _ in range(2))
    assert first == second


def test_reading_all_leaves_nothing_pending(alice, three):
    expect.ok(alice.post(f"{ALL}{three[0]['id']}/read/"))
    read_before = alice.get(ALL).json["results"][0]
    expect.ok(alice.post(ALL + "read-all/"))
    assert expect.walk(alice, PENDING) == []
    after = expect.walk(alice, ALL)
    assert (after[0], expect.ids(after)) == (read_before, expect.ids(three))
    assert all(told["read_at"] for told in after)


def test_reading_all_where_there_is_nothing_is_fine(alice):
    expect.ok(alice.post(ALL + "read-all/"))


def test_reading_all_reads_only_ones_own(alice, bob, three):
    expect.ok(bob.post(ALL + "read-all/"))
    assert expect.walk(alice, PENDING) == three


def test_what_is_told_later_is_pending_again(alice, do_tasks, three):
    expect.ok(alice.post(ALL + "read-all/"))
    ai.output(alice, do_tasks, content="Later.")
    assert len(expect.walk(alice, PENDING)) == 1


def test_a_stranger_reads_and_marks_nothing(alice, bob, three):
    assert expect.walk(bob, ALL) == []
    foreign = bob.post(f"{ALL}{three[0]['id']}/read/")
    never = bob.post(f"{ALL}{expect.NEVER_WAS}/read/")
    expect.problem(foreign, 404)
    assert expect.anonymised(foreign) == expect.anonymised(never)
    assert expect.walk(alice, PENDING) == three


@pytest.mark.parametrize("bad", [0, -1, 2**63, 10**30, "abc", "%00", "1.5"])
def test_an_id_that_cannot_be_is_a_404(alice, bad):
    expect.problem(alice.post(f"{ALL}{bad}/read/"), 404)


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", ALL),
        ("GET", PENDING),
        ("POST", ALL + "1/read/"),
        ("POST", ALL + "read-all/"),
        ("GET", ALL + "stream/"),
    ],
)
def test_nobody_comes_in_without_a_token(alice, anonymous, method, path):
    expect.unauthorized(anonymous.open(path, method=method))
    expect.unauthorized(anonymous.open(f"{path}?access_token={alice.access}", method=method))


@pytest.mark.parametrize(
    "method, path",
    [("GET", ALL), ("GET", PENDING), ("POST", ALL + "read-all/"), ("GET", ALL + "stream/")],
)
def test_an_unknown_query_parameter_is_refused(alice, method, path):
    expect.invalid(alice.open(path + "?all=1", method=method), "all", where="query")


@pytest.mark.parametrize("path", [ALL, PENDING])
def test_a_page_that_cannot_be_is_refused(alice, path):
    expect.invalid(alice.get(path + "?page_size=101"), "page_size", where="query")
    expect.problem(alice.get(path + "?cursor=x"), 400)


@pytest.mark.parametrize("path", [ALL, PENDING])
def test_a_reading_is_answered_with_304_until_something_is_read(alice, three, path):
    tag = expect.strong(alice.get(path).headers["ETag"])
    assert alice.get(path, headers={"If-None-Match": tag}).status_code == 304
    expect.ok(alice.post(f"{ALL}{three[0]['id']}/read/"))
    assert alice.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_reading_all_in_parallel_breaks_nothing(alice, three, in_parallel):
    acts = [lambda: alice.post(ALL + "read-all/"), lambda: alice.post(f"{ALL}{three[0]['id']}/read/")] * 4
    assert {answer.status_code for answer in in_parallel(acts)} == {200}
    assert expect.walk(alice, PENDING) == []


# From here on with a real server, as the stream never ends by itself.


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with the built-in provider."""
    with LiveServer(tmp_path_factory.mktemp("server")) as started:
        yield started


def told(arriving):
    """The next event of a live stream."""
    return next(event for block in arriving if (event := ai.one_event(block)) is not None)


def test_notifications_are_told_live_and_only_to_their_owner(server):
    dora, emil = (server.sign_up(f"{name}{time.monotonic_ns()}@example.com") for name in ("dora", "emil"))
    with dora.stream("GET", ALL + "stream/", timeout=20) as answer:
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (
            200,
            "text/event-stream",
        )
        arriving = ai.blocks(answer)
        assert next(arriving)
        for client in (emil, dora):
            assert client.post(ai.BASE + "summarize/", json={"content": "Cells."}).status_code == 202
        event = told(arriving)
        (row,) = dora.get(ALL).json()["results"]
        assert ai.has_fields(event.data, FIELDS) == row


def test_a_stream_sends_a_comment_when_there_is_nothing_to_tell(server):
    dora = server.sign_up(f"dora{time.monotonic_ns()}@example.com")
    with dora.stream("GET", ALL + "stream/", timeout=20) as answer:
        arriving = ai.blocks(answer)
        assert next(arriving).startswith(":")
        begin = time.monotonic()
        assert next(arriving).startswith(":")
        assert time.monotonic() - begin < 17


def waited(client, text):
    """Ask for a summary and wait for it."""
    answer = client.post(ai.BASE + "summarize/", json={"content": text}, headers=ai.wait(20))
    assert answer.status_code == 201, answer.text


def test_a_stream_that_broke_is_resumed_without_a_gap(server):
    dora = server.sign_up(f"dora{time.monotonic_ns()}@example.com")
    with dora.stream("GET", ALL + "stream/", timeout=20) as answer:
        arriving = ai.blocks(answer)
        assert next(arriving)
        waited(dora, "First.")
        first = told(arriving)
    waited(dora, "Second.")
    with dora.stream("GET", ALL + "stream/", timeout=20, headers={"Last-Event-ID": first.id}) as answer:
        second = told(ai.blocks(answer))
    assert "Second" in second.data["message"] and int(second.id) > int(first.id)
