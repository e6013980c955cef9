"""The history of the AI tools: every use, read, walked, forgotten and expired."""

import pytest

from . import ai, expect


@pytest.fixture
def write(alice, do_tasks):
    """Have a request of Alice's answered; gives the output."""
    return lambda tool="summarize", **fields: ai.output(alice, do_tasks, tool, **fields)


@pytest.fixture
def seven(write):
    """Seven outputs of Alice's, oldest first."""
    tools = ["generate", "improve", "summarize", "code", "summarize", "improve", "summarize"]
    return [write(tool, **{ai.MAIN[tool][0]: f"Text {number}"}) for number, tool in enumerate(tools)]


@pytest.fixture
def place(write):
    """Where an output of Alice's is."""
    return f"{ai.BASE}{write()['id']}/"


def test_an_empty_history_is_one_empty_page(alice):
    assert alice.get(ai.HISTORY).json == {"results": [], "next": None, "previous": None}


def test_the_history_has_every_output_newest_first(alice, seven):
    assert expect.walk(alice, ai.HISTORY) == list(reversed(seven))


def test_what_came_from_the_cache_is_a_use_of_its_own(alice, write):
    first, second = write(), write()
    assert expect.ids(expect.walk(alice, ai.HISTORY)) == [second["id"], first["id"]]
    assert first["id"] != second["id"]


def test_what_was_not_answered_yet_has_no_output(alice):
    ai.accepted(ai.ask(alice))
    assert expect.walk(alice, ai.HISTORY) == []


def test_what_was_cancelled_has_no_output(alice, do_tasks):
    answer = ai.ask(alice)
    alice.delete(expect.location(answer))
    do_tasks()
    assert expect.walk(alice, ai.HISTORY) == []


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_the_history_of_one_tool(alice, seven, tool):
    wanted = [output for output in reversed(seven) if output["tool"] == tool]
    assert wanted and expect.walk(alice, f"{ai.HISTORY}?tool={tool}") == wanted


@pytest.mark.parametrize(
    "query", ["tool=translate", "tool=", "tool=Code", "tool=a%00b", "tool=code&tool=code"]
)
def test_a_tool_that_means_nothing_is_refused(alice, query):
    expect.invalid(alice.get(f"{ai.HISTORY}?{query}"), "tool", where="query")


@pytest.mark.parametrize("size", [1, 2, 6, 7, 8, 100])
def test_walking_the_history_gives_every_output_once(alice, seven, size):
    seen = list(expect.pages(alice, f"{ai.HISTORY}?page_size={size}"))
    assert all(len(page["results"]) == size for page in seen[:-1])
    assert [row for page in seen for row in page["results"]] == list(reversed(seven))


def test_the_links_keep_the_tool(alice, seven):
    walked = expect.walk(alice, f"{ai.HISTORY}?tool=summarize&page_size=1")
    assert [output["tool"] for output in walked] == ["summarize"] * 3


def test_the_history_can_be_walked_back(alice, seven):
    first = alice.get(f"{ai.HISTORY}?page_size=3").json
    second = alice.get(first["next"]).json
    assert alice.get(second["previous"]).json["results"] == first["results"]


def test_new_and_deleted_outputs_do_not_disturb_a_walk(alice, seven, write):
    page = alice.get(f"{ai.HISTORY}?page_size=3").json
    write(content="Newer")
    assert alice.delete(f"{ai.BASE}{page['results'][-1]['id']}/").status_code == 204
    assert expect.walk(alice, page["next"]) == list(reversed(seven[:4]))


@pytest.mark.parametrize("size", ["0", "101", "-1", "abc", "1.5", ""])
def test_a_page_size_outside_1_to_100_is_refused(alice, size):
    expect.invalid(alice.get(f"{ai.HISTORY}?page_size={size}"), "page_size", where="query")


@pytest.mark.parametrize("cursor", ["x", "%27", "a" * 500])
def test_a_cursor_that_is_not_ours_is_a_400(alice, cursor):
    expect.problem(alice.get(f"{ai.HISTORY}?cursor={cursor}"), 400)


def test_a_cursor_of_another_list_is_a_400(alice, seven):
    cursor = expect.cursor(alice.get("/api/tasks/?page_size=2").json["next"])
    expect.problem(alice.get(f"{ai.HISTORY}?page_size=2&cursor={cursor}"), 400)


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
def test_a_stranger_gets_the_same_404_as_for_an_output_that_never_was(alice, bob, place, method):
    foreign = bob.open(place, method=method)
    never = bob.open(f"{ai.BASE}{expect.NEVER_WAS}/", method=method)
    assert foreign.status_code == never.status_code == 404
    if method != "HEAD":
        assert expect.anonymised(foreign) == expect.anonymised(never)
    expect.ok(alice.get(place))


def test_a_history_holds_only_what_is_the_readers(bob, seven):
    assert expect.walk(bob, ai.HISTORY) == []


@pytest.mark.parametrize("bad", [0, -1, 2**63, 10**30, "abc", "1.5", "%00", "+1"])
@pytest.mark.parametrize(
    "method, below",
    [("GET", ""), ("DELETE", ""), ("POST", "save-to-note/"), ("GET", "download/"), ("POST", "apply/")],
)
def test_an_id_that_cannot_be_is_a_404(alice, bad, method, below):
    body = {"json": {"topic_id": 1} if below == "apply/" else {}} if method == "POST" else {}
    expect.problem(alice.open(f"{ai.BASE}{bad}/{below}", method=method, **body), 404)


