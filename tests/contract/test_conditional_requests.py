"""Entity tags: asking only for news, and editing only what one has seen."""

import pytest

from . import expect


@pytest.fixture
def places(note, path, chapter, topic):
    """The addresses that can be read and edited: a note, its chapter, its topic."""
    return {
        "note": path,
        "chapter": f"/api/chapters/{chapter['id']}/",
        "topic": f"/api/topics/{topic['id']}/",
    }


RENAMES = {"note": {"title": "New"}, "chapter": {"title": "New"}, "topic": {"name": "New"}}
everywhere = pytest.mark.parametrize("place", RENAMES)
READABLE = ["/api/notes/", "/api/notes/trash/", "/api/tags/", "/api/auth/me/", "/api/auth/sessions/"]


def tag_of(client, path, **headers):
    """The tag that a GET answers."""
    return expect.strong(client.get(path, headers=headers).headers["ETag"])


@pytest.mark.parametrize("path", READABLE)
def test_what_a_user_reads_is_private_and_tagged(alice, note, path):
    response = alice.get(path)
    expect.strong(response.headers["ETag"])
    assert expect.directives(response.headers["Cache-Control"]) == {"private", "no-cache"}
    assert expect.directives(response.headers["Vary"]) >= {"authorization", "x-api-key", "accept-encoding"}


@everywhere
def test_a_note_and_its_parts_are_private_and_tagged_too(alice, places, place):
    response = alice.get(places[place])
    expect.strong(response.headers["ETag"])
    assert expect.directives(response.headers["Cache-Control"]) == {"private", "no-cache"}
    assert expect.directives(response.headers["Vary"]) >= {"authorization", "x-api-key", "accept-encoding"}


@pytest.mark.parametrize("path", READABLE)
def test_a_list_that_has_not_changed_is_a_304(alice, note, path):
    tag = tag_of(alice, path)
    assert alice.get(path, headers={"If-None-Match": tag}).status_code == 304


@everywhere
@pytest.mark.parametrize(
    "form", ["{}", "W/{}", '"other", {}', '{}, "other"', '"a",{},W/"b"', "  {}  ", '"a,b" , {}']
)
def test_what_has_not_changed_is_a_304(alice, places, place, form):
    tag = tag_of(alice, places[place])
    response = alice.get(places[place], headers={"If-None-Match": form.format(tag)})
    assert (response.status_code, response.get_data()) == (304, b"")
    assert response.headers["ETag"].removeprefix("W/") == tag
    assert expect.directives(response.headers["Vary"]) >= {"authorization", "x-api-key", "accept-encoding"}


@everywhere
def test_a_star_matches_whatever_there_is(alice, places, place):
    assert alice.get(places[place], headers={"If-None-Match": "*"}).status_code == 304


@everywhere
@pytest.mark.parametrize("tags", ['"other"', 'W/"other"', '"a", "b"', '""', "nonsense", '"open', ",,,"])
def test_another_tag_is_answered_whole(alice, places, place, tags):
    response = alice.get(places[place], headers={"If-None-Match": tags})
    assert response.status_code == 200
    assert response.json["id"]


@pytest.mark.parametrize("tag", ["*", '"x"'])
def test_what_is_not_there_is_a_404_whatever_the_tag(alice, tag):
    expect.problem(alice.get(f"/api/notes/{expect.NEVER_WAS}/", headers={"If-None-Match": tag}), 404)


@everywhere
def test_head_answers_like_get_without_the_body(alice, places, place):
    head, get = alice.head(places[place]), alice.get(places[place])
    assert (head.status_code, head.get_data()) == (200, b"")
    for name in ("ETag", "Content-Type", "Cache-Control", "Vary", "API-Version"):
        assert head.headers[name] == get.headers[name]
    assert head.headers.get("Content-Length") in (None, get.headers["Content-Length"])
    assert alice.head(places[place], headers={"If-None-Match": get.headers["ETag"]}).status_code == 304


def test_head_of_what_is_not_there_is_a_404_without_a_body(alice):
    response = alice.head(f"/api/notes/{expect.NEVER_WAS}/")
    assert (response.status_code, response.get_data()) == (404, b"")


