"""A topic rewritten by an AI tool: proposed as a diff, and put in only when its owner says so."""

from functools import partial

import pytest

from . import ai, expect

TEXT = "teh cells  divides ,and they grows"


@pytest.fixture
def topic(make_note):
    """A topic of Alice's with a text that can be improved."""
    parts = {
        "explanation": {"content": TEXT},
        "code_snippet": {"language": "python", "code": "print('cell')\n"},
        "source": {"title": "A book", "url": "https://example.com/"},
    }
    topics = [{"name": "Before"}, {"name": "Cells", **parts}, {"name": "After"}]
    return make_note(chapters=[{"title": "One", "topics": topics}])["chapters"][0]["topics"][1]


@pytest.fixture
def place(topic):
    """The address of the topic."""
    return f"/api/topics/{topic['id']}/"


@pytest.fixture
def propose(alice, do_tasks, place):
    """Have a tool work on the topic; gives the output."""

    def propose(tool="improve", **fields):
        answer = alice.post(place + "ai/", json={"tool": tool, **fields})
        assert ai.accepted(answer)["status"] == "queued"
        do_tasks()
        task = ai.task(alice, answer)
        assert (task["kind"], task["status"]) == (tool, "succeeded"), task
        return task["result"]

    return propose


def apply(client, output, topic, **fields):
    """POST to put an output into a topic."""
    return client.post(f"{ai.BASE}{output['id']}/apply/", json={"topic_id": topic["id"], **fields})


def lines(diff, sign):
    """The lines of a unified diff that stay, and those with this sign, in their order."""
    body = diff.split("@@", 2)[2].split("\n", 1)[1]
    kept = [line for line in body.split("\n") if not line.startswith(("@@", "\\"))]
    return [line[1:] for line in kept if line[:1] in (" ", sign)]


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_every_tool_works_on_a_topic(propose, tool):
    output = ai.has_fields(propose(tool), ai.OUTPUT)
    assert (output["tool"], output["content"] != "") == (tool, True)
    assert output["diff"].startswith("--- ") and "\n+++ " in output["diff"] and "\n@@ " in output["diff"]


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_nothing_lands_by_itself(alice, propose, topic, place, tool):
    tag = alice.get(place).headers["ETag"]
    propose(tool)
    assert expect.includes(alice.get(place).json, topic)
    assert alice.get(place, headers={"If-None-Match": tag}).status_code == 304


def test_the_diff_takes_away_what_stood(propose):
    assert lines(propose()["diff"], "-") == [TEXT]


def test_what_the_diff_adds_is_what_is_put_in(alice, propose, topic):
    output = propose()
    after = expect.ok(apply(alice, output, topic))["explanation"]["content"]
    assert after.rstrip("\n").split("\n") == lines(output["diff"], "+")


def test_the_text_is_the_topics_own(propose):
    assert "cells divides, and they grows" in propose()["content"]


@pytest.mark.parametrize(
    "tool, fields",
    [
        ("generate", {"level": "beginner", "language": "de"}),
        ("improve", {"instructions": "Shorter, please.", "language": "fr"}),
        ("summarize", {"length": "short", "format": "bullets", "language": "de"}),
        ("code", {"programming_language": "go", "level": "advanced"}),
    ],
)
def test_each_tool_takes_its_own_options(propose, tool, fields):
    output = propose(tool, **fields)
    assert output["language"] == fields.get("language", output["language"])


def test_applying_answers_the_topic_as_it_now_stands(alice, propose, topic, place):
    answer = apply(alice, propose(), topic)
    after = expect.ok(answer)
    assert (after["id"], after["explanation"]["content"] != TEXT) == (topic["id"], True)
    assert alice.get(place).json == after
    assert expect.strong(answer.headers["ETag"]) == alice.get(place).headers["ETag"]


@pytest.mark.parametrize("tool", ["improve", "summarize", "generate"])
def test_a_new_text_leaves_the_rest_of_the_topic(alice, propose, topic, tool):
    after = expect.ok(apply(alice, propose(tool), topic))
    assert after["explanation"]["content"] != TEXT
    for part in ("name", "order", "code_snippet", "source", "created_at"):
        assert after[part] == topic[part]
    assert after["updated_at"] > topic["updated_at"]


def test_new_code_leaves_the_explanation(alice, propose, topic):
    after = expect.ok(apply(alice, propose("code", programming_language="go"), topic))
    assert after["code_snippet"]["language"] == "go" and "```" not in after["code_snippet"]["code"]
    assert (after["explanation"], after["source"]) == (topic["explanation"], topic["source"])