def test_a_deleted_output_is_gone(alice, place):
    answer = alice.delete(place)
    assert (answer.status_code, answer.get_data()) == (204, b"")
    expect.problem(alice.get(place), 404)
    expect.problem(alice.delete(place), 404)
    assert expect.walk(alice, ai.HISTORY) == []


@pytest.mark.parametrize(
    "method, below", [("POST", "save-to-note/"), ("GET", "download/"), ("POST", "download/")]
)
def test_nothing_can_be_done_with_a_deleted_output(alice, place, method, below):
    alice.delete(place)
    expect.problem(alice.open(place + below, method=method, json={} if "save" in below else None), 404)


def test_deleting_one_output_leaves_the_others(alice, seven):
    assert alice.delete(f"{ai.BASE}{seven[3]['id']}/").status_code == 204
    assert expect.walk(alice, ai.HISTORY) == [row for row in reversed(seven) if row != seven[3]]


def test_deleting_gives_no_quota_back(alice, seven):
    before = alice.get(ai.QUOTA).json["tools"]
    for output in seven:
        assert alice.delete(f"{ai.BASE}{output['id']}/").status_code == 204
    after = alice.get(ai.QUOTA).json["tools"]
    assert {tool: row["used"] for tool, row in after.items()} == {
        tool: row["used"] for tool, row in before.items()
    }
    assert ai.used(alice) == 7


def test_the_task_of_a_deleted_output_no_longer_tells_it(alice, do_tasks):
    answer = ai.ask(alice, content="Mitochondria are powerhouses.")
    do_tasks()
    output = ai.task(alice, answer)["result"]
    assert alice.delete(f"{ai.BASE}{output['id']}/").status_code == 204
    task = ai.task(alice, answer)
    assert (task["status"], task["result"]) == ("succeeded", None)


def test_the_events_of_a_deleted_output_no_longer_tell_it(alice, do_tasks):
    answer = ai.ask(alice, content="Mitochondria are powerhouses.")
    do_tasks()
    output = ai.task(alice, answer)["result"]
    assert alice.delete(f"{ai.BASE}{output['id']}/").status_code == 204
    assert "powerhouses" not in alice.get(answer.json["events_url"]).get_data(as_text=True)


def test_one_of_two_parallel_deletions_deletes(alice, place, in_parallel):
    answers = in_parallel([lambda: alice.delete(place)] * 8)
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 7


@pytest.mark.parametrize("query", ["permanent=true", "x=1"])
def test_an_output_takes_no_query_parameters(alice, place, query):
    for method in ("GET", "DELETE"):
        expect.invalid(alice.open(f"{place}?{query}", method=method), query.split("=")[0], where="query")
    expect.ok(alice.get(place))


def addresses(place):
    """The addresses whose answers may be kept by their owner."""
    return (place, ai.HISTORY, ai.HISTORY + "?tool=summarize", ai.QUOTA, "/api/tasks/", "/api/notifications/")


def test_readings_are_answered_with_304_while_nothing_changes(alice, place):
    for address in addresses(place):
        answer = alice.get(address)
        tag = expect.strong(answer.headers["ETag"])
        assert expect.directives(answer.headers["Cache-Control"]) == {"private", "no-cache"}
        assert {"authorization", "x-api-key", "accept-encoding"} <= expect.directives(answer.headers["Vary"])
        again = alice.get(address, headers={"If-None-Match": tag})
        assert (again.status_code, again.get_data()) == (304, b""), address


def test_no_old_tag_stands_after_a_change(alice, place, write):
    tags = {address: alice.get(address).headers["ETag"] for address in addresses(place)}
    alice.get(place + "download/")
    write(content="Newer")
    for address, tag in tags.items():
        assert alice.get(address, headers={"If-None-Match": tag}).status_code == 200, address


def test_a_tag_of_one_user_means_nothing_for_another(alice, bob, place):
    tag = alice.get(ai.HISTORY).headers["ETag"]
    assert expect.ok(bob.get(ai.HISTORY, headers={"If-None-Match": tag}))["results"] == []


def test_an_output_is_there_for_30_days(alice, sign_in, do_tasks, move_clock):
    output = ai.output(alice, do_tasks)
    place = f"{ai.BASE}{output['id']}/"
    move_clock(29.9 * 24 * 3600)
    do_tasks()
    alice = sign_in(alice.email, alice.password)
    assert alice.get(place).json == output
    move_clock(0.2 * 24 * 3600)
    do_tasks()
    alice = sign_in(alice.email, alice.password)
    expect.problem(alice.get(place), 404)
    expect.problem(alice.get(place + "download/"), 404)
    expect.problem(alice.post(place + "save-to-note/", json={}), 404)
    assert expect.walk(alice, ai.HISTORY) == []


def test_an_output_in_a_note_stays(alice, sign_in, do_tasks, move_clock):
    place = f"{ai.BASE}{ai.output(alice, do_tasks)['id']}/"
    expect.ok(alice.post(place + "save-to-note/", json={}), 201)
    saved = alice.get(place).json
    move_clock(31 * 24 * 3600)
    do_tasks()
    alice = sign_in(alice.email, alice.password)
    assert alice.get(place).json == saved
