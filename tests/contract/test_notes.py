"""Notes: made whole, read whole, changed in part."""

import re

import pytest

from . import expect

FIELDS = {"id", "title", "slug", "tags", "status", "chapter_count", "topic_count", "created_at", "updated_at"}
TEXTS = [
    "Zoë's “notes”",
    "生物学ノート",
    "ملاحظات",
    "🙂👩‍👩‍👧‍👦",
    "<script>alert(1)</script>",
    "'; DROP TABLE notes; --",
    "%s {0} ${x} {{7*7}}",
    'a\\b"c',
    "x" * 255,
    "🙂" * 255,
]


def test_a_note_needs_only_a_title(alice):
    response = alice.post("/api/notes/", json={"title": "Cells"})
    note = expect.ok(response, 201)
    assert set(note) >= FIELDS | {"chapters"}
    assert (note["title"], note["status"], note["tags"], note["chapters"]) == ("Cells", "draft", [], [])
    assert (note["chapter_count"], note["topic_count"]) == (0, 0)
    assert expect.location(response) == f"/api/notes/{note['id']}/"
    assert alice.get(expect.location(response)).json == note


def test_a_new_note_answers_the_tag_that_reading_it_gives(alice):
    response = alice.post("/api/notes/", json={"title": "Cells"})
    assert expect.strong(response.headers["ETag"]) == alice.get(expect.location(response)).headers["ETag"]


def test_a_note_is_made_with_everything_in_it(alice, note_tree):
    body = note_tree(chapters=3, topics=2, title="Cells")
    note = expect.ok(alice.post("/api/notes/", json=body), 201)
    assert expect.includes(note, {**body, "tags": note["tags"]})
    assert (note["chapter_count"], note["topic_count"]) == (3, 6)
    assert expect.outline(note) == [(c["title"], [t["name"] for t in c["topics"]]) for c in body["chapters"]]
    assert alice.get(f"/api/notes/{note['id']}/").json == note


def test_the_times_are_utc_and_say_so(note):
    assert expect.moment(note["created_at"]) <= expect.moment(note["updated_at"])
    for chapter in note["chapters"]:
        for topic in chapter["topics"]:
            assert expect.moment(topic["created_at"]) <= expect.moment(topic["updated_at"])
            assert expect.moment(topic["explanation"]["updated_at"])


def test_a_topic_has_null_where_it_has_no_part(make_note):
    note = make_note(chapters=[{"title": "One", "topics": [{"name": "Bare"}]}])
    (topic,) = note["chapters"][0]["topics"]
    assert (topic["explanation"], topic["code_snippet"], topic["source"]) == (None, None, None)


@pytest.mark.parametrize("title", TEXTS)
def test_a_title_is_kept_to_the_letter(alice, make_note, title):
    note = make_note(title)
    assert note["title"] == title
    assert alice.get("/api/notes/").json["results"][0]["title"] == title


@pytest.mark.parametrize("text", [*TEXTS, "line\r\nline\n\ttab", "  spaces  ", "x" * 100_000, "🙂" * 100_000])
def test_an_explanation_is_kept_to_the_letter(alice, make_note, text):
    note = make_note(chapters=[{"title": "c", "topics": [{"name": "t", "explanation": {"content": text}}]}])
    kept = alice.get(f"/api/notes/{note['id']}/").json["chapters"][0]["topics"][0]["explanation"]["content"]
    assert kept == text


def test_a_slug_is_made_of_the_title(make_note):
    slug = make_note("The Krebs Cycle, explained!")["slug"]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert "krebs-cycle" in slug


@pytest.mark.parametrize("title", ["///", "??", "生物学", "🙂", "-", "../../etc/passwd", "x" * 255])
def test_any_title_has_a_slug_that_fits_into_an_address(make_note, title):
    assert not re.search(r"[\s/?#\\.<>]", make_note(title)["slug"])


def test_two_notes_may_have_one_title(make_note):
    assert make_note("Same")["id"] != make_note("Same")["id"]


