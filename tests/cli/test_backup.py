"""`noteassist backup` and `noteassist restore`, from either database into either."""

import io
import itertools
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import insert, inspect, select, text, update

from noteassist import db, migrating, schema
from noteassist.app import create_app
from noteassist.models import DriveConnection, Notification, Task
from noteassist.security.encryption import encrypt
from noteassist.services.backups.columns import read_as
from noteassist.services.backups.container import UnusableBackup, Writer, read_lines
from noteassist.services.backups.making import back_up, kept_tables
from noteassist.services.backups.restoring import Backup, NotEmpty, missing_keys, restore
from noteassist.services.demo.seeding import make_demo_account, seed_accounts
from noteassist.services.tasks.creation import create
from noteassist.worker.runner import Runner
from tests import servers
from tests.cli.test_commands import run  # noqa: F401  # a fixture
from tests.conftest import KINDS, let_go, make_settings
from tests.people import PASSWORD, do_all_due, register

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
numbers = itertools.count(1)


def quietly(table, rows):
    """Tell nobody."""


@contextmanager
def made(kind, folder):
    """Give an application on an empty database of its own, within its context."""
    name, server = f"noteassist_backup_{os.getpid()}_{next(numbers)}", os.environ["TEST_DATABASE_URL"]
    url = ""
    if kind == "postgresql":
        url = servers.create_database(server, name).replace("postgresql:", "postgresql+psycopg:", 1)
    app = create_app(make_settings(folder / name, url, encryption_keys=(KEY,)))
    try:
        with app.app_context():
            yield app
            let_go()
    finally:
        if url:
            servers.drop_database(server, name)


@pytest.fixture(params=KINDS)
def kind(request):
    """Name the database that is backed up, or that the test is about."""
    return request.param


@pytest.fixture
def source(kind, tmp_path):
    """Give an application that has some of everything."""
    with made(kind, tmp_path) as app:
        schema.gate().prepare()
        use_everything(app)
        yield app


def use_everything(app):
    """Write what people, tasks and commands write."""
    settings = app.config["SETTINGS"]
    make_demo_account(settings, PASSWORD)
    alice = register(app, email="zoë@example.com", name="Zoë 生物学 🧬")
    note = alice.post("/api/notes/", json={"title": "Zellen\n\"'\\", "tags": ["a", "b"]}).json
    alice.patch(f"/api/notes/{note['id']}/", json={"title": "Cells"})
    alice.post("/api/notes/", json={"title": "Gone"}, headers={"Idempotency-Key": "once"})
    alice.post("/api/ai-tools/generate/", json={"topic": "Osmosis"})
    alice.post("/api/notes/export/", json={"format": "pdf"})
    with db.transaction():
        first = create("index_for_search", {"never": None, "number": 0.1}, delay=3600)
        second = create("index_for_search", {}, delay=3600)
        db.execute(update(Task).where(Task.id == first).values(joined_to=second))
        sealed = encrypt((KEY,), "1//secret", "x")
        values = {
            "google_sub": "1",
            "email": "z@example.com",
            "refresh_token": sealed,
            "access_token": sealed,
        }
        moments = {"access_expires_at": db.utcnow(), "connected_at": db.utcnow()}
        db.execute(insert(DriveConnection).values(user_id=alice.user["id"], **values, **moments))
    assert do_all_due(Runner(app, settings)) >= 3


def everything():
    """Give every row of every table that a backup has, and the next numbers."""
    with db.snapshot() as connection:
        found = {}
        for table in kept_tables():
            rows = connection.execute(select(*map(read_as, table.columns))).all()
            found[table.name] = sorted(map(repr, rows))
        # What a restore itself asks for.
        found["tasks"] = [row for row in found["tasks"] if "'index_for_search', '{}', 'queued'" not in row]
    return found


def backed_up(app):
    """Make a backup of the database of the current application."""
    file = io.BytesIO()
    back_up(file, app.config["SETTINGS"].encryption_keys, quietly)
    return file.getvalue()


@pytest.mark.parametrize("other", KINDS)
def test_a_restored_database_has_every_row_of_the_other(source, other, tmp_path):
    before = everything()
    assert len([rows for rows in before.values() if rows]) > 15
    backup = backed_up(source)
    with made(other, tmp_path) as app:
        restore(Backup(io.BytesIO(backup)), quietly, replace=False)
        assert everything() == before
        # The schema is whole, new rows find a number, and the words for the search come by themselves.
        schema.gate().prepare()
        do_all_due(Runner(app, app.config["SETTINGS"]))
        bob = register(app, email="bob@example.com")
        assert bob.post("/api/notes/", json={"title": "New"}).status_code == 201
        zoe = bob.signed_in(app, "zoë@example.com", PASSWORD)
        assert [hit["title"] for hit in zoe.get("/api/search/?q=cells").json["results"]] == ["Cells"]


