"""Finding notes again: filters, words and orders."""

import pytest

from . import expect

FIELDS = {"id", "title", "slug", "tags", "status", "chapter_count", "topic_count", "created_at", "updated_at"}


def titles(client, query=""):
    """The titles on the first page of this list."""
    return [row["title"] for row in expect.ok(client.get(f"/api/notes/?{query}"))["results"]]


def test_the_newest_note_comes_first(alice, make_note):
    for title in ("one", "two", "three"):
        make_note(title)
    assert titles(alice) == ["three", "two", "one"]
    assert titles(alice, "ordering=-created_at") == ["three", "two", "one"]
    assert titles(alice, "ordering=created_at") == ["one", "two", "three"]


def test_a_row_of_the_list_says_what_the_note_says(alice, note):
    (row,) = alice.get("/api/notes/").json["results"]
    fields = [
        "id",
        "title",
        "slug",
        "tags",
        "status",
        "chapter_count",
        "topic_count",
        "created_at",
        "updated_at",
    ]
    assert {name: row[name] for name in fields} == {name: note[name] for name in fields}


def test_the_order_of_changes_follows_any_change_in_a_note(alice, make_note, patched):
    first, second = (
        make_note(title, chapters=[{"title": "c", "topics": [{"name": "t"}]}]) for title in ("a", "b")
    )
    assert titles(alice, "ordering=-updated_at") == ["b", "a"]
    patched(
        f"/api/topics/{first['chapters'][0]['topics'][0]['id']}/",
        source={"title": "s", "url": "https://a.example/"},
    )
    assert titles(alice, "ordering=-updated_at") == ["a", "b"]
    patched(f"/api/chapters/{second['chapters'][0]['id']}/", title="Changed")
    assert titles(alice, "ordering=-updated_at") == ["b", "a"]
    assert titles(alice, "ordering=updated_at") == ["a", "b"]


def test_a_status_filters(alice, make_note):
    for status in ("draft", "published", "archived"):
        make_note(status, status=status)
    for status in ("draft", "published", "archived"):
        assert titles(alice, f"status={status}") == [status]


@pytest.mark.parametrize(
    "query, found",
    [
        ("tag=a", ["ab", "a"]),
        ("tag=a&tag=b", ["ab"]),
        ("tag=b&tag=a&tag=a", ["ab"]),
        ("tag=b", ["b", "ab"]),
        ("tag=a&tag=c", []),
        ("tag=nothing", []),
        ("tag=%25", []),
        ("tag=a&status=published", ["ab"]),
        ("tag=b&status=draft", ["b"]),
    ],
)
def test_tags_filter_and_all_of_them_must_be_there(alice, make_note, query, found):
    make_note("a", tags=["a"])
    make_note("ab", tags=["a", "b"], status="published")
    make_note("b", tags=["b"])
    assert titles(alice, query) == found


@pytest.mark.parametrize(
    "tag", ["c++", "a b", "a&b", "c#", "100%", "ünï", "東京", "a/b", "'", '"', "a,b", "+"]
)
def test_a_tag_of_any_characters_filters(alice, make_note, tag):
    make_note("with", tags=[tag])
    make_note("without", tags=["x"])
    found = alice.get("/api/notes/", query_string={"tag": tag}).json["results"]
    assert [row["title"] for row in found] == ["with"]


def test_the_time_of_creation_filters(alice, make_note, move_clock):
    made = {}
    for title in ("old", "middle", "new"):
        made[title] = make_note(title)["created_at"]
        move_clock(60)
    start, end = (made["middle"][:17] + seconds for seconds in ("00Z", "59.999999Z"))
    assert titles(alice, f"created_after={start}") == ["new", "middle"]
    assert titles(alice, f"created_after={end}") == ["new"]
    assert titles(alice, f"created_before={start}") == ["old"]
    assert titles(alice, f"created_before={end}") == ["middle", "old"]
    assert titles(alice, f"created_after={start}&created_before={end}") == ["middle"]


def test_the_time_filters_combine_with_the_others(alice, make_note, move_clock):
    make_note("old draft")
    make_note("old published", status="published")
    move_clock(600)
    edge = make_note("new published", status="published")["created_at"][:16] + ":00Z"
    assert titles(alice, f"status=published&created_before={edge}") == ["old published"]
    assert titles(alice, f"status=published&created_after={edge}") == ["new published"]
    assert titles(alice, f"created_after={edge}&created_before=2020-01-01T00:00:00Z") == []


