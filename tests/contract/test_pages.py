"""Lists come in pages that can be walked while the list changes."""

import pytest

from . import expect

ORDERINGS = ["-created_at", "created_at", "-updated_at", "updated_at", "title"]


@pytest.fixture
def notes(make_note):
    """23 notes of Alice's, oldest first."""
    return [make_note(f"Note {number:02}", tags=["all", f"mod{number % 3}"]) for number in range(23)]


def first_cursor(client, query=""):
    """The cursor behind the first page of two."""
    return expect.cursor(client.get(f"/api/notes/?page_size=2{query}").json["next"])


def test_an_empty_list_is_one_empty_page(alice):
    assert alice.get("/api/notes/").json == {"results": [], "next": None, "previous": None}


def test_a_page_has_twenty_rows_unless_asked(alice, notes):
    page = alice.get("/api/notes/").json
    assert len(page["results"]) == 20
    assert page["next"].startswith("/api/notes/?") and page["previous"] is None


@pytest.mark.parametrize("size", [1, 2, 22, 23, 24, 100])
def test_walking_the_pages_gives_every_row_once_in_order(alice, notes, size):
    seen = list(expect.pages(alice, f"/api/notes/?page_size={size}"))
    assert all(len(page["results"]) == size for page in seen[:-1])
    assert [id for page in seen for id in expect.ids(page["results"])] == expect.ids(reversed(notes))


def test_a_list_that_ends_with_a_page_has_no_empty_page_after_it(alice, make_note):
    for number in range(4):
        make_note(f"Note {number}")
    assert [len(page["results"]) for page in expect.pages(alice, "/api/notes/?page_size=2")] == [2, 2]


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_every_ordering_can_be_walked_there_and_back(alice, notes, ordering):
    there = list(expect.pages(alice, f"/api/notes/?page_size=5&ordering={ordering}"))
    assert sorted(id for page in there for id in expect.ids(page["results"])) == sorted(expect.ids(notes))
    page, back = there[-1], [there[-1]]
    while page["previous"]:
        page = expect.ok(alice.get(page["previous"]))
        back.insert(0, page)
    assert [page["results"] for page in back] == [page["results"] for page in there]


def test_the_links_keep_the_filters(alice, notes):
    wanted = [note["id"] for note in reversed(notes) if "mod1" in note["tags"]]
    link = "/api/notes/?tag=mod1&tag=all&status=draft&q=Note&page_size=3&created_after=2020-01-01T00:00:00Z"
    assert expect.ids(expect.walk(alice, link)) == wanted


@pytest.mark.parametrize("ordering", ["-created_at", "created_at", "title", "updated_at", "-updated_at"])
def test_rows_made_and_deleted_during_a_walk_do_not_disturb_the_others(alice, notes, make_note, ordering):
    seen, doomed = [], {note["id"] for note in notes[::4]}
    trash = [note["id"] for note in notes[::4]]
    for number, page in enumerate(expect.pages(alice, f"/api/notes/?page_size=3&ordering={ordering}")):
        seen += expect.ids(page["results"])
        make_note(f"Note {number:02} and a half")
        for _ in range(min(2, len(trash))):
            assert alice.delete(f"/api/notes/{trash.pop()}/").status_code == 204
    stood = [note["id"] for note in notes if note["id"] not in doomed]
    assert len(seen) == len(set(seen))
    assert set(stood) <= set(seen)


def test_the_row_that_a_cursor_points_to_may_be_deleted(alice, notes):
    page = alice.get("/api/notes/?page_size=5").json
    for row in page["results"]:
        assert alice.delete(f"/api/notes/{row['id']}/").status_code == 204
    rest = expect.walk(alice, page["next"])
    assert expect.ids(rest) == expect.ids(reversed(notes[:18]))


def test_going_back_shows_rows_made_in_between_or_not_but_none_twice(alice, notes, make_note):
    second = alice.get(alice.get("/api/notes/?page_size=5").json["next"]).json
    newer = make_note("Newer")
    back = expect.ids(alice.get(second["previous"]).json["results"])
    assert back and not set(back) & set(expect.ids(second["results"]))
    assert set(back) <= {newer["id"], *expect.ids(notes[-5:])}


TITLES = ["Zebra", "apple", "Apple", "äpfel", "a b", "a-b", "ab", "ß", "ss", "東京", "🙂", "%", "_", "'"]


