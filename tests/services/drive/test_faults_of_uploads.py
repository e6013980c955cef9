"""Everything that can go wrong, at every step of an upload: in the end there is one file, with the right bytes."""

import pytest

from noteassist import db
from tests.contract import expect
from tests.services.drive import scene
from tests.services.tasks import scene as tasks
from tests.stand_ins.google_faults import (
    CutAfter,
    CutBefore,
    CutMiddle,
    CutWhileSending,
    Expired,
    Fine,
    Html,
    LostSession,
    Short,
    Slow,
    Status,
    Trickle,
    WrongBytes,
)

LIMITS = [Status(403, "rateLimitExceeded"), Status(403, "userRateLimitExceeded"), Status(429, retry_after=2)]
PASSING = [
    CutBefore(),
    CutMiddle(),
    CutAfter(),
    Slow(1.6),
    Trickle(0.05),
    Html(),
    Html(after=True),
    Expired(),
    Status(401, "authError"),
    Status(408),
    Status(429),
    Status(500),
    Status(502),
    Status(503, retry_after=1),
    Status(403),
    *LIMITS,
]
OF_SESSIONS = [LostSession(404), LostSession(410), Status(404), Status(410), Status(400, "badContent")]
OF_CHUNKS = [CutWhileSending(1), CutWhileSending(50_000), Short(65_536), Short(1), Short(0)]
# What has to have gone wrong before for a step to be taken at all.
BEFORE = {
    "ids": {},
    "start": {},
    "chunk": {},
    "ask": {"chunk": [CutMiddle()]},
    "refresh": {"start": [Status(401)]},
    "metadata": {"chunk": [Fine(), Fine(), CutAfter()], "ask": [LostSession()]},
    "replace": {"chunk": [Fine(), Fine(), WrongBytes()]},
}
EVERYWHERE = [*PASSING, *OF_SESSIONS, *OF_CHUNKS]
TABLE = {
    "ids": PASSING,
    "start": PASSING,
    "chunk": EVERYWHERE,
    "second chunk": EVERYWHERE,
    "last chunk": [*EVERYWHERE, WrongBytes()],
    "ask": [*PASSING, *OF_SESSIONS],
    "refresh": [fault for fault in PASSING if fault not in {Expired(), Status(401, "authError")}],
    "metadata": PASSING,
    "replace": PASSING,
}
EARLIER = {"second chunk": 1, "last chunk": 2}


def spoil(google, step, number, *faults):
    """Let the call of a step go wrong, after what has to go wrong for it to be made."""
    for before, earlier in BEFORE[step].items():
        google.next(before, *earlier)
    google.next(step, *[Fine()] * number, *faults)


def the_file(google, content):
    """Give the only file, which must have these bytes."""
    [file] = google.google.files.values()
    assert file.content == content
    return file


@pytest.mark.parametrize("step", TABLE)
def test_one_file_with_the_right_bytes(app, connected, google, step):
    output_id, content = scene.large_output(connected)
    for fault in TABLE[step]:
        google.google.files.clear()
        spoil(google, step.rpartition(" ")[2], EARLIER.get(step, 0), fault)
        ended = scene.work_until_ended(app, scene.upload_output(connected, output_id))
        assert (ended.status, ended.failures) == ("succeeded", 0), (fault, ended.error_code, ended.message)
        assert ended.result["drive_file_id"] == the_file(google, content).id, fault
        assert not google.waiting, f"{fault} was never met"


@pytest.mark.parametrize(
    "fault", [CutBefore(), CutMiddle(), CutAfter(), Slow(1.6), Status(503), Expired()], ids=str
)
def test_the_same_fault_again_and_again_at_every_step(app, connected, google, fault):
    output_id, content = scene.large_output(connected)
    for step in BEFORE:
        google.next(step, fault, Fine(), fault, fault, Fine())
    ended = scene.work_until_ended(app, scene.upload_output(connected, output_id))
    assert ended.status == "succeeded", (ended.error_code, ended.message)
    the_file(google, content)


FINAL = {
    "storageQuotaExceeded": "drive_storage_full",
    "teamDriveFileLimitExceeded": "drive_storage_full",
    "insufficientPermissions": "drive_forbidden",
    "insufficientFilePermissions": "drive_forbidden",
    "domainPolicy": "drive_forbidden",
    "somethingNew": "drive_forbidden",
}


@pytest.mark.parametrize("step", ["ids", "start", "chunk", "ask", "metadata", "replace"])
def test_what_will_never_work_ends_at_once_and_says_why(app, connected, google, step):
    output_id, _ = scene.large_output(connected)
    for reason, code in FINAL.items():
        google.google.files.clear()
        spoil(google, step, 0, Status(403, reason))
        task_id = scene.upload_output(connected, output_id)
        ended = scene.work_until_ended(app, task_id)
        assert (ended.status, ended.error_code) == ("failed", code), reason
        [told] = [row for row in scene.notifications(connected) if row["action_id"] == task_id]
        assert (told["type"], told["message"]) == ("error", ended.error_detail)


def test_a_refused_request_is_not_sent_again(app, connected, google):
    output_id, _ = scene.large_output(connected)
    google.always("start", Status(400, "invalid"))
    ended = scene.work_until_ended(app, scene.upload_output(connected, output_id))
    assert (ended.status, ended.error_code, google.steps["start"]) == ("failed", "drive_refused", 1)


def test_a_session_that_is_lost_every_time_ends_the_task(app, connected, google):
    output_id, _ = scene.large_output(connected)
    google.always("chunk", LostSession())
    ended = scene.work_until_ended(app, scene.upload_output(connected, output_id))
    assert (ended.status, ended.error_code) == ("failed", "drive_unsteady")
    assert google.google.files == {}


def test_a_google_that_does_not_answer_is_asked_for_a_day(app, connected, google, move_clock):
    output_id, _ = scene.large_output(connected)
    google.stop_listening()
    try:
        task_id = scene.upload_output(connected, output_id)
        runner = scene.runner_of(app)
        for _ in range(5):
            runner.work()
            tasks.make_due(app)
        row = tasks.state(app, task_id)
        assert (row.status, row.failures, row.waiting_for) == ("queued", 0, "drive")
        assert connected.get("/api/drive/status/").json["needs_reconnect"] is False
        move_clock(25 * 3600)
        runner.work()
        row = tasks.state(app, task_id)
        assert (row.status, row.error_code) == ("failed", "drive_away")
    finally:
        google.listen_again()


def test_a_pause_that_google_asks_for_is_kept(connected, google, do_tasks):
    output_id, _ = scene.large_output(connected)
    google.next("start", Status(429, retry_after=77))
    task_id = scene.upload_output(connected, output_id)
    do_tasks()
    shown = connected.get(f"/api/tasks/{task_id}/").json
    assert (shown["status"], shown["waiting_for"]) == ("queued", "drive")
    assert 70 < (expect.moment(shown["next_try_at"]) - db.utcnow()).total_seconds() < 90


def test_an_upload_goes_on_where_it_was(app, connected, google):
    output_id, content = scene.large_output(connected)
    google.next("chunk", Fine(), CutMiddle())
    scene.work_until_ended(app, scene.upload_output(connected, output_id))
    assert google.steps == {"ids": 1, "start": 1, "chunk": 3, "ask": 1}
    the_file(google, content)