PLACES = {
    "title": {"title": "About mitochondria"},
    "tag": {"title": "x", "tags": ["mitochondria"]},
    "chapter": {"title": "x", "chapters": [{"title": "The mitochondria"}]},
    "topic": {"title": "x", "chapters": [{"title": "c", "topics": [{"name": "mitochondria at work"}]}]},
    "explanation": {
        "title": "x",
        "chapters": [
            {"title": "c", "topics": [{"name": "t", "explanation": {"content": "So mitochondria breathe."}}]}
        ],
    },
    "code": {
        "title": "x",
        "chapters": [
            {
                "title": "c",
                "topics": [{"name": "t", "code_snippet": {"language": "python", "code": "mitochondria = 1"}}],
            }
        ],
    },
}


@pytest.mark.parametrize("body", PLACES.values(), ids=PLACES.keys())
def test_a_word_is_found_wherever_it_stands(alice, bob, body):
    made = expect.ok(alice.post("/api/notes/", json=body), 201)
    alice.post("/api/notes/", json={"title": "Other"})
    expect.ok(bob.post("/api/notes/", json=body), 201)
    for word in ("mitochondria", "Mitochondria", "MITOCHONDRIA"):
        assert expect.ids(alice.get(f"/api/notes/?q={word}").json["results"]) == [made["id"]]


def test_a_word_that_stands_nowhere_finds_nothing(alice, note):
    assert titles(alice, "q=xylophone") == []


def test_a_word_is_no_longer_found_once_it_is_gone(alice, make_note, patched):
    made = make_note("About mitochondria")
    patched(f"/api/notes/{made['id']}/", title="About ribosomes")
    assert (titles(alice, "q=mitochondria"), titles(alice, "q=ribosomes")) == ([], ["About ribosomes"])


def test_a_trashed_note_is_not_found(alice, make_note):
    made = make_note("About mitochondria", tags=["cells"])
    assert alice.delete(f"/api/notes/{made['id']}/").status_code == 204
    assert (titles(alice, "q=mitochondria"), titles(alice, "tag=cells"), titles(alice)) == ([], [], [])


def test_a_word_found_twice_in_a_note_lists_it_once(alice, make_note):
    topics = [{"name": f"mitochondria {n}", "explanation": {"content": "mitochondria"}} for n in range(5)]
    make_note("mitochondria", tags=["mitochondria"], chapters=[{"title": "mitochondria", "topics": topics}])
    assert titles(alice, "q=mitochondria") == ["mitochondria"]


def test_the_wildcards_of_a_database_mean_themselves(alice, make_note):
    make_note("snake_case names")
    make_note("snakeXcase names")
    assert titles(alice, "q=snake_case") == ["snake_case names"]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "'",
            '"',
            '"open',
            "(",
            "a AND",
            "a OR OR b",
            "NOT",
            "*",
            "a*",
            "-",
            "--",
            "a:b",
            "\\",
            "%",
            "title:x",
        ),
        *(
            "<->",
            "a & | b",
            "NEAR(a b)",
            "; drop table notes",
            "🙂",
            "東京",
            "x" * 100,
            "a " * 40,
            "^",
            "{a}",
            "!",
        ),
        *("!!a", "a:*", "'a' <2> 'b'"),
    ],
)
def test_no_text_to_look_for_breaks_the_search(alice, note, text):
    answer = expect.ok(alice.get("/api/notes/", query_string={"q": text}))
    assert set(answer) >= {"results", "next", "previous"}


def test_words_are_found_with_filters_and_order(alice, make_note):
    for number, status in enumerate(["draft", "published", "draft"]):
        make_note(f"Cell {number}", status=status, tags=["bio"])
    make_note("Star", tags=["bio"])
    assert titles(alice, "q=cell&tag=bio&ordering=title") == ["Cell 0", "Cell 1", "Cell 2"]
    assert titles(alice, "q=cell&status=draft&ordering=-created_at") == ["Cell 2", "Cell 0"]


def test_each_sees_only_the_own_notes(alice, bob, note):
    assert titles(bob) == []
    assert titles(bob, "q=cell") == []
    bob.post("/api/notes/", json={"title": "Bob's"})
    assert (titles(bob), titles(alice)) == (["Bob's"], [note["title"]])
