"""Large imports are tasks, which make all of a file's notes or none."""

import pytest
from sqlalchemy import func, select

from noteassist import db
from noteassist.models import StoredFile
from noteassist.services.imports.receiving import import_upload
from noteassist.services.tasks import lifecycle
from noteassist.services.tasks.failures import LostLease
from noteassist.services.tasks.lifecycle import claim
from noteassist.services.tasks.runs import TaskRun
from noteassist.worker.runner import Runner
from tests.people import do_all_due
from tests.services.imports import samples

from . import expect

PATH = "/api/notes/import/"


class Killed(BaseException):
    """The end of a worker."""


class DyingRun(TaskRun):
    """An attempt whose worker dies when 50 notes are made."""

    def progress(self, percent, message):
        super().progress(percent, message)
        if message.startswith("50 notes"):
            raise Killed


class CancelledRun(TaskRun):
    """An attempt at a task that its owner cancels when 25 notes are made."""

    def __init__(self, task, settings, cancel):
        super().__init__(task, settings)
        self.cancel = cancel

    def progress(self, percent, message):
        super().progress(percent, message)
        if message.startswith("25 notes"):
            assert self.cancel().status_code == 204


def send(client, content, name="notes.zip", *, query="", **options):
    """Send a file as a browser does."""
    return client.post(PATH + query, **samples.multipart(content, name), **options)


def many(count):
    """A vault of so many notes."""
    return samples.zipped({f"{number}.md": f"# Note {number}\n\ntext" for number in range(count)})


def large(content, size=2 * 1024 * 1024):
    """A file of more than 2 MiB with this vault in it."""
    return samples.changed_with(content, samples.stored("picture.png", b"\x89" * size))


@pytest.fixture
def kept(app):
    """Count the uploads that are there for anybody."""

    def count():
        with app.app_context():
            there = StoredFile.sha256.is_not(None) & (StoredFile.expires_at > db.utcnow())
            return db.read_rows(select(func.count()).where(there))[0][0]

    return count


def test_a_large_file_is_imported_by_a_task(alice, do_tasks, kept):
    body = expect.ok(send(alice, large(many(3))), 202)
    assert set(body) == {"task_id", "status", "status_url", "events_url"}
    assert kept() == 1
    do_tasks()
    task = expect.ok(alice.get(body["status_url"]))
    assert (task["kind"], task["status"], task["progress"]) == ("import", "succeeded", 100)
    assert task["result"]["skipped"] == [
        {"file": "picture.png", "reason": "Pictures and other attachments are not imported."}
    ]
    notes = expect.walk(alice, "/api/notes/")
    assert sorted(expect.ids(notes)) == sorted(task["result"]["created"])
    assert {note["title"] for note in notes} == {"Note 0", "Note 1", "Note 2"}
    assert kept() == 0


def test_the_answer_says_where_the_task_is(alice):
    answer = send(alice, large(many(1)))
    assert expect.location(answer) == expect.ok(answer, 202)["status_url"]


def test_a_file_of_many_notes_is_imported_by_a_task(alice, do_tasks):
    body = expect.ok(send(alice, many(101)), 202)
    assert expect.walk(alice, "/api/notes/") == []
    do_tasks()
    assert len(expect.ok(alice.get(body["status_url"]))["result"]["created"]) == 101
    assert len(expect.walk(alice, "/api/notes/?page_size=100")) == 101


def test_a_dry_run_of_a_large_file_is_answered_at_once(alice, kept):
    body = expect.ok(send(alice, large(many(2)), query="?dry_run=true"))
    assert len(body["would_create"]) == 2
    assert kept() == 0


