"""PUT: a note becomes the tree that was sent, and rows that are named stay themselves."""

import copy

import pytest

from . import expect


def replaced(client, path, body):
    """PUT that must succeed and be what a GET then answers."""
    answer = expect.ok(client.put(path, json=body))
    assert client.get(path).json == answer
    return answer


def test_putting_back_what_was_got_keeps_everything(alice, note, path):
    answer = replaced(alice, path, note)
    for name in set(note) - {"updated_at", "chapters"}:
        assert answer[name] == note[name]
    assert expect.outline(answer) == expect.outline(note)
    for before, after in zip(note["chapters"], answer["chapters"], strict=True):
        assert after["id"] == before["id"]
        for old, new in zip(before["topics"], after["topics"], strict=True):
            assert (new["id"], new["created_at"], new["source"]) == (
                old["id"],
                old["created_at"],
                old["source"],
            )
            assert new["explanation"]["content"] == old["explanation"]["content"]
            assert new["code_snippet"]["code"] == old["code_snippet"]["code"]


def test_the_answer_to_a_replacement_carries_the_tag_of_the_note(alice, note, path):
    response = alice.put(path, json={**note, "title": "New"})
    assert expect.strong(response.headers["ETag"]) == alice.get(path).headers["ETag"]


def test_rows_without_an_id_are_made_anew(alice, note, note_tree, path):
    answer = replaced(alice, path, note_tree(chapters=2, topics=2, title="New"))
    assert answer["id"] == note["id"]
    assert not set(expect.ids(answer["chapters"])) & set(expect.ids(note["chapters"]))
    for chapter in note["chapters"]:
        expect.problem(alice.get(f"/api/chapters/{chapter['id']}/"), 404)
        for topic in chapter["topics"]:
            expect.problem(alice.get(f"/api/topics/{topic['id']}/"), 404)


def test_rows_that_are_absent_are_removed(alice, note, path):
    body = copy.deepcopy(note)
    gone_chapter, gone_topic = body["chapters"].pop(0), body["chapters"][0]["topics"].pop(0)
    answer = replaced(alice, path, body)
    assert expect.outline(answer) == [
        (body["chapters"][0]["title"], [body["chapters"][0]["topics"][0]["name"]])
    ]
    assert (answer["chapter_count"], answer["topic_count"]) == (1, 1)
    expect.problem(alice.get(f"/api/chapters/{gone_chapter['id']}/"), 404)
    expect.problem(alice.get(f"/api/topics/{gone_topic['id']}/"), 404)


def test_an_empty_list_of_chapters_empties_the_note(alice, path):
    answer = replaced(alice, path, {"title": "Empty", "chapters": []})
    assert (answer["chapters"], answer["chapter_count"], answer["topic_count"]) == ([], 0, 0)


def test_the_order_of_the_array_becomes_the_order_of_the_rows(alice, note, path):
    body = copy.deepcopy(note)
    body["chapters"].reverse()
    body["chapters"][0]["topics"].reverse()
    answer = replaced(alice, path, body)
    assert expect.ids(answer["chapters"]) == expect.ids(note["chapters"])[::-1]
    assert expect.ids(answer["chapters"][0]["topics"]) == expect.ids(note["chapters"][1]["topics"])[::-1]
    expect.outline(answer)


def test_keeping_making_removing_and_moving_at_once(alice, note, path):
    first, second = note["chapters"]
    body = {
        "title": "Mixed",
        "chapters": [
            {"title": "New chapter", "topics": [{"name": "New topic"}]},
            {
                "id": second["id"],
                "title": "Kept",
                "topics": [{"id": second["topics"][1]["id"], "name": "Kept topic"}],
            },
        ],
    }
    answer = replaced(alice, path, body)
    assert expect.outline(answer) == [("New chapter", ["New topic"]), ("Kept", ["Kept topic"])]
    assert answer["chapters"][1]["id"] == second["id"]
    assert answer["chapters"][1]["topics"][0]["id"] == second["topics"][1]["id"]
    assert answer["chapters"][0]["id"] not in expect.ids(note["chapters"])
    expect.problem(alice.get(f"/api/chapters/{first['id']}/"), 404)


def test_a_topic_can_move_to_another_chapter_of_the_note(alice, note, path):
    body = copy.deepcopy(note)
    moved = body["chapters"][0]["topics"].pop(0)
    body["chapters"][1]["topics"].append(moved)
    answer = replaced(alice, path, body)
    assert answer["chapters"][1]["topics"][-1]["id"] == moved["id"]
    assert answer["chapters"][1]["topics"][-1]["explanation"]["content"] == moved["explanation"]["content"]
    assert (answer["chapter_count"], answer["topic_count"]) == (2, 4)


