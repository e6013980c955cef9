"""The migrations make what the models say, on both databases, forward and back."""

import shutil

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from noteassist import db, migrating, schema
from noteassist.app import create_app
from noteassist.services.accounts import insert_account
from noteassist.services.demo.content import demo_notes
from noteassist.services.demo.seeding import insert_notes
from tests.conftest import let_go, make_settings

REBUILD = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "rebuild", "{head}"


def upgrade():
    with op.batch_alter_table("notes", recreate="always") as batch:
        batch.add_column(sa.Column("colour", sa.Text()))
"""


def is_ours(name, kind, parents):
    """Leave out what the search has of one database alone: the model cannot say it."""
    return not (name or "").startswith(("search_index", "ix_search_entries_words"))


def differences():
    options = {"compare_type": True, "compare_server_default": False, "include_name": is_ours}
    with db.db.engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts=options), db.Base.metadata)


def test_the_migrated_schema_is_what_the_models_say(own_app):
    migrating.upgrade()
    assert differences() == []
    assert schema.database_revision() == schema.known_revision()


def test_a_difference_would_be_seen(own_app):
    migrating.upgrade()
    with db.transaction():
        db.execute(text("DROP INDEX ix_notes_live_user_id_updated_at_id"))
    assert [change[0] for change in differences()] == ["add_index"]


def test_migrations_go_back_to_nothing_and_forward_again(own_app):
    migrating.upgrade()
    migrating.downgrade("base")
    assert set(inspect(db.db.engine).get_table_names()) <= {"alembic_version"}
    migrating.upgrade()
    assert differences() == []


def test_an_empty_database_has_no_revision(own_app):
    assert schema.database_revision() is None


def test_production_does_not_migrate_by_itself(own_app):
    settings = make_settings(own_app.config["SETTINGS"].instance_dir, "", environment="production")
    with pytest.raises(schema.UnknownSchema, match="noteassist db upgrade"):
        schema.SchemaGate(settings).prepare()


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_schema_of_a_later_release_is_refused_and_left_alone(own_app, environment):
    migrating.upgrade()
    with db.transaction():
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    settings = make_settings(own_app.config["SETTINGS"].instance_dir, "", environment=environment)
    with pytest.raises(schema.UnknownSchema, match="too old"):
        schema.SchemaGate(settings).prepare()
    assert schema.database_revision() == "9999"


REFUSED = {
    "a stranger's chapter": "INSERT INTO chapters (user_id, note_id, title, position, created_at, updated_at)"
    " VALUES (:stranger, :note, 'x', 9, '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00')",
    "two chapters at one place": "INSERT INTO chapters (user_id, note_id, title, position, created_at, updated_at)"
    " SELECT user_id, note_id, title, position, created_at, updated_at FROM chapters WHERE note_id = :note",
    "an unknown status": "UPDATE notes SET status = 'lost' WHERE id = :note",
    "a negative count": "UPDATE notes SET topic_count = -1 WHERE id = :note",
    "an unknown role": "UPDATE users SET role = 'king' WHERE id = :stranger",
    "an e-mail twice": "UPDATE users SET email = 'alice@example.com' WHERE id = :stranger",
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_database_refuses(alice, bob, note_tree, context, what):
    note = alice.post("/api/notes/", json=note_tree(1, 1)).json
    values = {"stranger": bob.user["id"], "note": note["id"]}
    statement = text(REFUSED[what])
    with pytest.raises(IntegrityError), db.transaction():
        db.execute(statement, {name: value for name, value in values.items() if f":{name}" in REFUSED[what]})


def test_rebuilding_a_parent_on_sqlite_keeps_its_children(tmp_path, monkeypatch):
    app = create_app(make_settings(tmp_path, ""))
    steps = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, steps)
    with app.app_context():
        migrating.upgrade()
        with db.transaction():
            insert_notes(insert_account("a@example.com", "-"), demo_notes(), db.utcnow())
        before = db.read_rows(text("SELECT id, note_id, title FROM chapters"))
        (steps / "versions/0003_rebuild.py").write_text(REBUILD.format(head=schema.known_revision()))
        monkeypatch.setattr(migrating.migrate, "directory", str(steps))
        migrating.upgrade()
        assert schema.database_revision() == "rebuild"
        assert db.read_rows(text("SELECT id, note_id, title FROM chapters")) == before != []
        let_go()
