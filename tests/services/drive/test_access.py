"""Access tokens: renewed by one worker, waited for when a consent is gone, and encrypted."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from noteassist import db
from noteassist.security import encryption, rotation
from noteassist.services.drive.access import access_of
from noteassist.services.drive.calls import Line
from noteassist.services.tasks.failures import TryLater
from tests.services.drive import scene
from tests.services.tasks import scene as tasks
from tests.stand_ins.google_drive import Account
from tests.stand_ins.google_faults import CutMiddle, Fine, Slow, Status

OTHER = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgMTI="


def expire_access(app):
    """Let the access token be over, as far as we know."""
    with app.app_context(), db.transaction():
        db.execute(text("UPDATE drive_connections SET access_expires_at = '2020-01-01 00:00:00+00:00'"))


def ask(app, client):
    """Ask for access; gives the token, or the code of what is to be waited for."""
    settings = app.config["SETTINGS"]
    with app.app_context(), Line(settings) as line:
        try:
            return access_of(settings, line, client.user["id"]).token
        except TryLater as error:
            return error.code


def test_many_workers_renew_a_token_once(app, connected, google):
    expire_access(app)
    with ThreadPoolExecutor(8) as executor:
        found = list(executor.map(lambda _: ask(app, connected), range(8)))
    assert google.steps["refresh"] == 1
    assert sum(one != "drive_access_renewed" for one in found) >= 1
    assert ask(app, connected) in google.google.access


def test_a_worker_that_died_while_renewing_is_waited_for_and_replaced(app, connected, google):
    expire_access(app)
    with app.app_context(), db.transaction():
        soon = db.clock("seconds")
        held = f"UPDATE drive_connections SET refresh_lease = 'dead', refresh_lease_until = {soon}"
        db.execute(text(held), {"seconds": 0.5})
    assert ask(app, connected) == "drive_access_renewed"
    threading.Event().wait(0.6)
    assert ask(app, connected) in google.google.access


def test_a_fresh_token_is_not_renewed(app, connected, google):
    assert ask(app, connected) in google.google.access
    assert google.steps["refresh"] == 0


def test_an_upload_waits_for_a_new_consent_and_goes_on_by_itself(app, connected, google, do_tasks):
    output_id, content = scene.large_output(connected)
    google.next("chunk", Fine(), CutMiddle())
    task_id = scene.upload_output(connected, output_id)
    do_tasks()
    google.google.revoke_all()
    for _ in range(3):
        tasks.make_due(app)
        do_tasks()
    row = tasks.state(app, task_id)
    assert (row.status, row.waiting_for, row.failures) == ("queued", "drive", 0)
    status = connected.get("/api/drive/status/").json
    assert (status["connected"], status["needs_reconnect"]) == (True, True)
    assert [told["title"] for told in scene.notifications(connected)] == ["Connect Google Drive again"]
    refreshes = google.steps["refresh"]
    scene.connect(connected, google)
    do_tasks()
    row = tasks.state(app, task_id)
    assert (row.status, google.steps["start"], google.steps["refresh"]) == ("succeeded", 1, refreshes)
    [file] = google.google.files.values()
    assert file.content == content


def test_the_user_gets_one_mail(app, connected, google, mails):
    google.google.revoke_all()
    expire_access(app)
    for _ in range(3):
        assert ask(app, connected) == "drive_needs_reconnect"
    assert [mail["Subject"] for mail in mails(connected.email)].count("Connect Google Drive again") == 1
    assert google.steps["refresh"] == 1


def test_after_connecting_another_account_the_file_is_in_the_other_drive(app, connected, google, do_tasks):
    output_id, content = scene.large_output(connected)
    google.next("chunk", Fine(), Status(401))
    google.always("refresh", Status(503))
    task_id = scene.upload_output(connected, output_id)
    do_tasks()
    google.always("refresh", None)
    google.google.account = Account("2000", "alice@work.example")
    scene.connect(connected, google)
    ended = scene.work_until_ended(app, task_id)
    assert ended.status == "succeeded", ended.message
    assert [(file.owner, file.content) for file in google.google.files.values()] == [("2000", content)]


def test_an_upload_of_somebody_who_disconnects_ends(app, connected, google):
    output_id, _ = scene.large_output(connected)
    task_id = scene.upload_output(connected, output_id)
    assert connected.delete("/api/drive/connection/").status_code == 204
    ended = scene.work_until_ended(app, task_id)
    assert (ended.status, ended.error_code) == ("failed", "drive_not_connected")


def test_a_cancelled_upload_stops(app, connected, google, do_tasks):
    output_id, _ = scene.large_output(connected)
    google.next("chunk", CutMiddle())
    task_id = scene.upload_output(connected, output_id)
    do_tasks()
    assert connected.delete(f"/api/tasks/{task_id}/").status_code == 204
    calls = len(google.calls)
    tasks.make_due(app)
    do_tasks()
    assert (len(google.calls), google.google.files) == (calls, {})


def test_a_file_that_was_deleted_for_good_meanwhile_is_made_again(app, connected, google):
    output_id, content = scene.large_output(connected)
    google.next("chunk", Fine(), Fine(), Slow(1.6))
    google.next("ask", Status(404))
    task_id = scene.upload_output(connected, output_id)
    runner = scene.runner_of(app)
    while not google.google.files:
        runner.work()
    google.google.delete_file(next(iter(google.google.files)))
    ended = scene.work_until_ended(app, task_id)
    assert ended.status == "succeeded"
    assert [file.content for file in google.google.files.values()] == [content]


@pytest.mark.parametrize("title", ["Cells and tissues", "Bones"])
def test_a_note_that_changes_between_two_attempts_is_one_file(app, connected, google, do_tasks, title):
    body = "".join(f"{number:07}\n" for number in range(12_000))
    topics = [{"name": str(number), "explanation": {"content": body}} for number in range(6)]
    note = connected.post(
        "/api/notes/", json={"title": "Cells", "chapters": [{"title": "One", "topics": topics}]}
    )
    google.next("chunk", Fine(), CutMiddle())
    task_id = scene.upload_note(connected, note.json["id"])
    do_tasks()
    connected.patch(f"/api/notes/{note.json['id']}/", json={"title": title})
    assert scene.work_until_ended(app, task_id).status == "succeeded"
    [file] = google.google.files.values()
    assert title.encode() in file.content and file.content.count(b"0011999") == 6
    # Never a mixture, not even for a moment.
    assert file.versions == 1


def test_keys_are_exchanged_while_the_server_runs(app, connected, google):
    both = rotation.rotate
    with app.app_context():
        assert vars(both((OTHER, scene.KEY))) == {"changed": 2, "current": 0, "unreadable": 0}
        assert vars(both((OTHER, scene.KEY))) == {"changed": 0, "current": 2, "unreadable": 0}
        assert vars(both((scene.KEY, OTHER))) == {"changed": 2, "current": 0, "unreadable": 0}
    assert ask(app, connected) in google.google.access


def test_a_lost_key_asks_for_a_new_consent(app, connected, google, context):
    assert rotation.rotate((OTHER, scene.KEY)).changed == 2
    assert rotation.rotate((scene.KEY,)).unreadable == 2
    assert ask(app, connected) == "drive_needs_reconnect"
    scene.connect(connected, google)
    assert ask(app, connected) in google.google.access


@pytest.mark.parametrize("keys", [(scene.KEY,), (OTHER, scene.KEY)])
def test_a_secret_is_read_with_any_of_the_keys_and_for_its_purpose_only(keys):
    sealed = encryption.encrypt((scene.KEY,), "ya29.secret", "tests")
    assert "ya29" not in sealed
    assert encryption.decrypt(keys, sealed, "tests") == "ya29.secret"
    for wrong_keys, purpose in [(keys, "other"), ((OTHER,), "tests"), ((), "tests")]:
        with pytest.raises(encryption.UnreadableSecret):
            encryption.decrypt(wrong_keys, sealed, purpose)
