"""Revisions: one for each change, their list, one as a whole, differences, and the way back."""

import pytest

from . import expect
from .test_note_changes import CHANGES

# What a note is, not what it says.
WITHOUT_REVISION = {"its status"}


@pytest.fixture
def revisions(alice, path):
    """The revisions of Alice's note, newest first."""
    return lambda: expect.walk(alice, f"{path}revisions/")


@pytest.fixture
def at(alice, path):
    """One revision of Alice's note."""
    return lambda number: expect.ok(alice.get(f"{path}revisions/{number}/"))


def says(note):
    """What a note says, without times."""
    return (
        note["title"],
        note["tags"],
        [
            (
                chapter["title"],
                [
                    (
                        topic["name"],
                        (topic["explanation"] or {}).get("content"),
                        (topic["code_snippet"] or {}).get("code"),
                        topic["source"],
                    )
                    for topic in chapter["topics"]
                ],
            )
            for chapter in note["chapters"]
        ],
    )


def test_making_a_note_is_its_first_revision(note, revisions, at):
    (first,) = revisions()
    assert (first["number"], first["origin"], first["summary"]) == (1, "user", "Note made")
    assert set(first) == {"number", "origin", "summary", "created_at"}
    assert at(1) == {**first, "note": note}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_a_revision_and_the_one_before_stays_as_it_was(alice, note, path, revisions, at, name):
    assert CHANGES[name](alice, note, path).status_code in (200, 201, 204)
    after = alice.get(path).json
    if name in WITHOUT_REVISION:
        assert [row["number"] for row in revisions()] == [1]
        return
    assert [row["number"] for row in revisions()] == [2, 1]
    assert at(1)["note"] == note
    assert at(2)["note"] == after
    assert (at(2)["origin"], bool(at(2)["summary"])) == ("user", True)


def test_a_change_that_changes_nothing_is_none(alice, note, path, topic, revisions):
    expect.ok(alice.patch(path, json={"title": note["title"], "tags": note["tags"]}))
    expect.ok(alice.put(path, json=note))
    expect.ok(alice.patch(f"/api/topics/{topic['id']}/", json={"name": topic["name"], "order": 1}))
    assert len(revisions()) == 1


SUMMARIES = {
    "its title": "Title changed to 'Changed'",
    "its tags": "Tags changed",
    "an explanation": "Topic 'Topic 1.1' changed",
    "a topic's name": "Topic 'Changed' changed",
    "a new topic": "Topic 'New' added",
    "a topic gone": "Topic 'Topic 1.1' deleted",
    "a new chapter": "Chapter 'New' added",
    "a chapter's title": "Chapter 'Chapter 1' renamed 'Changed'",
    "a chapter gone": "Chapter 'Chapter 1' deleted",
    "the order": "Order changed",
    "a chapter's place": "Order changed",
}


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_summary_says_what_changed(alice, note, path, revisions, name):
    assert CHANGES[name](alice, note, path).status_code in (200, 201, 204)
    assert revisions()[0]["summary"] == SUMMARIES[name]


def test_tags_of_many_notes_are_revisions_of_each(alice, make_note):
    notes = [make_note(f"n{number}", tags=["a"]) for number in range(3)]
    ids = expect.ids(notes)
    expect.ok(alice.post("/api/notes/bulk/", json={"ids": ids, "action": "tag", "tag": "b"}))
    expect.ok(alice.patch("/api/tags/b/", json={"name": "c"}))
    assert alice.delete("/api/tags/a/").status_code == 204
    expect.ok(alice.post("/api/notes/bulk/", json={"ids": ids, "action": "untag", "tag": "none"}))
    for note_id in ids:
        path = f"/api/notes/{note_id}/revisions/"
        tags = [alice.get(f"{path}{number}/").json["note"]["tags"] for number in range(1, 5)]
        assert tags == [["a"], ["a", "b"], ["a", "c"], ["c"]]
        assert len(expect.walk(alice, path)) == 4


def test_trash_and_status_are_no_revisions(alice, note, path, revisions):
    assert alice.delete(path).status_code == 204
    expect.ok(alice.post(f"{path}restore/"))
    expect.ok(alice.patch(path, json={"status": "published"}))
    assert len(revisions()) == 1


def test_a_copy_begins_with_a_revision_of_its_own(alice, note, path):
    copy = expect.ok(alice.post(f"{path}duplicate/"), 201)
    (first,) = expect.walk(alice, f"/api/notes/{copy['id']}/revisions/")
    assert alice.get(f"/api/notes/{copy['id']}/revisions/1/").json["note"] == copy
    assert first["number"] == 1


def test_a_diff_is_unified_and_reads_well(alice, note, path, topic):
    changed = {"explanation": {"content": "# Topic 1.1\n\nWhat it really means."}}
    expect.ok(alice.patch(f"/api/topics/{topic['id']}/", json=changed))
    answer = expect.ok(alice.get(f"{path}revisions/2/diff/"))
    assert (answer["number"], answer["against"]) == (2, 1)
    assert answer["diff"].splitlines() == [
        "--- revision 1",
        "+++ revision 2",
        "@@ -6,7 +6,7 @@",
        " ",
        " # Topic 1.1",
        " ",
        "-What it means.",
        "+What it really means.",
        " ",
        " Code (python):",
        "     print('hello')",
    ]