def test_a_topic_outlives_the_chapter_that_it_leaves(alice, note, path):
    body = copy.deepcopy(note)
    gone = body["chapters"].pop(0)
    body["chapters"][0]["topics"] += gone["topics"]
    answer = replaced(alice, path, body)
    assert set(expect.ids(gone["topics"])) < set(expect.ids(answer["chapters"][0]["topics"]))
    assert (answer["chapter_count"], answer["topic_count"]) == (1, 4)


@pytest.mark.parametrize("part", ["explanation", "code_snippet", "source"])
def test_a_part_that_is_null_is_removed(alice, note, path, part):
    body = copy.deepcopy(note)
    body["chapters"][0]["topics"][0][part] = None
    answer = replaced(alice, path, body)
    assert answer["chapters"][0]["topics"][0][part] is None
    assert answer["chapters"][0]["topics"][1][part] is not None


def foreign_chapter(body, other):
    body["chapters"][0]["id"] = other["chapters"][0]["id"]


def foreign_topic(body, other):
    body["chapters"][0]["topics"][0]["id"] = other["chapters"][0]["topics"][0]["id"]


def unknown_chapter(body, _other):
    body["chapters"][0]["id"] = expect.NEVER_WAS


def unknown_topic(body, _other):
    body["chapters"][0]["topics"][0]["id"] = expect.NEVER_WAS


def impossible_chapter(body, _other):
    body["chapters"][0]["id"] = 2**63


def negative_topic(body, _other):
    body["chapters"][0]["topics"][0]["id"] = -1


def worded_chapter(body, _other):
    body["chapters"][0]["id"] = "first"


def chapter_named_twice(body, _other):
    body["chapters"][1]["id"] = body["chapters"][0]["id"]


def topic_named_twice(body, _other):
    body["chapters"][1]["topics"][0]["id"] = body["chapters"][0]["topics"][0]["id"]


@pytest.mark.parametrize(
    "spoil",
    [
        foreign_chapter,
        foreign_topic,
        unknown_chapter,
        unknown_topic,
        impossible_chapter,
        negative_topic,
        worded_chapter,
        chapter_named_twice,
        topic_named_twice,
    ],
)
@pytest.mark.parametrize("owner", ["alice", "bob"])
def test_an_id_that_is_not_of_this_note_is_refused(request, alice, note, note_tree, path, spoil, owner):
    owner = request.getfixturevalue(owner)
    other = owner.post("/api/notes/", json=note_tree(chapters=1, topics=1, title="Other")).json
    body = copy.deepcopy(note)
    spoil(body, other)
    assert expect.problem(alice.put(path, json={**body, "title": "New"}), 422)["errors"]["json"]
    assert alice.get(path).json == note
    assert owner.get(f"/api/notes/{other['id']}/").json == other


def test_a_row_that_was_removed_cannot_be_named_again(alice, note, path):
    body = copy.deepcopy(note)
    body["chapters"].pop(0)
    now = replaced(alice, path, body)
    expect.invalid(alice.put(path, json=note), "chapters")
    assert alice.get(path).json == now


def test_a_refused_replacement_leaves_everything(alice, note, path):
    body = copy.deepcopy(note)
    body["title"] = "New"
    body["chapters"][0]["title"] = "New"
    body["chapters"][1]["topics"][1]["source"] = {"title": "x", "url": "javascript:alert(1)"}
    expect.invalid(alice.put(path, json=body), "chapters")
    assert alice.get(path).json == note


def test_the_tags_and_the_status_are_replaced_too(alice, note, path):
    answer = replaced(
        alice, path, {"title": "New", "tags": ["One", " two "], "status": "published", "chapters": []}
    )
    assert (sorted(answer["tags"]), answer["status"]) == (["one", "two"], "published")


def test_a_note_that_is_not_there_cannot_be_put(alice):
    expect.problem(alice.put(f"/api/notes/{expect.NEVER_WAS}/", json={"title": "x", "chapters": []}), 404)
    assert alice.get("/api/notes/").json["results"] == []


def test_a_note_of_200_chapters_is_put_back_in_reverse(alice, make_note):
    note = make_note(chapters=[{"title": f"Chapter {n}", "topics": [{"name": "t"}]} for n in range(200)])
    answer = replaced(alice, f"/api/notes/{note['id']}/", {**note, "chapters": note["chapters"][::-1]})
    assert expect.ids(answer["chapters"]) == expect.ids(note["chapters"])[::-1]
    assert expect.outline(answer)[0][0] == "Chapter 199"
