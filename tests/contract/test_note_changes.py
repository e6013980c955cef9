"""Whatever changes within a note changes its tag and its time."""

import pytest

from . import expect


def first(note):
    """The addresses of the first chapter and of its first topic."""
    chapter = note["chapters"][0]
    return f"/api/chapters/{chapter['id']}/", f"/api/topics/{chapter['topics'][0]['id']}/"


def tree(note):
    """The order of the note, turned around."""
    return [
        {"id": chapter["id"], "topics": expect.ids(chapter["topics"])} for chapter in note["chapters"][::-1]
    ]


CHANGES = {
    "its title": lambda c, note, path: c.patch(path, json={"title": "Changed"}),
    "its status": lambda c, note, path: c.patch(path, json={"status": "archived"}),
    "its tags": lambda c, note, path: c.patch(path, json={"tags": ["changed"]}),
    "the whole": lambda c, note, path: c.put(path, json={**note, "title": "Changed"}),
    "a row deep in the whole": lambda c, note, path: c.put(
        path, json={**note, "chapters": note["chapters"][:1]}
    ),
    "the order": lambda c, note, path: c.post(path + "reorder/", json={"chapters": tree(note)}),
    "a new chapter": lambda c, note, path: c.post(path + "chapters/", json={"title": "New"}),
    "a chapter's title": lambda c, note, path: c.patch(first(note)[0], json={"title": "Changed"}),
    "a chapter's place": lambda c, note, path: c.patch(first(note)[0], json={"order": 2}),
    "a chapter gone": lambda c, note, path: c.delete(first(note)[0]),
    "a new topic": lambda c, note, path: c.post(first(note)[0] + "topics/", json={"name": "New"}),
    "a topic's name": lambda c, note, path: c.patch(first(note)[1], json={"name": "Changed"}),
    "a topic's place": lambda c, note, path: c.patch(first(note)[1], json={"order": 2}),
    "an explanation": lambda c, note, path: c.patch(
        first(note)[1], json={"explanation": {"content": "Changed"}}
    ),
    "no explanation": lambda c, note, path: c.patch(first(note)[1], json={"explanation": None}),
    "code": lambda c, note, path: c.patch(
        first(note)[1], json={"code_snippet": {"language": "bash", "code": "echo changed"}}
    ),
    "no code": lambda c, note, path: c.patch(first(note)[1], json={"code_snippet": None}),
    "a source": lambda c, note, path: c.patch(
        first(note)[1], json={"source": {"title": "Changed", "url": "https://example.com/changed"}}
    ),
    "no source": lambda c, note, path: c.patch(first(note)[1], json={"source": None}),
    "a topic gone": lambda c, note, path: c.delete(first(note)[1]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_anywhere_changes_the_tag_and_the_time_of_the_note(alice, note, path, change):
    before = alice.get(path)
    assert change(alice, note, path).status_code in (200, 201, 204)
    after = alice.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert expect.ok(after) != before.json
    assert expect.moment(after.json["updated_at"]) > expect.moment(before.json["updated_at"])
    assert after.json["created_at"] == before.json["created_at"]
    assert alice.get("/api/notes/").json["results"][0]["updated_at"] == after.json["updated_at"]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_anywhere_makes_the_old_tag_useless_for_edits(alice, note, path, change):
    stale = alice.get(path).headers["ETag"]
    assert change(alice, note, path).status_code in (200, 201, 204)
    expect.problem(alice.patch(path, json={"title": "Lost"}, headers={"If-Match": stale}), 412)
    assert alice.get(path).json["title"] != "Lost"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_leaves_the_neighbours_alone(alice, note, path, make_note, note_tree, change):
    other = alice.post("/api/notes/", json=note_tree(title="Neighbour"))
    assert change(alice, note, path).status_code in (200, 201, 204)
    now = alice.get(expect.location(other))
    assert (now.json, now.headers["ETag"]) == (other.json, other.headers["ETag"])


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_chapter_and_a_topic_have_a_new_tag_when_they_read_differently(alice, note, path, change):
    before = [alice.get(address) for address in first(note)]
    assert change(alice, note, path).status_code in (200, 201, 204)
    for old, address in zip(before, first(note), strict=True):
        new = alice.get(address)
        if new.status_code == 200 and new.json != old.json:
            assert new.headers["ETag"] != old.headers["ETag"]


@pytest.mark.parametrize("seconds", [0, 3600 * 24 * 2])
def test_reading_changes_nothing(alice, sign_in, note, path, move_clock, seconds):
    before = alice.get(path)
    move_clock(seconds)
    reader = sign_in(alice.email, alice.password)
    for address in (path, "/api/notes/", "/api/tags/", *first(note)):
        expect.ok(reader.get(address))
    again = reader.get(path)
    assert (again.json, again.headers["ETag"]) == (before.json, before.headers["ETag"])
