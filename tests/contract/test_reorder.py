"""The whole order of a note in one request."""

import pytest

from . import expect


@pytest.fixture
def tree(note):
    """The order of Alice's note as a request for it."""
    return [{"id": chapter["id"], "topics": expect.ids(chapter["topics"])} for chapter in note["chapters"]]


def reorder(client, path, chapters):
    """Ask for this order."""
    return client.post(path + "reorder/", json={"chapters": chapters})


def order_of(detail):
    """The order of a note in the form of a request."""
    expect.outline(detail)
    return [{"id": chapter["id"], "topics": expect.ids(chapter["topics"])} for chapter in detail["chapters"]]


@pytest.mark.parametrize(
    "arrange",
    [
        lambda one, two: [one, two],
        lambda one, two: [two, one],
        lambda one, two: [{**one, "topics": one["topics"][::-1]}, two],
        lambda one, two: [{**two, "topics": one["topics"]}, {**one, "topics": two["topics"]}],
        lambda one, two: [{**one, "topics": []}, {**two, "topics": one["topics"] + two["topics"]}],
        lambda one, two: [
            {**two, "topics": [one["topics"][1], two["topics"][0]]},
            {**one, "topics": [two["topics"][1], one["topics"][0]]},
        ],
    ],
)
def test_the_note_takes_the_order_it_is_given(alice, note, path, tree, arrange):
    wanted = arrange(*tree)
    response = reorder(alice, path, wanted)
    answer = expect.ok(response)
    assert order_of(answer) == wanted
    assert alice.get(path).json == answer
    assert expect.strong(response.headers["ETag"]) == alice.get(path).headers["ETag"]
    assert (answer["chapter_count"], answer["topic_count"]) == (2, 4)


def test_a_moved_topic_keeps_everything_else(alice, path, tree, topic):
    one, two = tree
    moved = [{**one, "topics": one["topics"][1:]}, {**two, "topics": [*two["topics"], one["topics"][0]]}]
    now = expect.ok(reorder(alice, path, moved))["chapters"][1]["topics"][-1]
    for name in ("id", "name", "explanation", "code_snippet", "source", "created_at"):
        assert now[name] == topic[name]
    assert alice.get(f"/api/topics/{topic['id']}/").json["order"] == 3


def test_an_empty_note_has_an_empty_order(alice, make_note):
    note = make_note("Empty")
    assert expect.ok(reorder(alice, f"/api/notes/{note['id']}/", []))["chapters"] == []


SPOILT = {
    "a chapter missing": lambda one, two, _: [one],
    "no chapters": lambda one, two, _: [],
    "a topic missing": lambda one, two, _: [{**one, "topics": one["topics"][1:]}, two],
    "a chapter twice": lambda one, two, _: [one, two, {**one, "topics": []}],
    "a topic twice": lambda one, two, _: [{**one, "topics": [*one["topics"], one["topics"][0]]}, two],
    "a topic in both": lambda one, two, _: [one, {**two, "topics": [*two["topics"], one["topics"][0]]}],
    "a topic for another": lambda one, two, _: [{**one, "topics": [one["topics"][0]] * 2}, two],
    "a chapter that never was": lambda one, two, _: [one, two, {"id": expect.NEVER_WAS, "topics": []}],
    "a topic that never was": lambda one, two, _: [
        one,
        {**two, "topics": [*two["topics"], expect.NEVER_WAS]},
    ],
    "a foreign chapter": lambda one, two, other: [one, two, {"id": other["id"], "topics": []}],
    "a foreign chapter instead": lambda one, two, other: [one, {**two, "id": other["id"]}],
    "a foreign topic": lambda one, two, other: [
        one,
        {**two, "topics": [*two["topics"], other["topics"][0]["id"]]},
    ],
    "the largest id": lambda one, two, _: [one, two, {"id": 2**63, "topics": []}],
    "a negative topic": lambda one, two, _: [one, {**two, "topics": [*two["topics"], -1]}],
    "an id as text": lambda one, two, _: [{**one, "id": str(one["id"]) + "x"}, two],
    "topics left out": lambda one, two, _: [{"id": one["id"]}, two],
    "topics as objects": lambda one, two, _: [{**one, "topics": [{"id": id} for id in one["topics"]]}, two],
    "an unknown field": lambda one, two, _: [{**one, "title": "New"}, two],
    "null": lambda one, two, _: None,
    "a text": lambda one, two, _: "12",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
@pytest.mark.parametrize("owner", ["alice", "bob"])
def test_everything_must_be_named_exactly_once(request, alice, note, note_tree, path, tree, spoil, owner):
    owner = request.getfixturevalue(owner)
    other = owner.post("/api/notes/", json=note_tree(chapters=1, topics=1, title="Other")).json
    expect.problem(reorder(alice, path, spoil(*tree, other["chapters"][0])), 422)
    assert alice.get(path).json == note
    assert owner.get(f"/api/notes/{other['id']}/").json == other


def test_the_chapters_must_be_sent(alice, note, path):
    expect.invalid(alice.post(path + "reorder/", json={}), "chapters")
    assert alice.get(path).json == note


def test_a_chapter_cannot_be_filled_over_its_limit(alice, make_note):
    note = make_note(
        chapters=[{"title": "c", "topics": [{"name": "t"}] * 200}, {"title": "d", "topics": [{"name": "t"}]}]
    )
    full, single = order_of(note)
    everything = [{**full, "topics": full["topics"] + single["topics"]}, {**single, "topics": []}]
    expect.problem(reorder(alice, f"/api/notes/{note['id']}/", everything), 409, 422)
    assert alice.get(f"/api/notes/{note['id']}/").json == note


def test_a_large_note_is_turned_around(alice, make_note):
    note = make_note(
        chapters=[{"title": "c", "topics": [{"name": f"{n}"} for n in range(10)]} for _ in range(100)]
    )
    wanted = [{**chapter, "topics": chapter["topics"][::-1]} for chapter in order_of(note)[::-1]]
    assert order_of(expect.ok(reorder(alice, f"/api/notes/{note['id']}/", wanted))) == wanted


def test_parallel_orders_leave_one_of_them(alice, path, tree, in_parallel):
    orders = [tree, tree[::-1], [{**tree[0], "topics": tree[0]["topics"][::-1]}, tree[1]]]
    for answer in in_parallel([lambda o=o: reorder(alice, path, o) for o in orders * 4]):
        expect.ok(answer)
    assert order_of(alice.get(path).json) in orders


def test_an_order_beside_an_addition_loses_neither_chapter(alice, path, tree, in_parallel):
    added, *answers = in_parallel(
        [
            lambda: alice.post(path + "chapters/", json={"title": "New"}),
            *[lambda: reorder(alice, path, tree[::-1])] * 4,
        ]
    )
    expect.ok(added, 201)
    assert {answer.status_code for answer in answers} <= {200, 409, 422}
    now = alice.get(path).json
    assert set(expect.ids(now["chapters"])) == {added.json["id"], *(chapter["id"] for chapter in tree)}
    expect.outline(now)
