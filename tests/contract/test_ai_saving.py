"""AI outputs saved to notes: to a new one, to one that is there, or to a chapter of it."""

import pytest

from . import ai, expect


@pytest.fixture
def output(alice, do_tasks):
    """An output of Alice's."""
    return ai.output(alice, do_tasks)


@pytest.fixture
def save(alice, output):
    """Save Alice's output; gives the answer."""
    return lambda **fields: alice.post(output["actions"]["save_to_note"], json=fields)


def saved_topic(client, answer):
    """The topic that an output was saved as, after checking that it is in the note that was named."""
    body = expect.ok(answer, 201)
    assert isinstance(body["message"], str) and body["message"]
    note = expect.ok(client.get(f"/api/notes/{body['note_id']}/"))
    topics = {topic["id"]: topic for chapter in note["chapters"] for topic in chapter["topics"]}
    return topics[body["topic_id"]]


def titles(client):
    """The titles of all notes of this user."""
    return [row["title"] for row in expect.walk(client, "/api/notes/")]


def test_without_anything_said_it_becomes_a_new_note(alice, save, output):
    answer = save()
    assert output["content"] in saved_topic(alice, answer)["explanation"]["content"]
    (note,) = expect.walk(alice, "/api/notes/")
    assert (note["id"], note["topic_count"], note["status"]) == (answer.json["note_id"], 1, "draft")
    assert note["title"]


def test_a_title_is_the_new_notes(alice, save):
    expect.ok(save(title="Cells, in short"), 201)
    assert titles(alice) == ["Cells, in short"]


@pytest.mark.parametrize("title", ["Zoë’s “cells”", "ملاحظات", "<b>x</b>", "x" * 255, "🙂" * 255])
def test_a_title_is_kept_to_the_letter(alice, save, title):
    expect.ok(save(title=title), 201)
    assert titles(alice) == [title]


@pytest.mark.parametrize("tool", ai.TOOLS)
def test_what_any_tool_wrote_can_be_saved(alice, do_tasks, tool):
    written = ai.output(alice, do_tasks, tool)
    topic = saved_topic(alice, alice.post(written["actions"]["save_to_note"], json={}))
    assert topic["explanation"] or topic["code_snippet"]


def test_written_code_is_saved_as_code(alice, do_tasks):
    written = ai.output(alice, do_tasks, "code", programming_language="javascript")
    topic = saved_topic(alice, alice.post(written["actions"]["save_to_note"], json={}))
    assert topic["code_snippet"]["language"] == "javascript"
    assert topic["code_snippet"]["code"].strip() in written["content"]
    assert "```" not in topic["code_snippet"]["code"]


@pytest.mark.parametrize("title", ["x" * 500, "a\r\nb", "../" * 100, "🙂" * 500])
def test_a_long_request_makes_a_title_that_a_note_can_have(alice, do_tasks, title):
    written = ai.output(alice, do_tasks, "generate", topic=title)
    saved_topic(alice, alice.post(written["actions"]["save_to_note"], json={}))
    assert 1 <= len(titles(alice)[0]) <= 255


def test_it_goes_into_a_note_that_is_there(alice, save, output, note, path):
    topic = saved_topic(alice, save(note_id=note["id"]))
    assert output["content"] in topic["explanation"]["content"]
    after = alice.get(path).json
    assert (after["topic_count"], titles(alice)) == (note["topic_count"] + 1, [note["title"]])


def test_what_was_in_the_note_stays_as_it_was(alice, save, note, path):
    before = {topic["id"]: topic for chapter in note["chapters"] for topic in chapter["topics"]}
    expect.ok(save(note_id=note["id"], title="Cells"), 201)
    after = alice.get(path).json
    expect.outline(after)
    topics = {topic["id"]: topic for chapter in after["chapters"] for topic in chapter["topics"]}
    assert {id: topics[id] for id in before} == before
    assert after["title"] == note["title"]


def test_it_goes_to_the_end_of_a_chapter_that_is_there(alice, save, note, path, chapter):
    topic = saved_topic(alice, save(chapter_id=chapter["id"], title="Cells"))
    assert (topic["name"], topic["order"]) == ("Cells", len(chapter["topics"]) + 1)
    assert alice.get(path).json["chapter_count"] == note["chapter_count"]
    assert alice.get(f"/api/chapters/{chapter['id']}/").json["topics"][-1]["id"] == topic["id"]


