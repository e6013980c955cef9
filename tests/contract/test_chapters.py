"""Chapters: added, read, renamed, moved and removed one at a time."""

import pytest

from . import expect


@pytest.fixture
def five(make_note):
    """A note with the chapters a, b, c, d, e."""
    return make_note(chapters=[{"title": title} for title in "abcde"])


def order(client, note):
    """The titles of the chapters in their order, which must have no gaps."""
    return "".join(title for title, _ in expect.outline(client.get(f"/api/notes/{note['id']}/").json))


def add(client, note, **fields):
    """POST a chapter."""
    return client.post(f"/api/notes/{note['id']}/chapters/", json=fields)


def test_a_new_chapter_comes_last(alice, five):
    response = add(alice, five, title="f")
    chapter = expect.ok(response, 201)
    assert (chapter["title"], chapter["order"]) == ("f", 6)
    assert expect.location(response) == f"/api/chapters/{chapter['id']}/"
    assert expect.strong(response.headers["ETag"]) == alice.get(expect.location(response)).headers["ETag"]
    assert alice.get(expect.location(response)).json == chapter
    assert order(alice, five) == "abcdef"


@pytest.mark.parametrize(
    "place, result",
    [(1, "Xabcde"), (2, "aXbcde"), (5, "abcdXe"), (6, "abcdeX"), (7, "abcdeX"), (10**6, "abcdeX")],
)
def test_a_new_chapter_takes_the_place_that_it_asks_for(alice, five, place, result):
    assert expect.ok(add(alice, five, title="X", order=place), 201)["order"] == min(place, 6)
    assert order(alice, five) == result


@pytest.mark.parametrize(
    "title, place, result",
    [
        ("a", 1, "abcde"),
        ("a", 3, "bcade"),
        ("a", 5, "bcdea"),
        ("a", 99, "bcdea"),
        ("e", 1, "eabcd"),
        ("e", 2, "aebcd"),
        ("c", 2, "acbde"),
        ("c", 4, "abdce"),
        ("c", 3, "abcde"),
    ],
)
def test_a_chapter_moves_to_the_place_that_it_is_given(alice, five, patched, title, place, result):
    moved = next(chapter for chapter in five["chapters"] if chapter["title"] == title)
    assert patched(f"/api/chapters/{moved['id']}/", order=place)["order"] == min(place, 5)
    assert order(alice, five) == result


@pytest.mark.parametrize("place", [0, -1, 1.5, "2", "last", [1], {}, True])
def test_a_place_that_cannot_be_is_refused(alice, five, place):
    expect.invalid(add(alice, five, title="X", order=place), "order")
    expect.invalid(alice.patch(f"/api/chapters/{five['chapters'][2]['id']}/", json={"order": place}), "order")
    assert order(alice, five) == "abcde"


@pytest.mark.parametrize("place", [2**31, 2**63 - 1, 2**63, 10**40])
def test_a_place_beyond_all_numbers_is_last_or_refused(alice, five, place):
    response = add(alice, five, title="X", order=place)
    assert response.status_code in (201, 422)
    assert order(alice, five) == ("abcdeX" if response.status_code == 201 else "abcde")


@pytest.mark.parametrize("gone, result", [(0, "bcde"), (2, "abde"), (4, "abcd")])
def test_no_gap_is_left_where_a_chapter_was(alice, five, gone, result):
    address = f"/api/chapters/{five['chapters'][gone]['id']}/"
    assert alice.delete(address).status_code == 204
    assert order(alice, five) == result
    expect.problem(alice.get(address), 404)
    expect.problem(alice.delete(address), 404)


def test_a_deleted_chapter_takes_its_topics_with_it(alice, note, path, chapter, topic):
    assert alice.delete(f"/api/chapters/{chapter['id']}/").status_code == 204
    expect.problem(alice.get(f"/api/topics/{topic['id']}/"), 404)
    expect.problem(alice.post(f"/api/chapters/{chapter['id']}/topics/", json={"name": "x"}), 404)
    now = alice.get(path).json
    assert (now["chapter_count"], now["topic_count"]) == (1, 2)


def test_a_chapter_read_alone_says_what_the_note_says(alice, chapter):
    assert expect.includes(alice.get(f"/api/chapters/{chapter['id']}/").json, chapter)


def test_a_chapter_is_renamed_and_stays_where_it_was(alice, five, patched):
    answer = patched(f"/api/chapters/{five['chapters'][1]['id']}/", title="B")
    assert (answer["title"], answer["order"]) == ("B", 2)
    assert order(alice, five) == "aBcde"


def test_a_chapter_is_renamed_and_moved_at_once(alice, five, patched):
    patched(f"/api/chapters/{five['chapters'][1]['id']}/", title="B", order=4)
    assert order(alice, five) == "acdBe"


@pytest.mark.parametrize("title", ["", "x" * 256, None, 5, ["x"]])
def test_a_title_that_cannot_be_is_refused(alice, five, title):
    expect.invalid(add(alice, five, title=title), "title")
    expect.invalid(alice.patch(f"/api/chapters/{five['chapters'][0]['id']}/", json={"title": title}), "title")
    assert order(alice, five) == "abcde"


@pytest.mark.parametrize("title", ["x", "x" * 255, "🙂" * 255, "第一章"])
def test_any_other_title_is_kept(alice, five, title):
    assert expect.ok(add(alice, five, title=title), 201)["title"] == title


def test_a_chapter_needs_a_title(alice, five):
    expect.invalid(add(alice, five, order=1), "title")


def test_a_note_has_at_most_200_chapters(alice, make_note):
    full = make_note(chapters=[{"title": "c"}] * 200)
    expect.problem(add(alice, full, title="One too many"), 409, 422)
    assert len(order(alice, full)) == 200


def test_parallel_additions_do_not_pass_the_limit(alice, make_note, in_parallel):
    nearly = make_note(chapters=[{"title": "c"}] * 197)
    answers = in_parallel([lambda: add(alice, nearly, title="c")] * 8)
    assert sorted(answer.status_code for answer in answers)[:3] == [201] * 3
    assert {answer.status_code for answer in answers} <= {201, 409, 422}
    assert len(order(alice, nearly)) == 200


def test_parallel_additions_all_find_a_place(alice, five, in_parallel):
    for answer in in_parallel([lambda n=n: add(alice, five, title="X", order=n % 7 + 1) for n in range(20)]):
        expect.ok(answer, 201)
    assert sorted(order(alice, five)) == sorted("abcde" + "X" * 20)
    assert alice.get(f"/api/notes/{five['id']}/").json["chapter_count"] == 25


def test_parallel_moves_and_deletions_leave_no_gap(alice, five, in_parallel):
    at = [f"/api/chapters/{chapter['id']}/" for chapter in five["chapters"]]
    moves = [lambda n=n: alice.patch(at[n % 3], json={"order": n % 5 + 1}) for n in range(15)]
    answers = in_parallel([*moves, lambda: alice.delete(at[3]), lambda: alice.delete(at[4])])
    assert [answer.status_code for answer in answers] == [200] * 15 + [204] * 2
    assert sorted(order(alice, five)) == ["a", "b", "c"]