@everywhere
def test_an_edit_with_the_current_tag_happens_and_answers_the_new_tag(alice, places, place):
    tag = tag_of(alice, places[place])
    response = alice.patch(places[place], json=RENAMES[place], headers={"If-Match": tag})
    expect.ok(response)
    assert expect.strong(response.headers["ETag"]) != tag
    assert alice.get(places[place], headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


@everywhere
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_edit_with_a_stale_tag_is_a_412_and_changes_nothing(alice, places, path, place, method):
    stale = tag_of(alice, places[place])
    expect.ok(alice.patch(places[place], json=RENAMES[place]))
    before = alice.get(path).json
    body = {"json": {"title": "Lost"} if place != "topic" else {"name": "Lost"}} if method == "PATCH" else {}
    expect.problem(alice.open(places[place], method=method, headers={"If-Match": stale}, **body), 412)
    assert alice.get(path).json == before


def test_a_replacement_with_a_stale_tag_is_a_412(alice, path, topic):
    stale = tag_of(alice, path)
    expect.ok(alice.patch(f"/api/topics/{topic['id']}/", json={"explanation": {"content": "Other"}}))
    before = alice.get(path).json
    expect.problem(alice.put(path, json={"title": "x", "chapters": []}, headers={"If-Match": stale}), 412)
    assert alice.get(path).json == before


@everywhere
@pytest.mark.parametrize("form", ["{}", "*", '"other", {}', '{} , W/"other"'])
def test_if_match_takes_a_list_or_a_star(alice, places, place, form):
    tag = tag_of(alice, places[place])
    response = alice.patch(places[place], json=RENAMES[place], headers={"If-Match": form.format(tag)})
    expect.ok(response)


@everywhere
@pytest.mark.parametrize("form", ["W/{}", '"other"', '"other", W/{}', '""'])
def test_a_weak_or_foreign_tag_never_permits_an_edit(alice, places, path, place, form):
    before = alice.get(path).json
    tag = tag_of(alice, places[place])
    response = alice.patch(places[place], json=RENAMES[place], headers={"If-Match": form.format(tag)})
    expect.problem(response, 412)
    assert alice.get(path).json == before


@pytest.mark.parametrize("header", ["nonsense", '"open', "W/", ",", "\x01"])
def test_a_condition_that_cannot_be_read_never_permits_an_edit(alice, note, path, header):
    expect.problem(alice.patch(path, json={"title": "New"}, headers={"If-Match": header}), 400, 412)
    assert alice.get(path).json == note


@everywhere
@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_the_tag_of_a_compressed_answer_permits_an_edit(alice, places, place, encoding, patched, topic):
    patched(f"/api/topics/{topic['id']}/", explanation={"content": "long " * 1000})
    response = alice.get(places[place], headers={"Accept-Encoding": encoding})
    assert response.headers["Content-Encoding"] == encoding
    tag = expect.strong(response.headers["ETag"])
    expect.ok(alice.patch(places[place], json=RENAMES[place], headers={"If-Match": tag}))
    expect.problem(alice.patch(places[place], json=RENAMES[place], headers={"If-Match": tag}), 412)


@everywhere
def test_deleting_with_the_current_tag_deletes(alice, places, place):
    tag = tag_of(alice, places[place])
    assert alice.delete(places[place], headers={"If-Match": tag}).status_code == 204
    expect.problem(alice.get(places[place]), 404)


@everywhere
def test_without_a_condition_the_last_write_wins(alice, sign_in, places, place):
    field = next(iter(RENAMES[place]))
    other = sign_in(alice.email, alice.password)
    expect.ok(alice.patch(places[place], json={field: "First"}))
    expect.ok(other.patch(places[place], json={field: "Second"}))
    assert alice.get(places[place]).json[field] == "Second"


@everywhere
def test_of_twenty_writers_who_saw_the_same_exactly_one_wins(alice, in_parallel, places, place):
    field, tag = next(iter(RENAMES[place])), tag_of(alice, places[place])

    def writer(number):
        return lambda: alice.patch(places[place], json={field: f"Writer {number}"}, headers={"If-Match": tag})

    answers = in_parallel([writer(number) for number in range(20)])
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert alice.get(places[place]).json[field] == winner.json[field]


def test_of_twenty_replacements_of_what_was_seen_exactly_one_wins(alice, in_parallel, note_tree, path):
    tag = tag_of(alice, path)

    def writer(number):
        body = note_tree(chapters=number % 4 + 1, topics=2, title=f"Writer {number}")
        return lambda: alice.put(path, json=body, headers={"If-Match": tag})

    answers = in_parallel([writer(number) for number in range(20)])
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    winner = next(answer.json for answer in answers if answer.status_code == 200)
    assert alice.get(path).json == winner


def test_somebody_elses_note_is_a_404_whatever_the_tag(bob, alice, path):
    tag = tag_of(alice, path)
    for condition in (tag, "*", '"x"'):
        expect.problem(bob.patch(path, json={"title": "Mine"}, headers={"If-Match": condition}), 404)
        expect.problem(bob.get(path, headers={"If-None-Match": condition}), 404)
