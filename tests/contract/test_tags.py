"""Tags: tidied when given, counted, renamed, merged and removed."""

from urllib.parse import quote

import pytest

from . import expect


def counts(client):
    """The tags that are in use, with the number of their notes."""
    return {row["name"]: row["count"] for row in expect.walk(client, "/api/tags/") if row["count"]}


def tags_of(client, note):
    """The tags of a note, in alphabetical order."""
    return sorted(client.get(f"/api/notes/{note['id']}/").json["tags"])


def place(name):
    """The address of a tag."""
    return f"/api/tags/{quote(name, safe='')}/"


@pytest.mark.parametrize(
    "given, kept",
    [
        ([], []),
        (["Biology"], ["biology"]),
        (["  cell  ", "\tdna\n"], ["cell", "dna"]),
        (["a", "A", " a "], ["a"]),
        (["b", "a", "b"], ["a", "b"]),
        (["ÜBUNG"], ["übung"]),
        (["two words"], ["two words"]),
        (["c++", "c#", "a/b", "100%", "東京", "🙂"], ["100%", "a/b", "c#", "c++", "東京", "🙂"]),
        (["x" * 50], ["x" * 50]),
        (["🙂" * 50], ["🙂" * 50]),
    ],
)
def test_tags_are_trimmed_in_small_letters_and_each_once(alice, make_note, patched, given, kept):
    note = make_note(tags=given)
    assert sorted(note["tags"]) == tags_of(alice, note) == kept
    patched(f"/api/notes/{note['id']}/", tags=["other"])
    patched(f"/api/notes/{note['id']}/", tags=given)
    assert tags_of(alice, note) == kept


@pytest.mark.parametrize(
    "tags", [[""], ["   "], ["x" * 51], ["🙂" * 51], ["ok", ""], [f"t{n}" for n in range(21)]]
)
def test_tags_out_of_their_limits_are_refused(alice, note, path, tags):
    expect.invalid(alice.post("/api/notes/", json={"title": "x", "tags": tags}), "tags")
    expect.invalid(alice.patch(path, json={"tags": tags}), "tags")
    assert alice.get(path).json == note


def test_twenty_tags_are_allowed(make_note):
    assert len(make_note(tags=[f"t{n}" for n in range(20)])["tags"]) == 20


@pytest.mark.parametrize("tag", ["İ" * 50, "ẞ" * 50, "ΣΑΣ", "ǅ"])
def test_letters_that_grow_when_small_are_kept_or_refused(alice, tag):
    response = alice.post("/api/notes/", json={"title": "x", "tags": [tag]})
    assert response.status_code in (201, 422)
    if response.status_code == 201:
        assert len(response.json["tags"][0]) <= 50
        assert counts(alice) == {response.json["tags"][0]: 1}


def test_each_tag_is_listed_with_the_number_of_its_notes(alice, make_note):
    make_note(tags=["a", "b"])
    make_note(tags=["b"])
    make_note()
    assert counts(alice) == {"a": 1, "b": 2}


def test_the_count_follows_every_change(alice, make_note, patched):
    first, second = make_note(tags=["a", "b"]), make_note(tags=["a"])
    patched(f"/api/notes/{first['id']}/", tags=["b", "c"])
    assert counts(alice) == {"a": 1, "b": 1, "c": 1}
    expect.ok(alice.put(f"/api/notes/{second['id']}/", json={"title": "x", "tags": ["c"], "chapters": []}))
    assert counts(alice) == {"b": 1, "c": 2}
    expect.ok(alice.post(f"/api/notes/{first['id']}/duplicate/"), 201)
    assert counts(alice) == {"b": 2, "c": 3}


def test_a_trashed_note_does_not_count_until_it_is_restored(alice, make_note):
    note = make_note(tags=["a"])
    make_note(tags=["a", "b"])
    assert alice.delete(f"/api/notes/{note['id']}/").status_code == 204
    assert counts(alice) == {"a": 1, "b": 1}
    expect.ok(alice.post(f"/api/notes/{note['id']}/restore/"))
    assert counts(alice) == {"a": 2, "b": 1}


def test_a_renamed_tag_is_renamed_in_every_note(alice, make_note):
    notes = [make_note(tags=["old", "x"]), make_note(tags=["old"]), make_note(tags=["x"])]
    assert expect.includes(
        expect.ok(alice.patch(place("old"), json={"name": "new"})), {"name": "new", "count": 2}
    )
    assert [tags_of(alice, note) for note in notes] == [["new", "x"], ["new"], ["x"]]
    assert counts(alice) == {"new": 2, "x": 2}
    expect.problem(alice.patch(place("old"), json={"name": "again"}), 404)
    assert len(expect.walk(alice, "/api/notes/?tag=new")) == 2


def test_renaming_to_a_tag_that_exists_merges_them(alice, make_note):
    notes = [make_note(tags=["a", "b"]), make_note(tags=["a"]), make_note(tags=["b", "c"])]
    assert expect.includes(expect.ok(alice.patch(place("a"), json={"name": "b"})), {"name": "b", "count": 3})
    assert [tags_of(alice, note) for note in notes] == [["b"], ["b"], ["b", "c"]]
    assert counts(alice) == {"b": 3, "c": 1}


