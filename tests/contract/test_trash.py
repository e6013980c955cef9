"""The trash: what goes in, comes back or goes for good."""

import pytest

from . import expect

TRASH = "/api/notes/trash/"


def trash(client):
    """The titles in the trash."""
    return [row["title"] for row in expect.walk(client, TRASH)]


@pytest.fixture
def trashed(alice, note, path):
    """Alice's note, in the trash."""
    assert alice.delete(path).status_code == 204
    return note


def test_the_trash_starts_empty(alice, note):
    assert expect.ok(alice.get(TRASH)) == {"results": [], "next": None, "previous": None}


def test_a_deleted_note_lies_in_the_trash(alice, trashed):
    (row,) = alice.get(TRASH).json["results"]
    assert (row["id"], row["title"]) == (trashed["id"], trashed["title"])
    assert (row["chapter_count"], row["topic_count"]) == (2, 4)


def test_a_trashed_note_is_a_404_everywhere_else(alice, trashed, path, chapter, topic):
    refusals = [
        alice.get(path),
        alice.head(path),
        alice.put(path, json={"title": "x", "chapters": []}),
        alice.patch(path, json={"title": "x"}),
        alice.delete(path),
        alice.delete(path + "?permanent=false"),
        alice.post(path + "chapters/", json={"title": "x"}),
        alice.post(path + "duplicate/"),
        alice.post(path + "reorder/", json={"chapters": []}),
        alice.get(f"/api/chapters/{chapter['id']}/"),
        alice.patch(f"/api/chapters/{chapter['id']}/", json={"title": "x"}),
        alice.delete(f"/api/chapters/{chapter['id']}/"),
        alice.post(f"/api/chapters/{chapter['id']}/topics/", json={"name": "x"}),
        alice.get(f"/api/topics/{topic['id']}/"),
        alice.patch(f"/api/topics/{topic['id']}/", json={"name": "x"}),
        alice.delete(f"/api/topics/{topic['id']}/"),
    ]
    assert [refusal.status_code for refusal in refusals] == [404] * len(refusals)


def test_a_restored_note_is_what_it_was(alice, trashed, path):
    response = alice.post(path + "restore/")
    restored = expect.ok(response)
    for name in set(trashed) - {"updated_at"}:
        assert restored[name] == trashed[name]
    assert alice.get(path).json == restored
    assert expect.strong(response.headers["ETag"]) == alice.get(path).headers["ETag"]
    assert trash(alice) == []
    assert expect.ids(alice.get("/api/notes/").json["results"]) == [trashed["id"]]


def test_a_note_goes_in_and_out_as_often_as_one_likes(alice, note, path):
    for _ in range(3):
        assert alice.delete(path).status_code == 204
        assert trash(alice) == [note["title"]]
        expect.ok(alice.post(path + "restore/"))
        assert trash(alice) == []


def test_a_note_deleted_for_good_is_gone(alice, trashed, path, chapter, topic):
    response = alice.delete(path + "?permanent=true")
    assert (response.status_code, response.get_data()) == (204, b"")
    assert trash(alice) == []
    expect.problem(alice.post(path + "restore/"), 404)
    expect.problem(alice.delete(path + "?permanent=true"), 404)
    expect.problem(alice.get(path), 404)
    expect.problem(alice.get(f"/api/topics/{topic['id']}/"), 404)


def test_deleting_for_good_leaves_the_other_notes(alice, make_note, trashed, path):
    kept, in_trash = make_note("Kept"), make_note("In the trash")
    assert alice.delete(f"/api/notes/{in_trash['id']}/").status_code == 204
    assert alice.delete(path + "?permanent=true").status_code == 204
    assert trash(alice) == ["In the trash"]
    assert alice.get(f"/api/notes/{kept['id']}/").json == kept


def test_each_has_an_own_trash(alice, bob, trashed, path):
    assert trash(bob) == []
    expect.problem(bob.post(path + "restore/"), 404)
    expect.problem(bob.delete(path + "?permanent=true"), 404)
    assert trash(alice) == [trashed["title"]]


def test_what_was_restored_and_changed_at_once_is_whole(alice, trashed, path, in_parallel):
    restores = in_parallel([lambda: alice.post(path + "restore/")] * 6)
    assert 200 in {answer.status_code for answer in restores}
    assert {answer.status_code for answer in restores} <= {200, 404, 409}
    assert trash(alice) == []
    assert expect.outline(alice.get(path).json) == expect.outline(trashed)


def test_restoring_and_deleting_for_good_at_once_does_one_of_them(alice, trashed, path, in_parallel):
    restored, deleted = in_parallel(
        [lambda: alice.post(path + "restore/"), lambda: alice.delete(path + "?permanent=true")]
    )
    assert restored.status_code in (200, 404)
    assert deleted.status_code in (204, 404)
    assert trash(alice) == []
    alive = alice.get(path).status_code == 200
    assert alive == (restored.status_code == 200 and deleted.status_code == 404)


def test_deleting_with_a_stale_tag_leaves_the_note_out_of_the_trash(alice, path, patched):
    stale = alice.get(path).headers["ETag"]
    patched(path, title="Changed")
    for suffix in ("", "?permanent=true"):
        expect.problem(alice.delete(path + suffix, headers={"If-Match": stale}), 412)
    assert trash(alice) == []
    assert alice.get(path).json["title"] == "Changed"
