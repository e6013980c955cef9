"""Answers may be kept ready, but never stale and never for somebody else."""

import pytest

from . import expect


def test_each_read_after_a_write_sees_the_write(alice, path):
    for number in range(10):
        expect.ok(alice.patch(path, json={"title": f"Draft {number}", "tags": [f"t{number}"]}))
        assert alice.get(path).json["title"] == f"Draft {number}"
        assert alice.get("/api/notes/").json["results"][0]["title"] == f"Draft {number}"
        assert f"t{number}" in [tag["name"] for tag in alice.get("/api/tags/").json["results"]]


def test_a_write_in_one_session_is_read_in_the_other(alice, sign_in, path, chapter):
    other = sign_in(alice.email, alice.password)
    for number in range(5):
        expect.ok(alice.patch(f"/api/chapters/{chapter['id']}/", json={"title": f"Draft {number}"}))
        assert other.get(path).json["chapters"][0]["title"] == f"Draft {number}"
        assert other.get(f"/api/chapters/{chapter['id']}/").json["title"] == f"Draft {number}"


def test_the_list_changes_its_tag_with_any_note_in_it(alice, note, path):
    before = alice.get("/api/notes/").headers["ETag"]
    expect.ok(alice.patch(path, json={"status": "archived"}))
    response = alice.get("/api/notes/", headers={"If-None-Match": before})
    assert expect.ok(response)["results"][0]["status"] == "archived"


def test_a_write_of_one_user_leaves_the_tags_of_another_alone(alice, bob, path):
    made = bob.post("/api/notes/", json={"title": "Bob's"}).json
    before = bob.get(f"/api/notes/{made['id']}/").headers["ETag"]
    expect.ok(alice.patch(path, json={"title": "Changed"}))
    assert bob.get(f"/api/notes/{made['id']}/", headers={"If-None-Match": before}).status_code == 304


def test_the_same_address_read_by_two_users_is_two_answers(alice, bob, note):
    for _ in range(3):
        assert expect.ids(alice.get("/api/notes/").json["results"]) == [note["id"]]
        assert bob.get("/api/notes/").json["results"] == []
        assert alice.get("/api/auth/me/").json["email"] == alice.email
        assert bob.get("/api/auth/me/").json["email"] == bob.email


def test_a_tag_of_one_user_means_nothing_for_another(alice, bob, note):
    tag = alice.get("/api/notes/").headers["ETag"]
    response = bob.get("/api/notes/", headers={"If-None-Match": tag})
    assert expect.ok(response)["results"] == []


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}])
def test_what_was_read_before_is_not_read_without_a_token(alice, anonymous, path, headers):
    for _ in range(2):
        expect.ok(alice.get(path))
    expect.unauthorized(anonymous.get(path, headers=headers))


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}])
def test_what_was_read_before_is_not_read_after_signing_out(alice, path, headers):
    for _ in range(2):
        expect.ok(alice.get(path))
    assert alice.post("/api/auth/logout/").status_code == 204
    expect.unauthorized(alice.get(path, headers=headers))


def test_what_was_read_before_is_gone_once_deleted(alice, path):
    for _ in range(2):
        expect.ok(alice.get(path))
    assert alice.delete(path).status_code == 204
    expect.problem(alice.get(path), 404)
    assert alice.get("/api/notes/").json["results"] == []


def test_readers_beside_a_writer_never_see_an_older_title_after_a_newer_one(
    alice, sign_in, in_parallel, path
):
    reader = sign_in(alice.email, alice.password)
    expect.ok(alice.patch(path, json={"title": "0"}))

    def write():
        for number in range(1, 21):
            expect.ok(alice.patch(path, json={"title": str(number)}))

    def read():
        return [int(reader.get(path).json["title"]) for _ in range(30)]

    _, *seen = in_parallel([write, read, read, read])
    assert all(titles == sorted(titles) for titles in seen)
    assert reader.get(path).json["title"] == "20"


def test_the_order_of_query_parameters_or_their_encoding_never_mixes_answers(alice, make_note):
    wanted = make_note("Both", tags=["a", "b"])
    make_note("One", tags=["a"])
    for query in ("tag=a&tag=b", "tag=b&tag=a", "tag=%61&tag=%62"):
        assert expect.ids(alice.get(f"/api/notes/?{query}").json["results"]) == [wanted["id"]]
    assert len(alice.get("/api/notes/?tag=a").json["results"]) == 2