def test_a_large_file_that_is_refused_is_told_by_its_task(alice, do_tasks, kept):
    content = b"%PDF-1.7\n" + b"%" * (2 * 1024 * 1024)
    body = expect.ok(send(alice, content, "broken.pdf"), 202)
    do_tasks()
    task = expect.ok(alice.get(body["status_url"]))
    assert task["status"] == "failed"
    assert task["error"]["code"] == "import_unreadable"
    [told] = expect.walk(alice, "/api/notifications/")
    assert (told["type"], told["title"]) == ("error", "Your import could not be made")
    assert expect.walk(alice, "/api/notes/") == []
    assert kept() == 0


def test_its_owner_is_told(alice, do_tasks):
    body = expect.ok(send(alice, large(many(2)), "my notes.zip"), 202)
    do_tasks()
    [told] = expect.walk(alice, "/api/notifications/")
    assert (told["type"], told["title"], told["action_id"]) == (
        "success",
        "Your import is ready",
        body["task_id"],
    )
    assert told["message"].startswith("2 notes were made of “my notes.zip”.")


def test_a_stranger_does_not_see_the_task(alice, bob, do_tasks):
    body = expect.ok(send(alice, large(many(1))), 202)
    do_tasks()
    expect.problem(bob.get(body["status_url"]), 404)
    assert expect.walk(bob, "/api/notes/") == []


def test_a_cancelled_import_makes_nothing(alice, do_tasks):
    body = expect.ok(send(alice, large(many(1))), 202)
    assert alice.delete(body["status_url"]).status_code == 204
    do_tasks()
    assert expect.walk(alice, "/api/notes/") == []


def test_the_same_key_makes_one_task(alice, do_tasks):
    content, headers = large(many(2)), {"Idempotency-Key": "once"}
    first = send(alice, content, headers=headers)
    again = send(alice, content, headers=headers)
    assert expect.ok(first, 202) == expect.ok(again, 202)
    do_tasks()
    assert len(expect.walk(alice, "/api/notes/")) == 2


def test_an_upload_that_is_gone_fails_its_task(app, alice, do_tasks):
    body = expect.ok(send(alice, large(many(1))), 202)
    with app.app_context(), db.transaction():
        db.execute(StoredFile.__table__.delete())
    do_tasks()
    assert expect.ok(alice.get(body["status_url"]))["error"]["code"] == "upload_gone"


def test_two_imports_at_once_each_make_their_notes(alice, do_tasks, in_parallel):
    contents = [many(5), many(7)]
    answers = in_parallel([lambda one=one: send(alice, one) for one in contents])
    created = [note_id for answer in answers for note_id in expect.ok(answer, 201)["created"]]
    assert len(set(created)) == 12


def test_a_task_that_is_killed_goes_on_where_it_was(app, alice, settings):
    body = expect.ok(send(alice, large(many(60))), 202)
    with app.app_context():
        first = claim("one that dies", ("import",))
        with pytest.raises(Killed):
            import_upload(DyingRun(first, settings))
        lifecycle.try_again(first, delay=0.0, message="", failed=False)
    assert expect.walk(alice, "/api/notes/") == []
    assert len(expect.walk(alice, "/api/notes/trash/")) == 50
    do_all_due(Runner(app, settings))
    created = expect.ok(alice.get(body["status_url"]))["result"]["created"]
    notes = expect.walk(alice, "/api/notes/?page_size=100")
    assert sorted(expect.ids(notes)) == sorted(created)
    assert sorted(note["title"] for note in notes) == sorted(f"Note {number}" for number in range(60))
    assert expect.walk(alice, "/api/notes/trash/") == []


def test_an_import_that_is_cancelled_half_way_leaves_nothing_outside_the_trash(app, alice, settings):
    body = expect.ok(send(alice, large(many(60))), 202)
    with app.app_context():
        first = claim("a worker", ("import",))
        with pytest.raises(LostLease):
            import_upload(CancelledRun(first, settings, cancel=lambda: alice.delete(body["status_url"])))
    assert expect.ok(alice.get(body["status_url"]))["status"] == "cancelled"
    assert expect.walk(alice, "/api/notes/") == []
    assert len(expect.walk(alice, "/api/notes/trash/")) == 25