@pytest.mark.parametrize(
    "field, value",
    [
        ("title", ""),
        ("title", "x" * 256),
        ("title", None),
        ("title", 5),
        ("title", ["x"]),
        ("title", {"a": 1}),
        ("status", "secret"),
        ("status", "DRAFT"),
        ("status", None),
        ("status", 1),
        ("tags", "biology"),
        ("tags", [1]),
        ("tags", [None]),
        ("tags", [["a"]]),
        ("tags", {"a": 1}),
        ("chapters", {}),
        ("chapters", "one"),
        ("chapters", [1]),
        ("chapters", [None]),
        ("chapters", [[]]),
        ("chapters", [{}]),
        ("chapters", [{"title": ""}]),
        ("chapters", [{"title": "x" * 256}]),
        ("chapters", [{"title": "c", "topics": [{}]}]),
        ("chapters", [{"title": "c", "topics": [{"name": ""}]}]),
        ("chapters", [{"title": "c", "topics": [{"name": "x" * 256}]}]),
        ("chapters", [{"title": "c", "topics": "none"}]),
        ("chapters", [{"title": "c", "topics": [{"name": "t", "explanation": "text"}]}]),
        ("chapters", [{"title": "c", "topics": [{"name": "t", "explanation": {"content": 5}}]}]),
        ("chapters", [{"title": "c", "topics": [{"name": "t", "explanation": {"content": "x" * 100_001}}]}]),
        (
            "chapters",
            [
                {
                    "title": "c",
                    "topics": [{"name": "t", "code_snippet": {"language": "python", "code": "x" * 100_001}}],
                }
            ],
        ),
        ("chapters", [{"title": "c"}] * 201),
        ("chapters", [{"title": "c", "topics": [{"name": "t"}] * 201}]),
    ],
)
def test_an_impossible_value_is_refused_and_nothing_is_made(alice, field, value):
    expect.invalid(alice.post("/api/notes/", json={"title": "A note", field: value}), field)
    assert alice.get("/api/notes/").json["results"] == []


@pytest.mark.parametrize("field", ["title", "status", "tags", "chapters"])
def test_the_same_goes_for_a_replacement(alice, note, path, field):
    expect.invalid(alice.put(path, json={"title": "A note", "chapters": [], field: 5}), field)
    assert alice.get(path).json == note


def test_a_note_without_a_title_is_refused(alice, path):
    expect.invalid(alice.post("/api/notes/", json={"tags": ["a"]}), "title")
    expect.invalid(alice.put(path, json={"chapters": []}), "title")


def test_200_chapters_and_200_topics_are_allowed(make_note):
    note = make_note(chapters=[{"title": f"Chapter {n}"} for n in range(200)])
    assert note["chapter_count"] == 200
    note = make_note(chapters=[{"title": "c", "topics": [{"name": f"Topic {n}"} for n in range(200)]}])
    assert (note["topic_count"], len(expect.outline(note)[0][1])) == (200, 200)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "New"},
        {"status": "published"},
        {"status": "archived"},
        {"tags": ["new"]},
        {"title": "N", "tags": []},
    ],
)
def test_a_patch_changes_what_it_names_and_nothing_else(alice, note, path, patched, change):
    answer = patched(path, **change)
    now = alice.get(path).json
    assert expect.includes(now, answer)
    expected = {**note, **change}
    for name in FIELDS - {"updated_at", "slug"} | {"chapters"}:
        assert now[name] == expected[name]


@pytest.mark.parametrize(
    "change", [{"title": ""}, {"title": None}, {"title": "x" * 256}, {"status": "gone"}, {"tags": 1}]
)
def test_an_impossible_patch_changes_nothing(alice, note, path, change):
    expect.invalid(
        alice.patch(path, json={"title": "New", "status": "archived", **change}), next(iter(change))
    )
    assert alice.get(path).json == note


def test_a_deleted_note_is_gone_from_where_it_was(alice, path):
    response = alice.delete(path)
    assert (response.status_code, response.get_data()) == (204, b"")
    expect.problem(alice.get(path), 404)
    expect.problem(alice.delete(path), 404)
    assert alice.get("/api/notes/").json["results"] == []


def test_of_ten_parallel_deletions_one_deletes(alice, path, in_parallel):
    answers = in_parallel([lambda: alice.delete(path)] * 10)
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 9


def test_a_copy_has_everything_but_the_identity(alice, note, path):
    response = alice.post(path + "duplicate/")
    copy = expect.ok(response, 201)
    assert expect.location(response) == f"/api/notes/{copy['id']}/"
    assert alice.get(expect.location(response)).json == copy
    assert expect.outline(copy) == expect.outline(note)
    assert sorted(copy["tags"]) == sorted(note["tags"])
    for old, new in zip(note["chapters"], copy["chapters"], strict=True):
        assert new["id"] != old["id"]
        for before, after in zip(old["topics"], new["topics"], strict=True):
            assert after["id"] != before["id"]
            assert after["explanation"]["content"] == before["explanation"]["content"]
            assert after["code_snippet"]["code"] == before["code_snippet"]["code"]
            assert after["source"] == before["source"]


def test_a_copy_and_its_original_go_separate_ways(alice, note, path, patched):
    copy = alice.post(path + "duplicate/").json
    topic = copy["chapters"][0]["topics"][0]
    patched(f"/api/topics/{topic['id']}/", name="Changed", explanation={"content": "Changed"})
    assert alice.get(path).json == note


@pytest.mark.parametrize("title", ["x" * 255, "🙂" * 255])
def test_a_note_with_the_longest_title_can_be_copied(alice, make_note, title):
    made = make_note(title)
    copy = expect.ok(alice.post(f"/api/notes/{made['id']}/duplicate/"), 201)
    assert 1 <= len(copy["title"]) <= 255