def test_titles_of_any_script_are_walked_without_gap_or_repeat(alice, make_note):
    titles = [*TITLES, "\u00e9", "e\u0301"]
    for title in titles * 2:
        make_note(title)
    whole = expect.ids(expect.walk(alice, "/api/notes/?ordering=title&page_size=100"))
    assert len(set(whole)) == 32
    for size in (1, 3, 7):
        assert expect.ids(expect.walk(alice, f"/api/notes/?ordering=title&page_size={size}")) == whole


def test_titles_are_ordered(alice, make_note):
    for title in ("cherry", "apple", "banana", "damson"):
        make_note(title)
    rows = expect.walk(alice, "/api/notes/?ordering=title&page_size=2")
    assert [row["title"] for row in rows] == ["apple", "banana", "cherry", "damson"]


def test_a_changed_note_moves_in_the_order_of_changes(alice, notes, patched):
    patched(f"/api/notes/{notes[7]['id']}/", status="archived")
    assert expect.ids(expect.walk(alice, "/api/notes/?ordering=-updated_at"))[0] == notes[7]["id"]
    assert expect.ids(expect.walk(alice, "/api/notes/?ordering=updated_at"))[-1] == notes[7]["id"]
    assert expect.ids(expect.walk(alice, "/api/notes/?ordering=created_at")) == expect.ids(notes)


@pytest.mark.parametrize(
    "cursor", ["abc", "%27", "null", "e30", "e30=", "A" * 10_000, "....", "-1", "%F0%9F%99%82"]
)
def test_a_made_up_cursor_is_a_400(alice, notes, cursor):
    for path in ("/api/notes/", "/api/tags/", "/api/notes/trash/", "/api/auth/sessions/"):
        expect.problem(alice.get(f"{path}?cursor={cursor}"), 400)


def test_no_letter_of_a_cursor_can_be_changed(alice, notes):
    cursor = first_cursor(alice)
    for place in range(0, len(cursor) - 1, 3):
        other = "A" if cursor[place] != "A" else "B"
        forged = cursor[:place] + other + cursor[place + 1 :]
        expect.problem(alice.get("/api/notes/", query_string={"page_size": 2, "cursor": forged}), 400)


@pytest.mark.parametrize("change", [lambda c: c[:-4], lambda c: c[4:], lambda c: c + "AAAA", lambda c: c + c])
def test_a_cut_or_longer_cursor_is_a_400(alice, notes, change):
    cursor = change(first_cursor(alice))
    expect.problem(alice.get("/api/notes/", query_string={"page_size": 2, "cursor": cursor}), 400)


def test_a_cursor_of_another_user_is_a_400(alice, bob, notes):
    for number in range(3):
        bob.post("/api/notes/", json={"title": f"Bob's {number}"})
    link = alice.get("/api/notes/?page_size=2").json["next"]
    expect.ok(alice.get(link))
    expect.problem(bob.get(link), 400)


@pytest.mark.parametrize(
    "query",
    ["&status=draft", "&tag=all", "&q=note", "&ordering=title", "&created_after=2020-01-01T00:00:00Z"],
)
def test_a_cursor_of_another_filter_or_order_is_a_400(alice, notes, query):
    plain, filtered = first_cursor(alice), first_cursor(alice, query)
    expect.problem(alice.get(f"/api/notes/?page_size=2{query}&cursor={plain}"), 400)
    expect.problem(alice.get(f"/api/notes/?page_size=2&cursor={filtered}"), 400)


def test_a_cursor_of_another_value_of_the_filter_is_a_400(alice, notes):
    cursor = first_cursor(alice, "&tag=mod1")
    expect.problem(alice.get(f"/api/notes/?page_size=2&tag=mod2&cursor={cursor}"), 400)


def test_a_cursor_of_another_list_is_a_400(alice, notes):
    cursor = first_cursor(alice)
    for path in ("/api/notes/trash/", "/api/tags/", "/api/auth/sessions/"):
        expect.problem(alice.get(f"{path}?page_size=2&cursor={cursor}"), 400)


def test_the_other_lists_are_walked_too(alice, notes, sign_in):
    for note in notes[:5]:
        assert alice.delete(f"/api/notes/{note['id']}/").status_code == 204
    for _ in range(4):
        sign_in(alice.email, alice.password)
    for path, size in (("/api/notes/trash/", 5), ("/api/tags/", 4), ("/api/auth/sessions/", 5)):
        whole = expect.walk(alice, path)
        assert len(whole) == size
        names = [row.get("id", row.get("name")) for row in expect.walk(alice, f"{path}?page_size=2")]
        assert names == [row.get("id", row.get("name")) for row in whole]