def test_the_note_changes_with_its_topic(alice, propose, topic):
    note = expect.walk(alice, "/api/notes/")[0]
    tag = alice.get(f"/api/notes/{note['id']}/").headers["ETag"]
    expect.ok(apply(alice, propose(), topic))
    after = expect.ok(alice.get(f"/api/notes/{note['id']}/", headers={"If-None-Match": tag}))
    assert after["updated_at"] > note["updated_at"]
    assert expect.outline(after) == [("One", ["Before", "Cells", "After"])]


def test_a_topic_that_has_moved_on_is_left_alone(alice, propose, topic, place, patched):
    output = propose()
    changed = patched(place, explanation={"content": "Written by hand meanwhile."})
    expect.problem(apply(alice, output, topic), 409, code="topic_changed")
    assert alice.get(place).json == changed


def test_a_topic_that_moves_on_while_the_model_writes_loses_nothing(alice, do_tasks, topic, place, patched):
    answer = alice.post(place + "ai/", json={"tool": "improve"})
    patched(place, explanation={"content": "Written by hand meanwhile."})
    do_tasks()
    output = ai.task(alice, answer)["result"]
    if lines(output["diff"], "-") != ["Written by hand meanwhile."]:
        expect.problem(apply(alice, output, topic), 409, code="topic_changed")
        assert alice.get(place).json["explanation"]["content"] == "Written by hand meanwhile."


def test_of_two_proposals_the_second_finds_a_changed_topic(alice, propose, topic, place):
    first, second = propose(), propose("summarize", length="short")
    after = expect.ok(apply(alice, first, topic))
    expect.problem(apply(alice, second, topic), 409, code="topic_changed")
    assert alice.get(place).json == after


def test_an_edit_is_never_lost_to_an_application_beside_it(
    alice, propose, topic, place, patched, in_parallel
):
    for number in range(5):
        text = f"teh {number} hands"
        patched(place, explanation={"content": f"teh text  {number}"})
        applying = partial(apply, alice, propose(), topic)
        applied, _ = in_parallel([applying, partial(patched, place, explanation={"content": text})])
        assert applied.status_code in (200, 409)
        assert alice.get(place).json["explanation"]["content"] == text


def test_a_changed_order_is_no_change_of_the_topic(alice, propose, topic, place, patched):
    output = propose()
    before = alice.get(place).json["chapter_id"]
    assert alice.delete(f"/api/topics/{topic['id'] - 1}/").status_code == 204
    after = expect.ok(apply(alice, output, topic))
    assert (after["order"], after["chapter_id"]) == (1, before)


def test_an_output_is_put_only_where_it_belongs(alice, propose, topic):
    output, other = propose(), {"id": topic["id"] + 1}
    expect.problem(apply(alice, output, other), 404, 409, 422)
    assert alice.get(f"/api/topics/{other['id']}/").json["explanation"] is None


def test_an_output_over_no_topic_is_not_put_into_one(alice, do_tasks, topic, place):
    output = ai.output(alice, do_tasks, "improve")
    expect.problem(apply(alice, output, topic), 404, 409, 422)
    assert alice.get(place).json["explanation"]["content"] == TEXT


def test_a_deleted_topic_takes_nothing(alice, propose, topic, place):
    output = propose()
    assert alice.delete(place).status_code == 204
    expect.problem(apply(alice, output, topic), 404)
    expect.problem(alice.post(place + "ai/", json={"tool": "improve"}), 404)


def test_a_topic_deleted_while_the_model_writes_breaks_nothing(alice, do_tasks, place):
    answer = alice.post(place + "ai/", json={"tool": "improve"})
    assert alice.delete(place).status_code == 204
    do_tasks()
    assert ai.task(alice, answer)["status"] in ("succeeded", "failed", "cancelled")


def test_a_topic_of_a_trashed_note_is_not_there(alice, propose, topic, place):
    output, (note,) = propose(), expect.walk(alice, "/api/notes/")
    assert alice.delete(f"/api/notes/{note['id']}/").status_code == 204
    expect.problem(alice.post(place + "ai/", json={"tool": "improve"}), 404)
    expect.problem(apply(alice, output, topic), 404)


def test_a_strangers_topic_is_not_there(alice, bob, place, topic):
    body = {"tool": "improve"}
    foreign = bob.post(place + "ai/", json=body)
    never = bob.post(f"/api/topics/{expect.NEVER_WAS}/ai/", json=body)
    expect.problem(foreign, 404)
    assert expect.anonymised(foreign) == expect.anonymised(never)
    assert expect.walk(bob, "/api/tasks/") == [] and ai.used(bob) == 0


def test_nobody_applies_for_somebody_else(alice, bob, do_tasks, propose, topic, place):
    expect.problem(apply(bob, propose(), topic), 404)
    expect.problem(apply(bob, ai.output(bob, do_tasks, "improve"), topic), 404)
    assert expect.includes(alice.get(place).json, topic)


