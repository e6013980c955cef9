"""Topics and their parts: explanation, code snippet and source."""

import pytest

from . import expect

PARTS = {
    "explanation": {"content": "Cells divide."},
    "code_snippet": {"language": "python", "code": "print('cell')"},
    "source": {"title": "A book", "url": "https://example.com/book?page=3#cells"},
}


@pytest.fixture
def five(make_note):
    """A chapter with the topics a, b, c, d, e."""
    return make_note(chapters=[{"title": "c", "topics": [{"name": name} for name in "abcde"]}])["chapters"][0]


@pytest.fixture
def place(topic):
    """The address of a topic that has all its parts."""
    return f"/api/topics/{topic['id']}/"


def add(client, chapter, **fields):
    """POST a topic."""
    return client.post(f"/api/chapters/{chapter['id']}/topics/", json=fields)


def order(client, chapter):
    """The names of the topics in their order, which must have no gaps."""
    topics = client.get(f"/api/chapters/{chapter['id']}/").json["topics"]
    assert [topic["order"] for topic in topics] == list(range(1, len(topics) + 1))
    return "".join(topic["name"] for topic in topics)


def test_a_new_topic_comes_last_and_bare(alice, five):
    response = add(alice, five, name="f")
    topic = expect.ok(response, 201)
    assert (topic["name"], topic["order"]) == ("f", 6)
    assert (topic["explanation"], topic["code_snippet"], topic["source"]) == (None, None, None)
    assert expect.location(response) == f"/api/topics/{topic['id']}/"
    assert expect.strong(response.headers["ETag"]) == alice.get(expect.location(response)).headers["ETag"]
    assert alice.get(expect.location(response)).json == topic
    assert order(alice, five) == "abcdef"


def test_a_new_topic_brings_its_parts(alice, five):
    topic = expect.ok(add(alice, five, name="f", **PARTS), 201)
    assert expect.includes(topic, {"name": "f", **PARTS})
    assert alice.get(f"/api/topics/{topic['id']}/").json == topic


@pytest.mark.parametrize("place, result", [(1, "Xabcde"), (3, "abXcde"), (6, "abcdeX"), (99, "abcdeX")])
def test_a_new_topic_takes_the_place_that_it_asks_for(alice, five, place, result):
    assert expect.ok(add(alice, five, name="X", order=place), 201)["order"] == min(place, 6)
    assert order(alice, five) == result


@pytest.mark.parametrize(
    "name, place, result",
    [("a", 3, "bcade"), ("a", 99, "bcdea"), ("e", 1, "eabcd"), ("c", 2, "acbde"), ("b", 2, "abcde")],
)
def test_a_topic_moves_to_the_place_that_it_is_given(alice, five, patched, name, place, result):
    moved = next(topic for topic in five["topics"] if topic["name"] == name)
    assert patched(f"/api/topics/{moved['id']}/", order=place)["order"] == min(place, 5)
    assert order(alice, five) == result


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", True, [1]])
def test_a_place_that_cannot_be_is_refused(alice, five, bad):
    expect.invalid(add(alice, five, name="X", order=bad), "order")
    expect.invalid(alice.patch(f"/api/topics/{five['topics'][0]['id']}/", json={"order": bad}), "order")
    assert order(alice, five) == "abcde"


@pytest.mark.parametrize("gone, result", [(0, "bcde"), (2, "abde"), (4, "abcd")])
def test_no_gap_is_left_where_a_topic_was(alice, five, gone, result):
    address = f"/api/topics/{five['topics'][gone]['id']}/"
    assert alice.delete(address).status_code == 204
    assert order(alice, five) == result
    expect.problem(alice.get(address), 404)


def test_a_topic_read_alone_says_what_the_note_says(alice, topic, place):
    assert expect.includes(alice.get(place).json, topic)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_replaced_and_the_others_stay(alice, topic, place, patched, part):
    before = alice.get(place).json
    patched(place, **{part: PARTS[part]})
    now = alice.get(place).json
    assert expect.includes(now, {part: PARTS[part]})
    assert [now[name] for name in PARTS if name != part] == [before[name] for name in PARTS if name != part]
    assert now["name"] == topic["name"]


@pytest.mark.parametrize("part", PARTS)
def test_null_removes_a_part_and_it_can_come_back(alice, place, patched, part):
    assert patched(place, **{part: None})[part] is None
    assert alice.get(place).json[part] is None
    assert patched(place, **{part: None})[part] is None
    assert expect.includes(patched(place, **{part: PARTS[part]}), {part: PARTS[part]})


def test_all_parts_go_and_come_in_one_request(alice, place, patched):
    bare = patched(place, **dict.fromkeys(PARTS))
    assert [bare[part] for part in PARTS] == [None, None, None]
    assert expect.includes(patched(place, **PARTS), PARTS)