@pytest.mark.parametrize(
    "name, kept", [("  New  ", "new"), ("NEW", "new"), ("Ünï", "ünï"), ("x" * 50, "x" * 50), ("a", "a")]
)
def test_the_new_name_is_tidied_like_any_tag(alice, make_note, name, kept):
    note = make_note(tags=["a"])
    assert expect.ok(alice.patch(place("a"), json={"name": name}))["name"] == kept
    assert tags_of(alice, note) == [kept]


@pytest.mark.parametrize("name", ["", "   ", "x" * 51, None, 5, ["b"]])
def test_a_name_that_no_tag_can_have_is_refused(alice, make_note, name):
    note = make_note(tags=["a"])
    expect.invalid(alice.patch(place("a"), json={"name": name}), "name")
    assert tags_of(alice, note) == ["a"]


@pytest.mark.parametrize(
    "name", ["c++", "c#", "a b", "100%", "a/b", "ünï", "東京", "🙂", "?", "a&b", "..", "'", "%41", ";"]
)
def test_a_tag_of_any_characters_can_be_renamed_and_deleted(alice, make_note, name):
    note = make_note(tags=[name, "kept"])
    expect.ok(alice.patch(place(name), json={"name": "plain"}))
    assert tags_of(alice, note) == ["kept", "plain"]
    expect.ok(alice.patch(place("plain"), json={"name": name}))
    assert alice.delete(place(name)).status_code == 204
    assert tags_of(alice, note) == ["kept"]


def test_a_deleted_tag_leaves_its_notes(alice, make_note):
    notes = [make_note(tags=["a", "b"]), make_note(tags=["a"])]
    response = alice.delete(place("a"))
    assert (response.status_code, response.get_data()) == (204, b"")
    assert [tags_of(alice, note) for note in notes] == [["b"], []]
    assert counts(alice) == {"b": 1}
    expect.problem(alice.delete(place("a")), 404)


def test_renaming_and_deleting_a_tag_change_its_notes_and_no_others(alice, make_note):
    tagged, other = make_note(tags=["a"]), make_note(tags=["b"])
    for change in (lambda: alice.patch(place("a"), json={"name": "c"}), lambda: alice.delete(place("c"))):
        before = alice.get(f"/api/notes/{tagged['id']}/")
        assert change().status_code in (200, 204)
        after = alice.get(f"/api/notes/{tagged['id']}/")
        assert after.headers["ETag"] != before.headers["ETag"]
        assert expect.moment(after.json["updated_at"]) > expect.moment(before.json["updated_at"])
        assert alice.get(f"/api/notes/{other['id']}/").json == other


def test_a_restored_note_follows_a_rename_that_happened_meanwhile(alice, make_note):
    note = make_note(tags=["old"])
    make_note(tags=["old"])
    assert alice.delete(f"/api/notes/{note['id']}/").status_code == 204
    expect.ok(alice.patch(place("old"), json={"name": "new"}))
    expect.ok(alice.post(f"/api/notes/{note['id']}/restore/"))
    assert sum(counts(alice).values()) == 2
    assert counts(alice)["new"] in (1, 2)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("name", ["never", "x" * 51, "x" * 5000, "%", "_", "\x7f"])
def test_a_tag_that_is_not_there_is_a_404(alice, note, method, name):
    expect.problem(
        alice.open(place(name), method=method, json={"name": "x"} if method == "PATCH" else None), 404
    )


def test_the_tags_of_others_do_not_exist(alice, bob, make_note):
    note = make_note(tags=["secret"])
    bob.post("/api/notes/", json={"title": "x", "tags": ["own"]})
    assert counts(bob) == {"own": 1}
    foreign, never = (bob.patch(place(name), json={"name": "own"}) for name in ("secret", "nothing"))
    expect.problem(foreign, 404)
    assert expect.anonymised(foreign) == expect.anonymised(never)
    expect.problem(bob.delete(place("secret")), 404)
    assert (tags_of(alice, note), counts(alice), counts(bob)) == (["secret"], {"secret": 1}, {"own": 1})


def test_the_same_tag_of_two_users_is_two_tags(alice, bob, make_note):
    note = make_note(tags=["shared"])
    bob.post("/api/notes/", json={"title": "x", "tags": ["shared"]})
    expect.ok(bob.patch(place("shared"), json={"name": "mine"}))
    assert (tags_of(alice, note), counts(bob)) == (["shared"], {"mine": 1})


def test_twenty_parallel_notes_with_one_new_tag_all_get_it(alice, in_parallel):
    for answer in in_parallel(
        [lambda: alice.post("/api/notes/", json={"title": "x", "tags": ["new", "too"]})] * 20
    ):
        expect.ok(answer, 201)
    assert counts(alice) == {"new": 20, "too": 20}


def test_parallel_merges_lose_no_note(alice, make_note, in_parallel):
    notes = [make_note(tags=[name]) for name in ("a", "b", "c", "d")]
    answers = in_parallel(
        [lambda n=n: alice.patch(place(n), json={"name": "all"}) for n in ("a", "b", "c", "d")]
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    assert [tags_of(alice, note) for note in notes] == [["all"]] * 4
    assert counts(alice) == {"all": 4}


def test_parallel_renames_in_a_ring_lose_no_note(alice, make_note, in_parallel):
    for name in ("a", "b", "c"):
        make_note(tags=[name])
    ring = [("a", "b"), ("b", "c"), ("c", "a")] * 3
    answers = in_parallel([lambda o=o, n=n: alice.patch(place(o), json={"name": n}) for o, n in ring])
    assert {answer.status_code for answer in answers} <= {200, 404}
    assert sum(counts(alice).values()) == 3