def test_a_proposal_can_also_be_read_saved_and_forgotten(alice, propose):
    output = propose()
    assert expect.walk(alice, ai.HISTORY + "?tool=improve") == [output]
    expect.ok(alice.get(output["actions"]["download"]))
    expect.ok(alice.post(output["actions"]["save_to_note"], json={}), 201)
    assert alice.delete(f"{ai.BASE}{output['id']}/").status_code == 204


def test_a_proposal_can_be_waited_for(alice, crew, place):
    answer = alice.post(place + "ai/", json={"tool": "improve"}, headers=ai.wait(10))
    assert expect.ok(answer, 201)["diff"]
    assert answer.headers["Preference-Applied"] == "wait=10"


def test_a_proposal_counts_as_a_use_of_its_tool(alice, propose):
    propose("summarize")
    assert (ai.used(alice, "summarize"), ai.used(alice, "generate"), ai.used(alice)) == (1, 0, 1)


def test_a_proposal_sent_again_with_its_key_is_one(alice, place):
    body, headers = {"tool": "code"}, {"Idempotency-Key": "once"}
    first, second = (alice.post(place + "ai/", json=body, headers=headers) for _ in range(2))
    assert (second.json, second.headers["Idempotent-Replayed"]) == (first.json, "true")
    assert len(expect.walk(alice, "/api/tasks/")) == 1


@pytest.mark.parametrize("tool", ["translate", "", "IMPROVE", None, 1, ["improve"], "a\0b"], ids=repr)
def test_a_tool_that_is_not_there_is_refused(alice, place, tool):
    expect.invalid(alice.post(place + "ai/", json={"tool": tool}), "tool")
    expect.invalid(alice.post(place + "ai/", json={}), "tool")


@pytest.mark.parametrize(
    "tool, field, wrong",
    [
        ("generate", "level", "expert"),
        ("generate", "length", "short"),
        ("generate", "topic", "Mine"),
        ("improve", "content", "Mine"),
        ("improve", "level", "beginner"),
        ("improve", "instructions", 1),
        ("improve", "instructions", "a\0b"),
        ("summarize", "format", "table"),
        ("summarize", "length", "tiny"),
        ("summarize", "language", "not a language"),
        ("summarize", "instructions", "x"),
        ("code", "prompt", "Mine"),
        ("code", "format", "bullets"),
        ("code", "programming_language", ""),
        ("code", "user_id", 1),
    ],
)
def test_what_is_not_an_option_of_the_tool_is_refused(alice, place, tool, field, wrong):
    expect.invalid(alice.post(place + "ai/", json={"tool": tool, field: wrong}), field)
    assert expect.walk(alice, "/api/tasks/") == [] and ai.used(alice) == 0


@pytest.mark.parametrize("wrong", [None, "1", 1.5, True, [], {}], ids=repr)
def test_a_topic_id_of_another_type_is_refused(alice, propose, wrong):
    place = f"{ai.BASE}{propose()['id']}/apply/"
    expect.invalid(alice.post(place, json={"topic_id": wrong}), "topic_id")
    expect.invalid(alice.post(place, json={}), "topic_id")
    expect.invalid(alice.post(place, json={"topic_id": 1, "force": True}), "force")


def test_another_content_type_or_query_is_refused(alice, propose, topic, place):
    output = propose()
    for address, body in (
        (place + "ai/", {"tool": "improve"}),
        (f"{ai.BASE}{output['id']}/apply/", {"topic_id": topic["id"]}),
    ):
        expect.problem(alice.post(address, data=b"{}", content_type="text/plain"), 415)
        expect.problem(alice.post(address, data=b"{", content_type="application/json"), 400)
        expect.invalid(alice.post(address + "?force=1", json=body), "force", where="query")
    assert expect.includes(alice.get(place).json, topic)


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_topic_without_any_text_is_answered_or_refused(alice, do_tasks, topic, tool):
    bare = {"id": topic["id"] - 1}
    answer = alice.post(f"/api/topics/{bare['id']}/ai/", json={"tool": tool})
    if answer.status_code != 202:
        expect.problem(answer, 409, 422)
        return
    do_tasks()
    expect.ok(apply(alice, ai.task(alice, answer)["result"], bare))


def test_a_topic_longer_than_the_tool_reads_is_refused(alice, place, patched):
    patched(place, explanation={"content": "x" * 20_001})
    expect.problem(alice.post(place + "ai/", json={"tool": "improve"}), 422)
    patched(place, explanation={"content": "x" * 20_000})
    ai.accepted(alice.post(place + "ai/", json={"tool": "improve"}))
