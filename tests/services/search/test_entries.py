"""What can be found is right after every kind of write, whoever wrote it, and goes with what it is of."""

import pytest
from sqlalchemy import select, text

from noteassist import db
from noteassist.models import SearchEntry
from noteassist.services.tasks.creation import create
from tests.contract import ai, expect

ENTRIES = select(
    SearchEntry.note_id,
    SearchEntry.topic_id,
    SearchEntry.task_id,
    SearchEntry.names,
    SearchEntry.words,
).order_by(SearchEntry.note_id, SearchEntry.topic_id, SearchEntry.task_id)


@pytest.fixture
def entries(context):
    """Give all entries, without their order."""
    return lambda: sorted(map(str, db.rows(ENTRIES)))


@pytest.fixture
def index_again(app, context, do_tasks):
    """Index whatever has no entry, as after a migration."""

    def index():
        with db.transaction():
            create("index_for_search", {})
        do_tasks()

    return index


def first(note):
    """The addresses of the first chapter and its first topic."""
    chapter = note["chapters"][0]
    return f"/api/chapters/{chapter['id']}/", f"/api/topics/{chapter['topics'][0]['id']}/"


def lead_a_busy_life(client, note):
    """Do everything that can be done to a note, with words that are of each deed alone."""
    path = f"/api/notes/{note['id']}/"
    chapter, topic = first(note)
    deeds = [
        client.patch(path, json={"title": "newtitle", "tags": ["newtag", "goodtag"]}),
        client.post(f"{path}chapters/", json={"title": "newchapter", "topics": [{"name": "newtopic"}]}),
        client.patch(chapter, json={"title": "renamedchapter", "order": 2}),
        client.post(f"{chapter}topics/", json={"name": "addedtopic", "order": 1}),
        client.patch(
            topic, json={"name": "renamedtopic", "code_snippet": {"language": "c", "code": "newcode"}}
        ),
        client.patch(topic, json={"explanation": {"content": "newtext"}, "source": None}),
        client.post(f"{path}duplicate/"),
        client.patch("/api/tags/goodtag/", json={"name": "bettertag"}),
        client.delete("/api/tags/newtag/"),
        client.post("/api/notes/bulk/", json={"ids": [note["id"]], "action": "tag", "tag": "bulktag"}),
    ]
    assert [deed.status_code for deed in deeds if deed.status_code >= 300] == []
    now = client.get(path).json
    now["chapters"][0]["topics"].pop()
    now["chapters"] = [*reversed(now["chapters"]), {"title": "putchapter", "topics": [{"name": "puttopic"}]}]
    now["chapters"][0]["topics"].append({"name": "putintoold", "explanation": {"content": "puttext"}})
    assert client.put(path, json=now).status_code == 200
    assert client.delete(first(client.get(path).json)[1]).status_code == 204
    assert client.delete(first(client.get(path).json)[0]).status_code == 204
    assert client.post(f"{path}revisions/3/restore/").status_code == 200


def test_every_write_leaves_what_indexing_anew_would(alice, note_tree, entries, index_again):
    note = expect.ok(alice.post("/api/notes/", json=note_tree(3, 3)), 201)
    lead_a_busy_life(alice, note)
    written = entries()
    with db.transaction():
        db.execute(SearchEntry.__table__.delete())
    assert expect.ok(alice.get("/api/search/?q=newtext"))["results"] == []
    index_again()
    assert entries() == written
    assert len(written) == sum(1 + row["topic_count"] for row in expect.walk(alice, "/api/notes/"))
    assert expect.ok(alice.get("/api/search/?q=newtext"))["results"] != []


def test_indexing_again_changes_nothing_that_is_there(alice, note_tree, entries, index_again):
    expect.ok(alice.post("/api/notes/", json=note_tree(1, 1)), 201)
    before = entries()
    index_again()
    assert entries() == before


def test_what_is_deleted_for_good_leaves_no_words(alice, note_tree, entries):
    note = expect.ok(alice.post("/api/notes/", json=note_tree(2, 2)), 201)
    other = expect.ok(alice.post("/api/notes/", json={"title": "other"}), 201)
    assert alice.delete(f"/api/notes/{note['id']}/?permanent=true").status_code == 204
    assert [str(row.note_id) for row in db.rows(ENTRIES)] == [str(other["id"])]
    with db.transaction():
        db.execute(text("DELETE FROM users"))
    assert entries() == []


def test_an_old_index_of_sqlite_keeps_no_dead_words(alice, note_tree, context):
    if db.is_postgresql():
        return
    note = expect.ok(alice.post("/api/notes/", json=note_tree(2, 2)), 201)
    lead_a_busy_life(alice, note)
    with db.transaction():
        db.execute(text("DELETE FROM users"))
    every_word = text('SELECT rowid FROM search_index WHERE search_index MATCH \'"1"* OR "_b"\'')
    assert db.rows(every_word) == []


def test_ai_outputs_are_found_until_they_are_deleted(alice, do_tasks, entries):
    task = expect.ok(
        ai.ask(alice, "summarize", content="Osmosis moves water. Cells need it. They swell."), 202
    )
    do_tasks()
    output = expect.ok(alice.get(task["status_url"]))["result"]
    (hit,) = expect.ok(alice.get("/api/search/?q=osmosis"))["results"]
    assert (hit["kind"], hit["id"], hit["note_id"]) == ("ai_output", output["id"], None)
    assert "<mark>Osmosis</mark>" in hit["snippet"] + hit["title"]
    saved = expect.ok(alice.post(f"/api/ai-tools/{output['id']}/save-to-note/", json={}), 201)
    kinds = {row["kind"]: row["note_id"] for row in alice.get("/api/search/?q=osmosis").json["results"]}
    assert kinds["ai_output"] == kinds["topic"] == saved["note_id"]
    assert alice.delete(f"/api/ai-tools/{output['id']}/").status_code == 204
    assert "ai_output" not in {row["kind"] for row in alice.get("/api/search/?q=osmosis").json["results"]}


def test_an_answer_from_the_cache_is_found_by_each_who_got_it(alice, bob, do_tasks):
    for client in (alice, bob):
        ai.ask(client, "summarize", content="Osmosis moves water. Cells need it. They swell.")
        do_tasks()
    found = [expect.ok(client.get("/api/search/?q=osmosis"))["results"] for client in (alice, bob)]
    assert [[row["kind"] for row in rows] for rows in found] == [["ai_output"], ["ai_output"]]
    assert found[0][0]["id"] != found[1][0]["id"]


def test_an_expired_output_is_not_found(alice, do_tasks, sign_in, move_clock):
    ai.ask(alice, "summarize", content="Osmosis moves water. Cells need it. They swell.")
    do_tasks()
    move_clock(31 * 24 * 3600)
    later = sign_in(alice.email, alice.password)
    assert expect.ok(later.get("/api/search/?q=osmosis"))["results"] == []
