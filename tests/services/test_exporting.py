"""Exports as tasks: one file whatever happens to the attempts, and none that is not whole."""

import json
import resource
import tempfile
import time
from contextlib import contextmanager

import pytest
from sqlalchemy import event, func, select, text

from noteassist import db
from noteassist.models import FileChunk, StoredFile
from noteassist.queues import CATALOGUE
from noteassist.services import exporting, files
from noteassist.services.notes import insert_note
from noteassist.services.tasks import lifecycle
from noteassist.services.tasks.failures import Fail, LostLease, TryLater
from noteassist.services.tasks.reading import get_task
from noteassist.services.tasks.runs import TaskRun

pytestmark = pytest.mark.usefixtures("context")
MIB = 1024 * 1024


class Owner:
    """Alice, as services know her."""

    def __init__(self, user_id):
        self.user_id = user_id


@pytest.fixture
def owner(alice):
    """Alice."""
    return Owner(alice.user["id"])


@pytest.fixture
def ask(owner):
    """Ask for an export of Alice's; gives its task."""

    def ask(form="json", ids=None):
        with db.transaction():
            return exporting.ask_for_export(owner, form, ids)

    return ask


@pytest.fixture
def begin(settings):
    """Begin an attempt at the task that is due."""

    def begin():
        task = lifecycle.claim("a test", ["export"])
        assert task is not None
        return TaskRun(task, settings)

    return begin


@pytest.fixture
def write_notes(owner):
    """Write notes of Alice's that take six times their size as JSON, 200 kB each; gives their ids."""

    def write(count=1, letter="\x01"):
        part = letter * 100_000
        topic = {
            "name": "Topic",
            "explanation": {"content": part},
            "code_snippet": {"language": "text", "code": part},
        }
        chapters = [{"title": "Chapter", "topics": [topic]}]
        ids = []
        for number in range(count):
            with db.transaction():
                fields = {"title": f"Note {number}", "tags": (), "status": "draft", "chapters": chapters}
                ids.append(insert_note(owner.user_id, **fields))
        return ids

    return write


def count(model):
    return db.rows(select(func.count()).select_from(model))[0][0]


def exported(owner, task):
    """The notes in the file of a task that has succeeded."""
    assert task["status"] == "succeeded", task
    file_id = int(task["result"]["download_url"].strip("/").rpartition("/")[2])
    return json.loads(b"".join(files.open_file(owner.user_id, file_id, "export")[1]))["notes"]


def until_ended(owner, task_id, do_tasks):
    """Do what is due until a task has ended."""
    until = time.monotonic() + 30
    while (task := get_task(owner, task_id))["finished_at"] is None:
        assert time.monotonic() < until, task
        do_tasks()
        time.sleep(0.05)
    return task