@pytest.mark.parametrize("part", ["explanation", "code_snippet"])
def test_a_part_knows_when_it_was_changed(alice, place, patched, part):
    before = alice.get(place).json
    now = patched(place, **{part: PARTS[part]})
    assert expect.moment(now[part]["updated_at"]) > expect.moment(before[part]["updated_at"])
    assert expect.moment(now["updated_at"]) > expect.moment(before["updated_at"])
    assert now["created_at"] == before["created_at"]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "javascript://example.com/%0aalert(1)",
        "ftp://example.com/file",
        "file:///etc/passwd",
        "data:text/html,<script>alert(1)</script>",
        "mailto:alice@example.com",
        "vbscript:x",
        "//example.com/",
        "example.com",
        "/relative",
        "https://",
        "http:///path",
        "https:example.com",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "",
        " ",
        "https://example.com/" + "x" * 2029,
        5,
        ["https://example.com/"],
    ],
)
def test_a_source_links_to_the_web_or_is_refused(alice, five, topic, place, url):
    source = {"title": "A source", "url": url}
    expect.invalid(alice.patch(place, json={"source": source}), "source")
    expect.invalid(add(alice, five, name="X", source=source), "source")
    nested = {"title": "n", "chapters": [{"title": "c", "topics": [{"name": "t", "source": source}]}]}
    expect.invalid(alice.post("/api/notes/", json=nested), "chapters")
    assert expect.includes(alice.get(place).json, {"source": topic["source"]})


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://example.com:8443/a/b?c=d&e=%20#f",
        "HTTPS://EXAMPLE.COM/",
        "https://de.wikipedia.org/wiki/Zelle_(Biologie)",
        "https://ja.wikipedia.org/wiki/細胞",
        "http://127.0.0.1:8000/",
        "https://example.com/" + "x" * 2028,
    ],
)
def test_a_web_address_is_kept_as_given(patched, place, url):
    assert patched(place, source={"title": "A source", "url": url})["source"]["url"] == url


@pytest.mark.parametrize(
    "field, value",
    [
        ("name", ""),
        ("name", "x" * 256),
        ("name", None),
        ("name", 5),
        ("explanation", "text"),
        ("explanation", []),
        ("explanation", {}),
        ("explanation", {"content": None}),
        ("explanation", {"content": ["x"]}),
        ("explanation", {"content": "x" * 100_001}),
        ("explanation", {"content": "🙂" * 100_001}),
        ("code_snippet", "print()"),
        ("code_snippet", {"language": "python", "code": "x" * 100_001}),
        ("code_snippet", {"language": "python", "code": 5}),
        ("code_snippet", {"language": 5, "code": "x"}),
        ("source", "https://example.com/"),
    ],
)
def test_an_impossible_value_is_refused_and_changes_nothing(alice, note, path, chapter, place, field, value):
    expect.invalid(alice.patch(place, json={"name": "New", field: value}), field)
    expect.invalid(add(alice, chapter, **{"name": "New", field: value}), field)
    assert alice.get(path).json == note


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "é" * 100_000, "🙂\r\nb\tc", "  spaces  \n", "<b>&amp;</b>", "\u202eRTL"]
)
def test_texts_are_kept_to_the_letter(alice, place, patched, text):
    patched(place, explanation={"content": text}, code_snippet={"language": "text", "code": text})
    topic = alice.get(place).json
    assert (topic["explanation"]["content"], topic["code_snippet"]["code"]) == (text, text)


def test_a_topic_needs_a_name(alice, five):
    expect.invalid(add(alice, five, explanation={"content": "x"}), "name")


def test_a_chapter_has_at_most_200_topics(alice, make_note):
    chapter = make_note(chapters=[{"title": "c", "topics": [{"name": "t"}] * 200}])["chapters"][0]
    expect.problem(add(alice, chapter, name="t"), 409, 422)
    assert len(order(alice, chapter)) == 200


def test_parallel_additions_all_find_a_place(alice, five, in_parallel):
    for answer in in_parallel([lambda n=n: add(alice, five, name="X", order=n % 7 + 1) for n in range(20)]):
        expect.ok(answer, 201)
    assert sorted(order(alice, five)) == sorted("abcde" + "X" * 20)


def test_parallel_changes_of_different_parts_all_stay(alice, place, in_parallel):
    for answer in in_parallel([lambda p=p: alice.patch(place, json={p: PARTS[p]}) for p in PARTS] * 3):
        expect.ok(answer)
    assert expect.includes(alice.get(place).json, PARTS)


def test_a_topic_whose_chapter_vanishes_at_the_same_time_is_a_404_not_an_error(alice, five, in_parallel):
    address = f"/api/topics/{five['topics'][0]['id']}/"
    patches = [lambda: alice.patch(address, json={"explanation": {"content": "x"}})] * 6
    gone, *answers = in_parallel([lambda: alice.delete(f"/api/chapters/{five['id']}/"), *patches])
    assert gone.status_code == 204
    assert {answer.status_code for answer in answers} <= {200, 404}
    expect.problem(alice.get(address), 404)
