"""What belongs to somebody else does not exist."""

import pytest

from . import expect

TREE = {"title": "Taken", "chapters": []}
ACTIONS = [
    ("GET", "notes/{note}/", None),
    ("HEAD", "notes/{note}/", None),
    ("PUT", "notes/{note}/", TREE),
    ("PATCH", "notes/{note}/", {"title": "Taken"}),
    ("DELETE", "notes/{note}/", None),
    ("DELETE", "notes/{note}/?permanent=true", None),
    ("POST", "notes/{note}/chapters/", {"title": "Taken"}),
    ("POST", "notes/{note}/reorder/", {"chapters": []}),
    ("POST", "notes/{note}/duplicate/", None),
    ("POST", "notes/{note}/restore/", None),
    ("GET", "chapters/{chapter}/", None),
    ("PATCH", "chapters/{chapter}/", {"title": "Taken", "order": 2}),
    ("DELETE", "chapters/{chapter}/", None),
    ("POST", "chapters/{chapter}/topics/", {"name": "Taken", "explanation": {"content": "x"}}),
    ("GET", "topics/{topic}/", None),
    ("PATCH", "topics/{topic}/", {"name": "Taken", "source": None}),
    ("DELETE", "topics/{topic}/", None),
]


def act(client, action, **ids):
    """Do this with these ids."""
    method, path, body = action
    return client.open("/api/" + path.format(**ids), method=method, **({"json": body} if body else {}))


@pytest.fixture
def alices(note, chapter, topic):
    """The ids of a note of Alice's, of a chapter and of a topic in it."""
    return {"note": note["id"], "chapter": chapter["id"], "topic": topic["id"]}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action[0]} {action[1]}")
def test_a_stranger_gets_the_same_404_as_for_a_thing_that_never_was(alice, bob, note, path, alices, action):
    foreign = act(bob, action, **alices)
    never = act(bob, action, **dict.fromkeys(alices, expect.NEVER_WAS))
    assert (foreign.status_code, never.status_code) == (404, 404)
    if action[0] != "HEAD":
        expect.problem(foreign, 404)
        assert expect.anonymised(foreign) == expect.anonymised(never)
    assert set(foreign.headers.keys()) == set(never.headers.keys())
    assert alice.get(path).json == note


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action[0]} {action[1]}")
def test_a_stranger_with_an_own_note_gains_nothing(alice, bob, note_tree, note, path, alices, action):
    own = bob.post("/api/notes/", json=note_tree(title="Bob's"))
    assert act(bob, action, **alices).status_code == 404
    assert bob.get(expect.location(own)).json == own.json
    assert alice.get(path).json == note


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action[0]} {action[1]}")
def test_a_trashed_note_is_as_far_away_for_a_stranger(alice, bob, path, alices, action):
    assert alice.delete(path).status_code == 204
    assert act(bob, action, **alices).status_code == 404
    expect.ok(alice.post(path + "restore/"))


@pytest.mark.parametrize("field", ["owner_id", "user_id", "owner", "user"])
def test_nobody_gives_a_note_to_somebody_else(alice, bob, path, field):
    expect.invalid(alice.patch(path, json={field: bob.user["id"]}), field)
    expect.invalid(alice.post("/api/notes/", json={"title": "x", field: bob.user["id"]}), field)
    assert bob.get("/api/notes/").json["results"] == []


def test_lists_hold_only_what_is_the_readers(alice, bob, note):
    for address in (
        "/api/notes/",
        "/api/notes/trash/",
        "/api/tags/",
        f"/api/notes/?q={note['title'].split()[0]}",
    ):
        assert expect.walk(bob, address) == []


def test_the_key_of_somebody_else_replays_nothing(alice, bob):
    body, headers = {"title": "Secret plan"}, {"Idempotency-Key": "shared"}
    mine = alice.post("/api/notes/", json=body, headers=headers)
    theirs = bob.post("/api/notes/", json=body, headers=headers)
    assert theirs.json["id"] != mine.json["id"]
    expect.problem(bob.get(expect.location(mine)), 404)


def test_no_answer_to_a_stranger_carries_a_tag(bob, path):
    response = bob.get(path)
    assert response.status_code == 404
    assert "ETag" not in response.headers