def test_a_note_and_its_own_chapter_may_both_be_named(alice, save, note, chapter):
    answer = save(note_id=note["id"], chapter_id=chapter["id"])
    assert expect.ok(answer, 201)["note_id"] == note["id"]
    assert alice.get(f"/api/chapters/{chapter['id']}/").json["topics"][-1]["id"] == answer.json["topic_id"]


def test_a_chapter_of_another_note_is_refused(alice, save, note, chapter, make_note):
    other = make_note("Other")
    expect.problem(save(note_id=other["id"], chapter_id=chapter["id"]), 404, 409, 422)
    assert [alice.get(f"/api/notes/{row['id']}/").json for row in (note, other)] == [note, other]


def test_a_changed_note_has_another_tag(alice, save, note, path):
    tag = alice.get(path).headers["ETag"]
    expect.ok(save(note_id=note["id"]), 201)
    after = alice.get(path, headers={"If-None-Match": tag})
    assert expect.ok(after)["updated_at"] > note["updated_at"]


def test_a_saved_output_names_its_note_and_no_longer_expires(alice, save, output):
    note_id = expect.ok(save(), 201)["note_id"]
    after = alice.get(f"{ai.BASE}{output['id']}/").json
    assert (after["note_id"], after["expires_at"]) == (note_id, None)
    assert expect.walk(alice, ai.HISTORY) == [after]
    unchanged = set(output) - {"note_id", "topic_id", "expires_at", "actions"}
    assert {name: after[name] for name in unchanged} == {name: output[name] for name in unchanged}


def targets(note, chapter):
    """Every way to say where an output goes."""
    return [
        {},
        {"title": "Cells"},
        {"note_id": note["id"]},
        {"note_id": note["id"], "title": "Cells"},
        {"chapter_id": chapter["id"]},
        {"note_id": note["id"], "chapter_id": chapter["id"], "title": "Cells"},
    ]


@pytest.mark.parametrize("number", range(6))
def test_saving_twice_is_saving_once(alice, save, note, chapter, number):
    fields = targets(note, chapter)[number]
    first = expect.ok(save(**fields), 201)
    before = expect.walk(alice, "/api/notes/")
    second = expect.ok(save(**fields), 200)
    assert (second["note_id"], second["topic_id"]) == (first["note_id"], first["topic_id"])
    assert second["message"] and expect.walk(alice, "/api/notes/") == before


def test_saving_again_to_another_note_makes_another_topic(alice, save, note, make_note):
    other = make_note("Other")
    first = expect.ok(save(note_id=note["id"]), 201)
    second = expect.ok(save(note_id=other["id"]), 201)
    assert (second["note_id"], second["topic_id"] != first["topic_id"]) == (other["id"], True)
    assert alice.get(f"/api/notes/{other['id']}/").json["topic_count"] == 1


def test_saving_again_after_the_topic_was_deleted_makes_it_anew(alice, save, note):
    first = expect.ok(save(note_id=note["id"]), 201)
    assert alice.delete(f"/api/topics/{first['topic_id']}/").status_code == 204
    saved_topic(alice, save(note_id=note["id"]))


@pytest.mark.parametrize("query", ["", "?permanent=true"])
def test_saving_again_after_the_note_was_deleted_makes_a_new_one(alice, save, query):
    first = expect.ok(save(), 201)
    assert alice.delete(f"/api/notes/{first['note_id']}/{query}").status_code == 204
    assert saved_topic(alice, save())["id"] != first["topic_id"]


def test_saving_in_parallel_is_saving_once(alice, save, in_parallel):
    answers = in_parallel([save] * 12)
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({(answer.json["note_id"], answer.json["topic_id"]) for answer in answers}) == 1
    assert len(titles(alice)) == 1


def test_two_outputs_are_two_topics(alice, do_tasks, note, path):
    for number in range(2):
        written = ai.output(alice, do_tasks, content=f"Text {number}")
        saved_topic(alice, alice.post(written["actions"]["save_to_note"], json={"note_id": note["id"]}))
    assert alice.get(path).json["topic_count"] == note["topic_count"] + 2


def test_a_save_sent_again_with_its_key_is_replayed(alice, output):
    place, headers = output["actions"]["save_to_note"], {"Idempotency-Key": "once"}
    first, second = (alice.post(place, json={}, headers=headers) for _ in range(2))
    assert (second.status_code, second.json) == (201, expect.ok(first, 201))
    assert second.headers["Idempotent-Replayed"] == "true"


