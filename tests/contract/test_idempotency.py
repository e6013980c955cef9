"""A POST sent again with the same key happens once."""

import pytest

from . import expect

NOTE = {"title": "Once", "tags": ["a"]}


def send(client, key="key-1", body=None, path="/api/notes/"):
    """POST with this Idempotency-Key."""
    return client.post(path, json=NOTE if body is None else body, headers={"Idempotency-Key": key})


def titles(client):
    """The titles of all notes of this user."""
    return [row["title"] for row in expect.walk(client, "/api/notes/")]


def test_the_same_request_again_replays_the_first_answer(alice):
    first, second = send(alice), send(alice)
    assert first.headers.get("Idempotent-Replayed") != "true"
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (second.status_code, second.get_data()) == (201, first.get_data())
    assert titles(alice) == ["Once"]


def test_a_replay_answers_what_was_first_said_whatever_happened_since(alice):
    first = send(alice)
    expect.ok(alice.patch(f"/api/notes/{first.json['id']}/", json={"title": "Renamed"}))
    assert send(alice).json == first.json
    assert alice.delete(f"/api/notes/{first.json['id']}/").status_code == 204
    assert expect.ok(send(alice), 201) == first.json
    assert titles(alice) == []


def test_without_a_key_each_post_makes_its_own(alice):
    assert alice.post("/api/notes/", json=NOTE).json["id"] != alice.post("/api/notes/", json=NOTE).json["id"]


@pytest.mark.parametrize("body", [{"title": "Other"}, {"title": "Once"}, {**NOTE, "status": "draft"}])
def test_the_same_key_with_another_body_is_refused(alice, body):
    send(alice)
    expect.problem(send(alice, body=body), 422, code="idempotency_key_reused")
    assert titles(alice) == ["Once"]


def test_a_reused_key_is_told_even_when_the_other_body_is_invalid(alice):
    send(alice)
    expect.problem(send(alice, body={"title": ""}), 422)
    assert titles(alice) == ["Once"]


def test_a_key_belongs_to_one_address(alice, path, note):
    made = expect.ok(send(alice, body={"title": "New"}), 201)
    added = expect.ok(send(alice, body={"title": "New"}, path=path + "chapters/"), 201)
    assert "slug" in made and "slug" not in added
    assert alice.get(path).json["chapter_count"] == note["chapter_count"] + 1


def test_a_key_belongs_to_one_user(alice, bob):
    mine, theirs = send(alice), send(bob)
    assert mine.json["id"] != theirs.json["id"]
    assert theirs.headers.get("Idempotent-Replayed") != "true"
    assert titles(bob) == ["Once"]


def test_two_keys_are_two_notes(alice):
    made = [expect.ok(send(alice, key), 201)["id"] for key in ("key-1", "key-2", "KEY-1", "key-1")]
    assert len(set(made)) == 3 and made[0] == made[3]


def test_a_refusal_is_not_kept(alice):
    expect.invalid(send(alice, body={"title": ""}), "title")
    response = send(alice)
    expect.ok(response, 201)
    assert response.headers.get("Idempotent-Replayed") != "true"


def test_a_404_is_not_kept(alice, path):
    assert alice.delete(path).status_code == 204
    expect.problem(send(alice, path=path + "chapters/", body={"title": "New"}), 404)
    expect.ok(alice.post(path + "restore/"))
    expect.ok(send(alice, path=path + "chapters/", body={"title": "New"}), 201)


def test_a_refused_stranger_leaves_the_key_unused(alice, anonymous):
    expect.unauthorized(send(anonymous))
    assert send(alice).headers.get("Idempotent-Replayed") != "true"


@pytest.mark.parametrize(
    "key", ["k", "x" * 255, "two words", '"quoted"', "!#$%&'*+-.^_`|~", "8e03978e-40d5-43dd"]
)
def test_any_printable_key_will_do(alice, key):
    expect.ok(send(alice, key), 201)
    assert send(alice, key).headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", "x" * 256, "x" * 100_000, "a\x01", "a\x7f", "a\tb"])
def test_a_malformed_key_is_a_400(alice, key):
    expect.problem(send(alice, key), 400)
    assert titles(alice) == []


def test_fifty_parallel_posts_with_one_key_have_one_effect(alice, in_parallel):
    answers = in_parallel([lambda: send(alice)] * 50)
    made = [answer for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer not in made:
            expect.problem(answer, 409)
    assert len({answer.get_data() for answer in made}) == 1
    assert sum(answer.headers.get("Idempotent-Replayed") != "true" for answer in made) == 1
    assert titles(alice) == ["Once"]


def test_parallel_posts_with_one_key_and_different_bodies_make_one_note(alice, in_parallel):
    answers = in_parallel([lambda n=n: send(alice, body={"title": f"Note {n}"}) for n in range(20)])
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 409, 422}
    assert titles(alice) == [answer.json["title"] for answer in answers if answer.status_code == 201]


def test_parallel_posts_with_one_key_by_two_users_are_two_effects(alice, bob, in_parallel):
    in_parallel([lambda: send(alice), lambda: send(bob)] * 10)
    assert (titles(alice), titles(bob)) == (["Once"], ["Once"])


def adds_a_chapter(path, _chapter):
    return path + "chapters/", {"title": "New"}


def adds_a_topic(_path, chapter):
    return f"/api/chapters/{chapter['id']}/topics/", {"name": "New"}


def duplicates(path, _chapter):
    return path + "duplicate/", {}


@pytest.mark.parametrize("action", [adds_a_chapter, adds_a_topic, duplicates])
def test_every_post_that_makes_something_takes_a_key(alice, path, chapter, action):
    address, body = action(path, chapter)
    first = expect.ok(send(alice, path=address, body=body), 201)
    rows = expect.walk(alice, "/api/notes/")
    again = send(alice, path=address, body=body)
    assert (again.status_code, again.json, again.headers["Idempotent-Replayed"]) == (201, first, "true")
    assert expect.walk(alice, "/api/notes/") == rows


@pytest.fixture
def renew(alice, anonymous):
    """Exchange Alice's refresh token, so that her session outlives its access token."""

    def renew():
        body = expect.ok(anonymous.post("/api/token/refresh/", json={"refresh": alice.refresh}))
        alice.access, alice.refresh = body["access"], body["refresh"]

    return renew


def test_a_key_is_remembered_for_a_day(alice, renew, move_clock):
    first = send(alice)
    move_clock(23 * 3600)
    renew()
    assert expect.ok(send(alice), 201) == first.json
    move_clock(2 * 3600)
    renew()
    assert expect.ok(send(alice), 201)["id"] != first.json["id"]
    assert titles(alice) == ["Once", "Once"]


@pytest.mark.parametrize("key", ["key-1", "", "x" * 300])
def test_an_anonymous_post_ignores_the_key(anonymous, key):
    body = {"email": "dora@example.com", "password": "violet lantern 42"}
    expect.ok(send(anonymous, key, body, "/api/auth/register/"), 201)
    expect.problem(send(anonymous, key, body, "/api/auth/register/"), 409, code="email_taken")


def test_an_anonymous_sign_in_is_never_replayed(anonymous, alice):
    body = {"email": alice.email, "password": alice.password}
    first, second = (expect.ok(send(anonymous, "k", body, "/api/token/")) for _ in range(2))
    assert first["refresh"] != second["refresh"]
