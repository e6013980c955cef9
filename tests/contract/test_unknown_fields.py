"""Fields that the contract does not name, or only reads, are refused wherever they stand."""

import copy

import pytest

from . import expect

STRANGE = {"role": "admin", "owner_id": 1, "user_id": 1, "quota": 10**6, "__proto__": {}, "": 1}
PLACES = {
    "note": lambda body: body,
    "chapter": lambda body: body["chapters"][0],
    "topic": lambda body: body["chapters"][0]["topics"][0],
    "explanation": lambda body: body["chapters"][0]["topics"][0]["explanation"],
    "code snippet": lambda body: body["chapters"][0]["topics"][0]["code_snippet"],
    "source": lambda body: body["chapters"][0]["topics"][0]["source"],
}
READ_ONLY = [
    ("note", "id", 5),
    ("note", "slug", "own-slug"),
    ("note", "chapter_count", 0),
    ("note", "topic_count", 9),
    ("note", "created_at", "2020-01-01T00:00:00Z"),
    ("note", "updated_at", "2020-01-01T00:00:00Z"),
    ("chapter", "id", 5),
    ("topic", "id", 5),
    ("topic", "created_at", "2020-01-01T00:00:00Z"),
    ("topic", "updated_at", "2020-01-01T00:00:00Z"),
    ("explanation", "updated_at", "2020-01-01T00:00:00Z"),
    ("code snippet", "updated_at", "2020-01-01T00:00:00Z"),
]


def with_field(body, place, name, value):
    """The same body with one more field at this place."""
    body = copy.deepcopy(body)
    PLACES[place](body)[name] = value
    return body


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("place", PLACES)
def test_an_unknown_field_anywhere_in_a_new_note_is_refused(alice, note_tree, place, name):
    response = alice.post("/api/notes/", json=with_field(note_tree(), place, name, STRANGE[name]))
    expect.invalid(response, name if place == "note" else "chapters")
    assert expect.walk(alice, "/api/notes/") == []


@pytest.mark.parametrize("place", PLACES)
def test_an_unknown_field_anywhere_in_a_replacement_is_refused(alice, note_tree, note, path, place):
    response = alice.put(path, json=with_field(note_tree(), place, "owner_id", 1))
    expect.invalid(response, "owner_id" if place == "note" else "chapters")
    assert alice.get(path).json == note


@pytest.mark.parametrize("place, name, value", READ_ONLY)
def test_a_read_only_field_in_a_new_note_is_refused(alice, note_tree, place, name, value):
    response = alice.post("/api/notes/", json=with_field(note_tree(), place, name, value))
    expect.invalid(response, name if place == "note" else "chapters")


@pytest.mark.parametrize(
    "place, name, value", [row for row in READ_ONLY if row[1] != "id" or row[0] == "note"]
)
def test_a_read_only_field_in_a_replacement_is_ignored(alice, note_tree, note, path, place, name, value):
    replaced = expect.ok(alice.put(path, json=with_field(note_tree(), place, name, value)))
    assert replaced["id"] == note["id"]
    assert replaced["created_at"] == note["created_at"]
    assert (replaced["chapter_count"], replaced["topic_count"]) == (2, 4)
    assert replaced["updated_at"] > "2024"
    assert alice.get(path).json == replaced


@pytest.mark.parametrize(
    "name, value", [row[1:] for row in READ_ONLY if row[0] == "note"] + list(STRANGE.items())
)
def test_such_a_field_in_a_patch_of_a_note_is_refused(alice, note, path, name, value):
    expect.invalid(alice.patch(path, json={"title": "Changed", name: value}), name)
    assert alice.get(path).json == note


@pytest.mark.parametrize("name", ["id", "note_id", "owner_id", "chapter_count"])
def test_such_a_field_in_a_chapter_is_refused(alice, note, path, chapter, name):
    expect.invalid(alice.post(path + "chapters/", json={"title": "New", name: 1}), name)
    expect.invalid(alice.patch(f"/api/chapters/{chapter['id']}/", json={"title": "New", name: 1}), name)
    assert alice.get(path).json == note


@pytest.mark.parametrize("name", ["id", "chapter_id", "created_at", "updated_at", "owner_id"])
def test_such_a_field_in_a_topic_is_refused(alice, note, path, chapter, topic, name):
    expect.invalid(alice.post(f"/api/chapters/{chapter['id']}/topics/", json={"name": "New", name: 1}), name)
    expect.invalid(alice.patch(f"/api/topics/{topic['id']}/", json={"name": "New", name: 1}), name)
    assert alice.get(path).json == note


@pytest.mark.parametrize("part", ["explanation", "code_snippet", "source"])
def test_an_unknown_field_in_a_part_of_a_topic_is_refused(alice, note, path, topic, part):
    kept = {name: value for name, value in topic[part].items() if name != "updated_at"}
    expect.invalid(alice.patch(f"/api/topics/{topic['id']}/", json={part: {**kept, "owner_id": 1}}), part)
    assert alice.get(path).json == note


@pytest.mark.parametrize(
    "path, body",
    [
        ("/api/auth/register/", {"email": "new@example.com", "password": "violet lantern 42"}),
        ("/api/auth/token/", {"email": "new@example.com", "password": "violet lantern 42"}),
        ("/api/token/refresh/", {"refresh": "x"}),
        ("/api/auth/verify-email/", {"token": "x"}),
        ("/api/auth/password/forgot/", {"email": "new@example.com"}),
        ("/api/auth/password/reset/", {"token": "x", "password": "violet lantern 42"}),
    ],
)
@pytest.mark.parametrize("name", ["role", "is_admin", "id", "subscription_tier"])
def test_an_unknown_field_in_an_account_is_refused(anonymous, path, body, name):
    expect.invalid(anonymous.post(path, json={**body, name: "admin"}), name)


@pytest.mark.parametrize(
    "path, body",
    [
        ("reorder/", {"chapters": []}),
        ("bulk/", {"ids": [1], "action": "trash"}),
    ],
)
def test_an_unknown_field_in_an_action_is_refused(alice, note, path, body):
    address = "/api/notes/bulk/" if path == "bulk/" else f"/api/notes/{note['id']}/{path}"
    expect.invalid(alice.post(address, json={**body, "user_id": 2}), "user_id")
    assert alice.get(f"/api/notes/{note['id']}/").json == note
