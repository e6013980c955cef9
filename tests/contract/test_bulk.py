"""One action on many notes."""

import pytest

from . import expect

ADDRESS = "/api/notes/bulk/"


@pytest.fixture
def three(make_note):
    """The ids of three notes of Alice's."""
    return [make_note(f"Note {number}", tags=["old"])["id"] for number in range(3)]


def bulk(client, ids, action, **more):
    """Ask for this action on these notes."""
    return client.post(ADDRESS, json={"ids": ids, "action": action, **more})


def note(client, id):
    """This note as it now stands."""
    return expect.ok(client.get(f"/api/notes/{id}/"))


def without_id(value, id):
    """An answer with this id blanked wherever it stands."""
    if isinstance(value, dict):
        return {str(name).replace(str(id), "ID"): without_id(inner, id) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_id(inner, id) for inner in value]
    return "ID" if str(value) == str(id) else value


def test_notes_go_to_the_trash_and_come_back_together(alice, three):
    expect.ok(bulk(alice, three[:2], "trash"))
    assert expect.ids(alice.get("/api/notes/").json["results"]) == three[2:]
    assert set(expect.ids(alice.get("/api/notes/trash/").json["results"])) == set(three[:2])
    expect.ok(bulk(alice, three[:2], "restore"))
    assert set(expect.ids(alice.get("/api/notes/").json["results"])) == set(three)


def test_notes_are_tagged_and_untagged_together(alice, three):
    expect.ok(bulk(alice, three[:2], "tag", tag=" New "))
    assert [sorted(note(alice, id)["tags"]) for id in three] == [["new", "old"], ["new", "old"], ["old"]]
    expect.ok(bulk(alice, three[1:], "untag", tag="OLD"))
    assert [sorted(note(alice, id)["tags"]) for id in three] == [["new", "old"], ["new"], []]


def test_notes_take_a_status_together(alice, three):
    expect.ok(bulk(alice, three[:2], "status", status="archived"))
    assert [note(alice, id)["status"] for id in three] == ["archived", "archived", "draft"]


@pytest.mark.parametrize(
    "action, more",
    [("trash", {}), ("tag", {"tag": "x"}), ("untag", {"tag": "old"}), ("status", {"status": "archived"})],
)
def test_a_foreign_note_answers_like_one_that_never_was_and_stays(alice, bob, three, make_note, action, more):
    mine = bob.post("/api/notes/", json={"title": "Bob's", "tags": ["old"]}).json["id"]
    foreign, never = bulk(bob, [three[0]], action, **more), bulk(bob, [expect.NEVER_WAS], action, **more)
    assert foreign.status_code == never.status_code
    assert without_id(expect.ok(foreign), three[0]) == without_id(never.json, expect.NEVER_WAS)
    assert (note(alice, three[0])["tags"], note(alice, three[0])["status"]) == (["old"], "draft")
    expect.ok(bulk(bob, [three[0], mine, expect.NEVER_WAS], action, **more))
    assert (note(alice, three[0])["tags"], note(alice, three[0])["status"]) == (["old"], "draft")


def test_the_notes_that_are_there_are_done_beside_those_that_are_not(alice, three):
    expect.ok(bulk(alice, [three[0], expect.NEVER_WAS, three[2]], "status", status="published"))
    assert [note(alice, id)["status"] for id in three] == ["published", "draft", "published"]


def test_every_id_has_its_result(alice, three):
    answer = bulk(alice, [*three, expect.NEVER_WAS], "status", status="published").get_data(as_text=True)
    assert all(str(id) in answer for id in [*three, expect.NEVER_WAS])


@pytest.mark.parametrize(
    "body, field",
    [
        ({"action": "trash"}, "ids"),
        ({"ids": [1]}, "action"),
        ({"ids": [1], "action": "burn"}, "action"),
        ({"ids": [1], "action": None}, "action"),
        ({"ids": "1", "action": "trash"}, "ids"),
        ({"ids": 1, "action": "trash"}, "ids"),
        ({"ids": None, "action": "trash"}, "ids"),
        ({"ids": ["one"], "action": "trash"}, "ids"),
        ({"ids": [1.5], "action": "trash"}, "ids"),
        ({"ids": [[1]], "action": "trash"}, "ids"),
        ({"ids": list(range(1, 502)), "action": "trash"}, "ids"),
        ({"ids": [1], "action": "tag"}, "tag"),
        ({"ids": [1], "action": "untag"}, "tag"),
        ({"ids": [1], "action": "tag", "tag": ""}, "tag"),
        ({"ids": [1], "action": "tag", "tag": "x" * 51}, "tag"),
        ({"ids": [1], "action": "tag", "tag": ["a"]}, "tag"),
        ({"ids": [1], "action": "status"}, "status"),
        ({"ids": [1], "action": "status", "status": "secret"}, "status"),
        ({"ids": [1], "action": "status", "status": None}, "status"),
    ],
)
def test_an_impossible_request_is_refused_and_does_nothing(alice, three, body, field):
    if body.get("ids") == [1]:
        body = {**body, "ids": three}
    before = [note(alice, id) for id in three]
    expect.invalid(alice.post(ADDRESS, json=body), field)
    assert [note(alice, id) for id in three] == before


@pytest.mark.parametrize("id", [0, -1, 2**63, 2**64, 10**30])
def test_an_id_that_cannot_be_is_refused_or_has_its_result(alice, three, id):
    response = bulk(alice, [three[0], id], "status", status="archived")
    assert response.status_code in (200, 422)
    assert note(alice, three[0])["status"] == ("archived" if response.status_code == 200 else "draft")


def test_500_ids_are_allowed(alice, three):
    expect.ok(
        bulk(alice, [*three, *range(expect.NEVER_WAS, expect.NEVER_WAS + 497)], "status", status="archived")
    )
    assert {note(alice, id)["status"] for id in three} == {"archived"}


def test_a_note_with_twenty_tags_gets_no_more(alice, make_note):
    full = make_note(tags=[f"t{number:02}" for number in range(20)])
    bulk(alice, [full["id"]], "tag", tag="one more")
    assert note(alice, full["id"])["tags"] == full["tags"]
    expect.ok(bulk(alice, [full["id"]], "tag", tag="t07"))
    assert note(alice, full["id"])["tags"] == full["tags"]


def test_the_counts_of_the_tags_follow(alice, three):
    bulk(alice, three, "tag", tag="new")
    bulk(alice, three[:1], "untag", tag="old")
    bulk(alice, three[2:], "trash")
    counts = {row["name"]: row["count"] for row in alice.get("/api/tags/").json["results"] if row["count"]}
    assert counts == {"new": 2, "old": 1}


def test_a_changed_note_has_a_new_tag_and_time(alice, three):
    before = alice.get(f"/api/notes/{three[0]}/")
    bulk(alice, three[:1], "status", status="archived")
    after = alice.get(f"/api/notes/{three[0]}/")
    assert after.headers["ETag"] != before.headers["ETag"]
    assert expect.moment(after.json["updated_at"]) > expect.moment(before.json["updated_at"])


def test_parallel_actions_on_the_same_notes_all_end(alice, three, in_parallel):
    actions = [lambda n=n: bulk(alice, three[:: (-1) ** n], "tag", tag=f"t{n}") for n in range(10)]
    for answer in in_parallel(actions):
        expect.ok(answer)
    assert all(len(note(alice, id)["tags"]) == 11 for id in three)