def test_a_restored_database_gives_no_number_twice(source, kind, tmp_path):
    bob = register(source, email="bob@example.com")
    deleted = bob.post("/api/notes/", json={"title": "Deleted"}).json["id"]
    with db.transaction():
        db.execute(text("DELETE FROM notes WHERE id = :id"), {"id": deleted})
    backup = backed_up(source)
    with made(kind, tmp_path) as app:
        restore(Backup(io.BytesIO(backup)), quietly, replace=False)
        bob = bob.signed_in(app, "bob@example.com", PASSWORD)
        assert bob.post("/api/notes/", json={"title": "New"}).json["id"] > deleted


def test_a_database_that_is_not_empty_is_left_alone_unless_it_is_to_be_replaced(source):
    backup = backed_up(source)
    before = everything()
    register(source, email="new@example.com")
    with pytest.raises(NotEmpty):
        restore(Backup(io.BytesIO(backup)), quietly, replace=False)
    assert everything() != before
    restore(Backup(io.BytesIO(backup)), quietly, replace=True)
    assert everything() == before


def test_a_schema_that_is_replaced_is_made_anew(source):
    backup = backed_up(source)
    assert len(entries()) > 3
    before = entries()
    with db.transaction():
        db.execute(text("DROP INDEX ix_notes_live_user_id_updated_at_id"))
    restore(Backup(io.BytesIO(backup)), quietly, replace=True)
    indexes = {index["name"] for index in inspect(db.db.engine).get_indexes("notes")}
    assert "ix_notes_live_user_id_updated_at_id" in indexes
    assert entries() == []
    do_all_due(Runner(source, source.config["SETTINGS"]))
    assert entries() == before


def entries():
    """Tell what the search has words of."""
    found = db.rows(text("SELECT user_id, note_id, topic_id FROM search_entries"))
    return sorted(str(tuple(row)) for row in found)


REFUSE = {
    "sqlite": (
        "CREATE TRIGGER append_only BEFORE DELETE ON notifications BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$",
        "CREATE TRIGGER append_only BEFORE DELETE ON notifications FOR EACH ROW EXECUTE FUNCTION append_only()",
        "CREATE TRIGGER append_only_all BEFORE TRUNCATE ON notifications EXECUTE FUNCTION append_only()",
    ),
}


def test_a_table_whose_rows_may_not_be_deleted_is_replaced_too(source, kind):
    backup = backed_up(source)
    before = everything()
    with db.transaction():
        values = {"user_id": 1, "type": "info", "title": "new", "created_at": db.utcnow()}
        db.execute(insert(Notification).values(values))
        for statement in REFUSE[kind]:
            db.execute(text(statement))
    restore(Backup(io.BytesIO(backup)), quietly, replace=True)
    assert everything() == before


def test_what_is_written_meanwhile_is_in_the_backup_whole_or_not_at_all(source, kind, tmp_path):
    before = everything()
    writers = iter(range(1000))

    def write(table, rows):
        register(source, email=f"late{next(writers)}@example.com")

    file = io.BytesIO()
    back_up(file, (), write)
    assert everything() != before
    with made(kind, tmp_path):
        restore(Backup(file), quietly, replace=False)
        assert everything() == before


def test_a_backup_of_an_older_release_is_brought_to_this_ones_schema(source, kind, tmp_path):
    lines = list(read_lines(io.BytesIO(backed_up(source))))
    older = schema.known_revisions()[-2]
    with made(kind, tmp_path) as app:
        migrating.upgrade(older)
        inspector = inspect(db.db.engine)
        columns = {
            name: {column["name"] for column in inspector.get_columns(name)}
            for name in inspector.get_table_names()
        }
    file = io.BytesIO(as_it_was(lines, older, columns))
    with made(kind, tmp_path) as app:
        restore(Backup(file), quietly, replace=False)
        assert schema.database_revision() == schema.known_revision()
        assert len(register(app, email="a@example.com").get("/api/notes/").json["results"]) == 0


def as_it_was(lines, revision, columns):
    """Write a backup as an older release would have: without the tables and columns that it did not have."""
    file = io.BytesIO()
    writer, places, counts, name = Writer(file), [], {}, ""
    writer.line(lines[0] | {"schema": revision})
    for line in lines[1:-1]:
        if isinstance(line, dict):
            name = line["table"]
            places = [
                place for place, (column, _) in enumerate(line["columns"]) if column in columns.get(name, ())
            ]
            if places:
                counts[name] = 0
                writer.line(line | {"columns": [line["columns"][place] for place in places]})
        elif places:
            counts[name] += 1
            writer.line([line[place] for place in places])
    writer.line({"rows": counts})
    writer.close()
    return file.getvalue()


