"""What was written before the search and the revisions were there has both after the migration."""

from sqlalchemy import text

from noteassist import db, migrating, schema
from noteassist.services.accounts import insert_account
from noteassist.services.demo.content import demo_notes
from noteassist.services.demo.seeding import insert_notes
from noteassist.worker.runner import Runner
from tests.people import do_all_due, register


def found(client, word):
    """Give what is found, without the order of those of the same rank."""
    hits = client.get(f"/api/search/?q={word}&page_size=100").json["results"]
    return sorted(map(str, hits))


def test_old_notes_are_found_and_have_a_revision(own_app):
    schema.gate().prepare()
    alice = register(own_app, email="alice@example.com")
    with db.transaction():
        insert_notes(alice.user["id"], demo_notes(), db.utcnow())
        insert_notes(insert_account("other@example.com", "-"), demo_notes(), db.utcnow())
    note = alice.get("/api/notes/").json["results"][0]
    path = f"/api/notes/{note['id']}/"
    word = note["title"].split()[0]
    assert alice.delete(f"/api/notes/{alice.get('/api/notes/').json['results'][1]['id']}/").status_code == 204
    before = found(alice, word)
    migrating.downgrade("0002")
    migrating.upgrade()
    assert alice.get(f"{path}revisions/1/").json["note"] == alice.get(path).json
    assert alice.get(f"{path}revisions/").json["results"][0]["summary"] == "As it stood when revisions began"
    assert found(alice, word) == []
    do_all_due(Runner(own_app, own_app.config["SETTINGS"]))
    assert found(alice, word) == before
    entries = db.rows(text("SELECT count(*) FROM search_entries WHERE topic_id IS NOT NULL"))[0][0]
    assert entries == db.rows(text("SELECT count(*) FROM topics"))[0][0]


def test_an_empty_database_has_nothing_to_index(own_app):
    migrating.upgrade()
    assert db.rows(text("SELECT 1 FROM tasks")) == []