def test_a_diff_of_any_two_goes_either_way(alice, note, path, patched):
    for title in ("Two", "Three"):
        patched(path, title=title)
    there = alice.get(f"{path}revisions/3/diff/?against=1").json["diff"]
    back = alice.get(f"{path}revisions/1/diff/?against=3").json["diff"]
    assert ("-# Cell biology" in there, "+# Three" in there) == (True, True)
    assert ("-# Three" in back, "+# Cell biology" in back) == (True, True)
    assert alice.get(f"{path}revisions/2/diff/?against=2").json["diff"] == ""
    first = alice.get(f"{path}revisions/1/diff/").json
    assert (first["against"], first["diff"].count("\n-")) == (0, 0)


@pytest.mark.parametrize("name", [name for name in CHANGES if name not in WITHOUT_REVISION])
def test_restoring_is_a_new_revision_and_loses_nothing(alice, note, path, revisions, at, name):
    assert CHANGES[name](alice, note, path).status_code in (200, 201, 204)
    changed = at(2)["note"]
    restored = expect.ok(alice.post(f"{path}revisions/1/restore/"))
    assert says(restored) == says(note)
    assert alice.get(path).json == restored
    assert (revisions()[0]["origin"], revisions()[0]["summary"]) == ("restore", "Revision 1 restored")
    assert (at(3)["note"], at(2)["note"], at(1)["note"]) == (restored, changed, note)
    assert says(expect.ok(alice.post(f"{path}revisions/2/restore/"))) == says(changed)


def test_rows_that_are_still_there_keep_their_ids(alice, note, path, topic):
    assert alice.delete(f"/api/topics/{topic['id']}/").status_code == 204
    restored = expect.ok(alice.post(f"{path}revisions/1/restore/"))
    assert expect.ids(restored["chapters"]) == expect.ids(note["chapters"])
    old, new = (expect.ids(detail["chapters"][0]["topics"]) for detail in (note, restored))
    assert (new[1], new[0] not in old) == (old[1], True)


def test_restoring_what_stands_is_a_revision_too(alice, note, path, revisions):
    expect.ok(alice.post(f"{path}revisions/1/restore/"))
    assert [row["origin"] for row in revisions()] == ["restore", "user"]


def test_restoring_leaves_the_status(alice, note, path, patched):
    patched(path, status="published", title="Other")
    assert expect.ok(alice.post(f"{path}revisions/1/restore/"))["status"] == "published"


def test_restoring_honours_if_match(alice, note, path, patched):
    tag = alice.get(path).headers["ETag"]
    patched(path, title="Other")
    expect.problem(alice.post(f"{path}revisions/1/restore/", headers={"If-Match": tag}), 412)
    fresh = alice.get(path).headers["ETag"]
    restored = alice.post(f"{path}revisions/1/restore/", headers={"If-Match": fresh})
    assert (restored.status_code, restored.json["title"]) == (200, note["title"])
    assert restored.headers["ETag"] == alice.get(path).headers["ETag"]


def test_a_restored_text_is_found_again(alice, note, path, topic):
    found = lambda q: len(alice.get(f"/api/search/?q={q}").json["results"])  # noqa: E731
    before = found("hello")
    expect.ok(alice.put(path, json={"title": "Empty", "chapters": []}))
    assert (found("hello"), found("empty")) == (0, 1)
    expect.ok(alice.post(f"{path}revisions/1/restore/"))
    assert (found("hello"), found("empty")) == (before, 0)


def test_a_list_has_pages(alice, note, path, patched, statements):
    for number in range(6):
        patched(path, title=f"Title {number}")
    numbers = [row["number"] for row in expect.walk(alice, f"{path}revisions/?page_size=3")]
    assert numbers == [7, 6, 5, 4, 3, 2, 1]
    statements.clear()
    alice.get(f"{path}revisions/")
    assert len(statements) == 3


def test_revisions_of_what_is_not_mine_not_there_or_in_the_trash_are_not_found(alice, bob, note, path):
    paths = ["", "1/", "1/diff/", "1/diff/?against=1"]
    for client, number in ((bob, 1), (alice, 2)):
        for each in paths if client is bob else paths[1:]:
            expect.problem(client.get(f"{path}revisions/{each.replace('1/', f'{number}/', 1)}"), 404)
        expect.problem(client.post(f"{path}revisions/{number}/restore/"), 404)
    expect.problem(alice.get(f"{path}revisions/1/diff/?against=2"), 404)
    assert alice.delete(path).status_code == 204
    for each in paths:
        expect.problem(alice.get(f"{path}revisions/{each}"), 404)
    expect.problem(alice.post(f"{path}revisions/1/restore/"), 404)


@pytest.mark.parametrize("against", ["0", "-1", "x", "1.5", "", "99999999999999999999"])
def test_a_number_that_is_none_is_refused(alice, note, path, against):
    expect.invalid(alice.get(f"{path}revisions/1/diff/?against={against}"), "against", "query")


def test_revisions_need_a_session(anonymous, note, path):
    expect.unauthorized(anonymous.get(f"{path}revisions/"))


def test_changes_at_once_have_a_revision_each(alice, note, path, topic, in_parallel, revisions, at):
    edits = [
        lambda n=n: alice.patch(f"/api/topics/{topic['id']}/", json={"explanation": {"content": f"Text {n}"}})
        for n in range(8)
    ]
    assert {answer.status_code for answer in in_parallel(edits)} == {200}
    assert [row["number"] for row in revisions()] == list(range(9, 0, -1))
    texts = {
        at(number)["note"]["chapters"][0]["topics"][0]["explanation"]["content"] for number in range(2, 10)
    }
    assert texts == {f"Text {n}" for n in range(8)}


def test_deleting_a_note_for_good_deletes_its_revisions(alice, note, path, patched):
    patched(path, title="Other")
    assert alice.delete(f"{path}?permanent=true").status_code == 204
    expect.problem(alice.get(f"{path}revisions/"), 404)