def test_a_backup_of_a_later_release_is_refused(source):
    lines = read_lines(io.BytesIO(backed_up(source)))
    file = io.BytesIO()
    writer = Writer(file)
    writer.line(next(lines) | {"schema": "9999"})
    for line in lines:
        writer.line(line)
    writer.close()
    before = everything()
    with pytest.raises(UnusableBackup, match="9999"):
        restore(Backup(file), quietly, replace=True)
    assert everything() == before


@pytest.mark.parametrize("times", [0, 2])
def test_rows_that_the_database_refuses_change_nothing(source, times):
    lines = list(read_lines(io.BytesIO(backed_up(source))))
    file = io.BytesIO()
    writer = Writer(file)
    for line in lines:
        # The address is in mails and elsewhere too; accounts begin with their number and it.
        is_account = isinstance(line, list) and line[1:2] == ["zoë@example.com"]
        if isinstance(line, dict) and "rows" in line:
            line["rows"]["users"] += times - 1
        for _ in range(times if is_account else 1):
            writer.line(line)
    writer.close()
    before = everything()
    with pytest.raises(UnusableBackup, match="not such as"):
        restore(Backup(file), quietly, replace=True)
    assert everything() == before


def test_whatever_bit_of_a_backup_changes_it_is_refused():
    file = io.BytesIO()
    writer = Writer(file)
    writer.line({"schema": "0001", "created_at": "", "encryption_keys": []})
    writer.line({"rows": {}})
    writer.close()
    whole = file.getvalue()
    Backup(io.BytesIO(whole))
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(UnusableBackup):
            Backup(io.BytesIO(bytes(damaged)))
        with pytest.raises(UnusableBackup):
            Backup(io.BytesIO(whole[:place]))
    for wrong in (whole + b"\0", whole + whole, b"PK\x03\x04" + bytes(1000), bytes(100)):
        with pytest.raises(UnusableBackup):
            Backup(io.BytesIO(wrong))


def test_keys_that_are_missing_are_named_and_not_told(source):
    backup = backed_up(source)
    contents = Backup(io.BytesIO(backup)).contents
    assert missing_keys(contents, (KEY,)) == []
    [missing] = missing_keys(contents, ("another",))
    assert len(missing) == 16 and missing not in KEY


def test_a_file_is_made_whole_and_for_its_owner_alone(run, tmp_path):  # noqa: F811
    file = tmp_path / "all.nab"
    assert run("backup", str(file))[0] == 1
    assert list(tmp_path.glob("all.nab*")) == []
    assert run("seed-demo")[0] == 0
    (tmp_path / "all.nab.part").write_text("of one that was killed")
    status, said = run("backup", str(file))
    assert (status, "rows are in" in said) == (0, True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "all.nab.part").exists()
    assert run("restore", "--check", str(file))[0] == 0
    status, said = run("restore", str(file))
    assert (status, "--replace" in said) == (1, True)
    assert run("restore", "--replace", str(file))[0] == 0
    file.write_bytes(file.read_bytes()[:-1])
    status, said = run("restore", "--replace", str(file))
    assert (status, "damaged" in said, "Nothing was changed" in said) == (1, True, True)
    assert run("restore", "--replace", "-", say="no backup")[0] == 1
    assert "exists" in run("seed-demo")[1]


def accounts_of(url, folder):
    """Count the accounts of a database, from outside."""
    if url:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT count(*) FROM users").fetchall()[0][0]
    with sqlite3.connect(folder / "noteassist.db") as connection:
        return connection.execute("SELECT count(*) FROM users").fetchall()[0][0]


def test_a_restore_that_is_killed_half_way_leaves_the_old_data(kind, tmp_path):
    with made(kind, tmp_path) as app:
        schema.gate().prepare()
        settings = app.config["SETTINGS"]
        list(seed_accounts(settings, PASSWORD, users=4, notes=100, chapters=4, topics=5, seed=1))
        file = tmp_path / "backup"
        file.write_bytes(backed_up(app))
        register(app, email="new@example.com")
        before = everything()
        folder = settings.instance_dir
        url = settings.database_url.replace("+psycopg", "") if kind == "postgresql" else ""
        environment = os.environ | {"INSTANCE_DIR": str(folder), "DATABASE_URL": url}
        command = [sys.executable, "-m", "noteassist.cli", "restore", "--replace", str(file)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            assert any(line.startswith("  chapters: ") for line in process.stderr)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert accounts_of(url, folder) == 5
        assert everything() == before
        assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
        assert accounts_of(url, folder) == 4