@contextmanager
def small_files(size):
    """Let this process write no file beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def full_database():
    """Let the database have no room for pieces of files, as its own kind says so."""
    if db.direct().dialect.name == "sqlite":
        with db.direct().connect() as connection:
            connection.execute(text("VACUUM"))

        # Each connection has its own bound; it cannot be below the pages that are there, so it is those.
        def bound(connection, *_):
            connection.execute("PRAGMA max_page_count = 1")

        event.listen(db.direct(), "checkout", bound)
        yield
        event.remove(db.direct(), "checkout", bound)
        db.direct().dispose()
        return
    with db.transaction():
        refuse = "BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END"
        db.execute(text(f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $${refuse}$$"))
        db.execute(text("CREATE TRIGGER full_disk BEFORE INSERT ON file_chunks EXECUTE FUNCTION refuse()"))
    yield
    with db.transaction():
        db.execute(text("DROP TRIGGER full_disk ON file_chunks"))
        db.execute(text("DROP FUNCTION refuse"))


def test_an_export_waits_while_the_disk_is_full_and_is_made_when_it_is_not(owner, ask, write_notes, do_tasks):
    ids = write_notes(8)
    task_id = ask()
    with small_files(8 * MIB):
        do_tasks()
        task = get_task(owner, task_id)
        assert task["status"] == "queued" and task["next_try_at"] is not None
        assert task["message"] == "The server has no room for this file just now."
        assert count(StoredFile) == 0
    found = exported(owner, until_ended(owner, task_id, do_tasks))
    assert [note["id"] for note in found] == ids


@pytest.mark.parametrize("form", ["json", "md", "apkg"])
def test_a_disk_without_room_is_told_from_other_trouble(ask, begin, write_notes, form):
    write_notes(2, letter="é")
    ask(form)
    run = begin()
    with small_files(100), pytest.raises(TryLater) as caught:
        exporting.export(run)
    assert caught.value.code == "disk_full" and caught.value.counts


def test_an_export_waits_while_the_database_is_full(ask, begin, write_notes):
    write_notes(4)
    ask()
    run = begin()
    with full_database(), pytest.raises(TryLater) as caught:
        exporting.export(run)
    assert caught.value.code == "disk_full"
    files.sweep_files()
    assert count(StoredFile) == count(FileChunk) == 0
    assert exporting.export(run).result["size"] > 4 * MIB


def test_an_export_that_never_finds_room_fails_and_says_why(owner, ask, write_notes, do_tasks):
    write_notes(8)
    task_id = ask()
    with db.transaction():
        last = CATALOGUE["export"].failures - 1
        db.execute(text(f"UPDATE tasks SET failures = {last}"))
    with small_files(8 * MIB):
        do_tasks()
    error = get_task(owner, task_id)["error"]
    assert error == {"code": "disk_full", "detail": "The server has no room for this file just now."}
    assert count(StoredFile) == 0


@pytest.mark.parametrize("form", ["json", "md", "apkg"])
def test_nothing_is_left_on_the_disk(ask, begin, write_notes, tmp_path, monkeypatch, form):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    write_notes(2)
    ask(form)
    run = begin()
    with small_files(100), pytest.raises(TryLater):
        exporting.export(run)
    assert list(tmp_path.iterdir()) == []
    exporting.export(run)
    assert list(tmp_path.iterdir()) == []


def test_an_attempt_after_the_file_was_made_gives_the_same_file(ask, begin, write_notes):
    write_notes()
    ask()
    run = begin()
    first, second = exporting.export(run), exporting.export(run)
    assert first.result == second.result and count(StoredFile) == 1


def test_an_attempt_that_was_cancelled_keeps_no_file(ask, begin, write_notes):
    write_notes(3)
    ask()
    run = begin()
    run.lost.set()
    with pytest.raises(LostLease):
        exporting.export(run)
    assert count(StoredFile) == 0


def test_a_cancelled_export_stops_between_two_notes(ask, begin, write_notes, monkeypatch):
    write_notes(3)
    ask()
    run = begin()
    read = []

    def read_tree(user_id, note_id):
        read.append(note_id)
        if len(read) == 2:
            run.lost.set()
        return original(user_id, note_id)

    original = exporting.note_trees.read_tree
    monkeypatch.setattr(exporting.note_trees, "read_tree", read_tree)
    with pytest.raises(LostLease):
        exporting.export(run)
    assert len(read) == 2


def test_a_cancelled_export_stops_between_two_pieces(ask, begin, write_notes, monkeypatch):
    write_notes(3)
    ask()
    run = begin()

    def append(*arguments):
        run.lost.set()
        return original(*arguments)

    original = files._append
    monkeypatch.setattr(files, "_append", append)
    with pytest.raises(LostLease):
        exporting.export(run)
    assert count(StoredFile) == count(FileChunk) == 0


def test_an_export_that_is_too_large_fails_and_says_so(ask, begin, write_notes, monkeypatch):
    write_notes(2)
    monkeypatch.setattr(files, "LARGEST_FILE", MIB)
    ask()
    with pytest.raises(Fail) as caught:
        exporting.export(begin())
    assert caught.value.code == "file_too_large" and "fewer notes" in caught.value.detail


def test_an_export_for_which_its_owner_has_no_room_fails_and_says_so(ask, begin, write_notes, monkeypatch):
    write_notes(2)
    monkeypatch.setattr(files, "LARGEST_TOTAL", MIB)
    ask()
    with pytest.raises(Fail) as caught:
        exporting.export(begin())
    assert caught.value.code == "storage_full" and count(FileChunk) == 0


def test_the_notes_are_read_one_at_a_time(ask, begin, write_notes, statements):
    write_notes(5)
    ask()
    run = begin()
    statements.clear()
    exporting.export(run)
    reads = [statement for statement in statements if "explanations" in statement]
    assert len(reads) == 5


def test_a_note_that_comes_or_goes_meanwhile_stops_nothing(owner, ask, begin, write_notes, alice):
    ids = write_notes(3)
    ask()
    run = begin()
    details = exporting._details(run, owner.user_id, None)
    first = next(details)["id"]
    alice.delete(f"/api/notes/{ids[1]}/")
    assert [first, *(note["id"] for note in details)] == [ids[0], ids[2]]