def test_the_note_survives_its_output(alice, save, output):
    topic = saved_topic(alice, save())
    assert alice.delete(f"{ai.BASE}{output['id']}/").status_code == 204
    assert expect.ok(alice.get(f"/api/topics/{topic['id']}/"))["explanation"] == topic["explanation"]


def test_the_output_survives_its_note(alice, save, output):
    note_id = expect.ok(save(), 201)["note_id"]
    assert alice.delete(f"/api/notes/{note_id}/?permanent=true").status_code == 204
    assert alice.get(f"{ai.BASE}{output['id']}/").json["content"] == output["content"]


@pytest.mark.parametrize("field, kind", [("note_id", "notes"), ("chapter_id", "chapters")])
def test_what_belongs_to_somebody_else_is_not_there(alice, bob, do_tasks, note, chapter, path, field, kind):
    written = ai.output(bob, do_tasks)
    foreign = {"note_id": note["id"], "chapter_id": chapter["id"]}[field]
    answer = bob.post(written["actions"]["save_to_note"], json={field: foreign})
    never = bob.post(written["actions"]["save_to_note"], json={field: expect.NEVER_WAS})
    expect.problem(answer, 404)
    assert expect.anonymised(answer) == expect.anonymised(never)
    assert (alice.get(path).json, titles(bob)) == (note, [])
    assert bob.get(f"{ai.BASE}{written['id']}/").json == written


def test_a_strangers_output_is_not_there(alice, bob, output):
    expect.problem(bob.post(output["actions"]["save_to_note"], json={}), 404)
    assert titles(alice) == titles(bob) == []


def test_a_trashed_note_takes_nothing(alice, save, note, chapter, path):
    assert alice.delete(path).status_code == 204
    expect.problem(save(note_id=note["id"]), 404)
    expect.problem(save(chapter_id=chapter["id"]), 404)
    expect.ok(alice.post(path + "restore/"))
    assert alice.get(path).json["topic_count"] == note["topic_count"]


@pytest.mark.parametrize("field", ["note_id", "chapter_id"])
@pytest.mark.parametrize("wrong", ["1", "x", 1.5, True, [], {}, ""], ids=repr)
def test_an_id_of_another_type_is_refused(alice, save, field, wrong):
    expect.invalid(save(**{field: wrong}), field)
    assert titles(alice) == []


@pytest.mark.parametrize("field", ["note_id", "chapter_id"])
@pytest.mark.parametrize("wrong", [0, -1, 2**63, 10**30])
def test_an_id_that_cannot_be_is_refused(save, field, wrong):
    expect.problem(save(**{field: wrong}), 404, 422)


@pytest.mark.parametrize("wrong", ["", "  ", "x" * 256, "a\0b", 1, [], {}], ids=lambda wrong: repr(wrong)[:9])
def test_a_title_that_a_note_cannot_have_is_refused(alice, save, wrong):
    expect.invalid(save(title=wrong), "title")
    assert titles(alice) == []


@pytest.mark.parametrize("name", ["content", "user_id", "topic_id", "order"])
def test_an_unknown_field_is_refused(alice, save, name):
    expect.invalid(save(**{name: 1}), name)
    assert titles(alice) == []


def test_another_content_type_or_query_is_refused(alice, output):
    place = output["actions"]["save_to_note"]
    expect.problem(alice.post(place, data=b"{}", content_type="text/plain"), 415)
    expect.problem(alice.post(place, data=b"[]", content_type="application/json"), 422)
    expect.problem(alice.post(place, data=b"{", content_type="application/json"), 400)
    expect.invalid(alice.post(place + "?force=1", json={}), "force", where="query")
    assert titles(alice) == []


def test_a_full_chapter_takes_no_more(alice, save, make_note):
    note = make_note(chapters=[{"title": "Full", "topics": [{"name": str(n)} for n in range(200)]}])
    chapter = note["chapters"][0]
    expect.problem(save(chapter_id=chapter["id"]), 409, 422)
    assert len(alice.get(f"/api/chapters/{chapter['id']}/").json["topics"]) == 200


def test_a_note_full_of_chapters_takes_nothing_or_keeps_to_its_bounds(alice, save, make_note):
    note = make_note(chapters=[{"title": str(n)} for n in range(200)])
    answer = save(note_id=note["id"])
    assert answer.status_code in (201, 409, 422)
    assert alice.get(f"/api/notes/{note['id']}/").json["chapter_count"] == 200
