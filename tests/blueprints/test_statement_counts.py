"""How many SQL statements an answer costs, whatever its size."""

import pytest

SIZES = [(0, 0), (1, 1), (4, 5), (20, 50)]


@pytest.fixture
def made(alice, note_tree):
    def make(chapters, topics, **fields):
        response = alice.post("/api/notes/", json={**note_tree(chapters, topics), **fields})
        assert response.status_code == 201
        return response.json

    return make


@pytest.mark.parametrize("count", [0, 1, 30])
def test_a_list_costs_two_statements(alice, made, statements, count):
    for number in range(count):
        made(1, 1, tags=[f"tag {number}", "all"])
    statements.clear()
    assert len(alice.get("/api/notes/?page_size=50&tag=all&status=draft").json["results"]) == count
    assert len(statements) == 2


@pytest.mark.parametrize(("chapters", "topics"), SIZES)
def test_a_detail_costs_one_statement(alice, made, statements, chapters, topics):
    note = made(chapters, topics)
    statements.clear()
    assert alice.get(f"/api/notes/{note['id']}/").json == note
    assert len(statements) == 1


@pytest.mark.parametrize("count", [0, 1, 25])
def test_the_list_as_it_comes_costs_one_statement(alice, made, statements, count):
    for _ in range(count):
        made(0, 0)
    statements.clear()
    assert len(alice.get("/api/notes/").json["results"]) == min(count, 20)
    assert len(statements) == 1


@pytest.mark.parametrize(("chapters", "topics"), SIZES)
def test_making_a_note_costs_at_most_twelve_statements(alice, made, statements, chapters, topics):
    alice.get("/api/auth/me/")
    statements.clear()
    made(chapters, topics, tags=["a", "b"])
    assert len(statements) <= 12


def test_making_a_note_with_an_idempotency_key_costs_three_more(alice, note_tree, statements):
    alice.get("/api/auth/me/")
    statements.clear()
    alice.post("/api/notes/", json=note_tree(4, 5), headers={"Idempotency-Key": "a"})
    assert len(statements) <= 14


@pytest.mark.parametrize(("chapters", "topics"), SIZES[1:])
def test_replacing_a_note_costs_the_same_whatever_its_size(
    alice, made, note_tree, statements, chapters, topics
):
    note = made(chapters, topics)
    turned = {**note, "chapters": [*reversed(note["chapters"]), *note_tree(chapters, topics)["chapters"]]}
    statements.clear()
    assert alice.put(f"/api/notes/{note['id']}/", json=turned).status_code == 200
    assert len(statements) <= 21


def test_the_trash_tags_and_sessions_cost_two_statements_each(alice, made, statements):
    for path in ("/api/notes/trash/", "/api/tags/", "/api/auth/sessions/"):
        statements.clear()
        assert alice.get(path).status_code == 200
        assert len(statements) == 2


def test_without_redis_an_answer_that_is_kept_costs_the_one_statement_that_says_it_still_holds(
    alice, made, statements
):
    note = made(2, 2)
    for path in ("/api/notes/", f"/api/notes/{note['id']}/", "/api/tags/"):
        alice.get(path)
        statements.clear()
        assert alice.get(path).status_code == 200
        assert len(statements) == 1


def test_refusing_a_stranger_costs_no_more_than_asking_who_it_is(alice, bob, made, statements):
    note = made(2, 2)
    statements.clear()
    assert bob.get(f"/api/notes/{note['id']}/").status_code == 404
    assert len(statements) == 1
