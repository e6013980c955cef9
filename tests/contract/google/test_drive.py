"""Connecting Google Drive, uploading to it and importing from it, against a Google over a socket."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract import ai, expect
from tests.people import ApiClient
from tests.services.drive import scene
from tests.services.tasks import scene as tasks
from tests.stand_ins.google_drive import Account
from tests.stand_ins.google_faults import CutAfter, CutBefore, Html, Slow, Status

from .conftest import SECRET

CONNECT, STATUS, CONNECTION = "/api/drive/connect/", "/api/drive/status/", "/api/drive/connection/"


@pytest.fixture
def connected(alice, google):
    """Give Alice, who has connected her Drive."""
    scene.connect(alice, google)
    return alice


def consent_url(client):
    """Where somebody is sent to allow access."""
    answer = client.get(CONNECT)
    assert answer.headers["Cache-Control"] == "no-store"
    return expect.ok(answer)["authorization_url"]


def come_back(client, back, **headers):
    """Come back from Google without a sign-in, as browsers do."""
    return ApiClient(client.app).get(scene.CALLBACK, query_string=back, headers=headers)


def test_nothing_is_connected_at_first(alice):
    nothing = {"connected": False, "email": None, "needs_reconnect": False, "connected_at": None}
    assert expect.ok(alice.get(STATUS)) == nothing


def test_access_is_asked_for_with_pkce_a_state_and_the_smallest_scope(alice, google):
    url = urlsplit(consent_url(alice))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{google.url}/o/oauth2/v2/auth"
    assert query["scope"].split() == ["openid", "email", "https://www.googleapis.com/auth/drive.file"]
    assert (query["access_type"], query["prompt"], query["code_challenge_method"]) == (
        "offline",
        "consent",
        "S256",
    )
    assert query["redirect_uri"] == "https://notes.example.org/api/drive/callback/"
    assert query["state"] != {
        name: values[0] for name, values in parse_qs(urlsplit(consent_url(alice)).query).items()
    }


def test_a_drive_is_connected(alice, google):
    back = google.allow(consent_url(alice))
    assert expect.ok(come_back(alice, back)) == {"connected": True, "email": "alice@gmail.example"}
    status = expect.ok(alice.get(STATUS))
    assert (status["connected"], status["email"], status["needs_reconnect"]) == (
        True,
        "alice@gmail.example",
        False,
    )
    expect.moment(status["connected_at"])


def test_it_is_connected_to_nobody_else(connected, bob):
    assert expect.ok(bob.get(STATUS))["connected"] is False
    expect.problem(bob.delete(CONNECTION), 404)


def test_what_is_kept_is_encrypted(connected):
    for table in ("drive_connections", "tasks"):
        rows = tasks.rows(connected.app, f"SELECT * FROM {table}")
        assert not any(SECRET.search(str(row)) for row in rows), table


def test_a_state_works_once(alice, google):
    back = google.allow(consent_url(alice))
    expect.ok(come_back(alice, back))
    expect.problem(come_back(alice, back), 400, code="drive_state_invalid")


def test_of_many_that_come_back_with_one_state_one_is_let_in(alice, google, in_parallel):
    back = google.allow(consent_url(alice))
    answers = in_parallel([lambda: come_back(alice, back)] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


def test_an_expired_state_is_refused(alice, google, move_clock):
    back = google.allow(consent_url(alice))
    move_clock(601)
    expect.problem(come_back(alice, back), 400, code="drive_state_invalid")


@pytest.mark.parametrize("state", ["x", "a.b.c", "é", "0" * 1024])
def test_a_forged_state_is_refused(alice, google, state):
    back = google.allow(consent_url(alice))
    expect.problem(come_back(alice, back | {"state": state}), 400, code="drive_state_invalid")


def test_an_access_token_is_no_state(alice, google):
    back = google.allow(consent_url(alice))
    expect.problem(come_back(alice, back | {"state": alice.access}), 400, code="drive_state_invalid")


def test_a_state_with_a_changed_signature_is_refused(alice, google):
    back = google.allow(consent_url(alice))
    state = back["state"]
    changed = state[:-2] + ("A" if state[-2] != "A" else "B") + state[-1]
    expect.problem(come_back(alice, back | {"state": changed}), 400, code="drive_state_invalid")
    expect.ok(come_back(alice, back))


def test_somebody_elses_state_is_refused(alice, bob, google):
    back = google.allow(consent_url(alice))
    expect.problem(bob.get(scene.CALLBACK, query_string=back), 400, code="drive_state_invalid")
    assert [expect.ok(client.get(STATUS))["connected"] for client in (alice, bob)] == [False, False]
    expect.ok(alice.get(scene.CALLBACK, query_string=back))


def test_a_session_that_has_ended_connects_nothing(alice, sign_in, google):
    other = sign_in(alice.email, alice.password)
    back = google.allow(consent_url(other))
    assert other.post("/api/auth/logout/").status_code == 204
    expect.problem(come_back(alice, back), 400, code="drive_state_invalid")
    assert expect.ok(alice.get(STATUS))["connected"] is False


def test_who_does_not_allow_access_is_told_so(alice, google):
    google.google.denies = True
    back = google.allow(consent_url(alice))
    expect.problem(come_back(alice, back), 403, code="drive_denied")
    expect.problem(come_back(alice, back), 400, code="drive_state_invalid")


def test_who_unticks_drive_is_told_so(alice, google):
    google.google.granted_scope = "openid email"
    back = google.allow(consent_url(alice))
    expect.problem(come_back(alice, back), 403, code="drive_denied")
    assert expect.ok(alice.get(STATUS))["connected"] is False


def test_a_code_that_google_does_not_know_is_refused(alice, google):
    back = google.allow(consent_url(alice))
    expect.problem(come_back(alice, back | {"code": "4/other"}), 400, code="drive_code_invalid")


def test_a_code_of_another_consent_is_refused(alice, bob, google):
    hers, his = (google.allow(consent_url(client)) for client in (alice, bob))
    answer = come_back(alice, hers | {"code": his["code"]})
    expect.problem(answer, 400, code="drive_code_invalid")


@pytest.mark.parametrize(
    "query", [{}, {"state": "x"}, {"state": "x", "code": "c", "error": "e"}, {"code": "c"}]
)
def test_half_a_way_back_is_refused(alice, query):
    expect.problem(come_back(alice, query), 422)


@pytest.mark.parametrize("step", ["exchange", "who"])
@pytest.mark.parametrize(
    "fault", [CutBefore(), CutAfter(), Status(500), Status(429), Html(), Slow(4.6)], ids=str
)
def test_a_google_that_is_away_is_no_error_of_ours(alice, google, step, fault):
    google.next(step, fault)
    answer = come_back(alice, google.allow(consent_url(alice)))
    expect.problem(answer, 503, code="drive_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert expect.ok(alice.get(STATUS))["connected"] is False
    scene.connect(alice, google)


def test_disconnecting_revokes_at_google(connected, google, do_tasks):
    assert connected.delete(CONNECTION).status_code == 204
    assert expect.ok(connected.get(STATUS))["connected"] is False
    do_tasks()
    assert [grant.is_revoked for grant in google.google.grants.values()] == [True]
    assert tasks.rows(connected.app, "SELECT * FROM drive_revocations") == []
    expect.problem(connected.delete(CONNECTION), 404)


def test_disconnecting_works_while_google_is_away(connected, google, do_tasks):
    google.next("revoke", CutBefore(), Status(503))
    assert connected.delete(CONNECTION).status_code == 204
    for _ in range(3):
        do_tasks()
        tasks.make_due(connected.app)
    assert [grant.is_revoked for grant in google.google.grants.values()] == [True]


def test_closing_the_account_revokes_at_google(connected, google, do_tasks):
    assert connected.delete("/api/auth/me/", json={"password": connected.password}).status_code == 202
    do_tasks()
    assert [grant.is_revoked for grant in google.google.grants.values()] == [True]
    for table in ("drive_connections", "drive_revocations"):
        assert tasks.rows(connected.app, f"SELECT * FROM {table}") == []


def test_connecting_another_account_revokes_the_first(connected, google, do_tasks):
    google.google.account = Account("2000", "alice@work.example")
    scene.connect(connected, google)
    do_tasks()
    assert expect.ok(connected.get(STATUS))["email"] == "alice@work.example"
    assert [grant.is_revoked for grant in google.google.grants.values()] == [True, False]


def test_connecting_the_same_account_again_revokes_nothing(connected, google, do_tasks):
    scene.connect(connected, google)
    do_tasks()
    assert [grant.is_revoked for grant in google.google.grants.values()] == [False, False]


def test_a_note_is_uploaded(connected, google, note, path, do_tasks):
    answer = connected.post(path + "upload-to-drive/", json={"format": "md"})
    assert ai.accepted(answer)["status"] == "queued"
    do_tasks()
    task = ai.task(connected, answer)
    [file] = google.google.files.values()
    assert (task["kind"], task["status"], task["progress"]) == ("drive_upload", "succeeded", 100)
    assert task["result"] == {"drive_file_id": file.id, "web_view_link": file.resource()["webViewLink"]}
    assert (file.name, file.media_type) == ("Cell-biology.md", "text/markdown")
    assert "Topic 1.2" in file.content.decode()
    kept = tasks.rows(connected.app, f"SELECT drive_file_id FROM notes WHERE id = {note['id']}")
    assert kept[0].drive_file_id == file.id


def test_uploading_leaves_the_note_as_it_is(connected, google, note, path, do_tasks):
    scene.upload_note(connected, note["id"])
    do_tasks()
    assert connected.get(path).json == note


@pytest.mark.parametrize("wishes", [{}, {"format": "md"}, {"format": "html"}, {"format": "txt"}])
def test_an_output_is_uploaded_and_remembers_its_file(connected, google, do_tasks, wishes):
    output = ai.output(connected, do_tasks)
    answer = connected.post(output["actions"]["upload_to_drive"], json=wishes)
    do_tasks()
    assert ai.task(connected, answer)["status"] == "succeeded"
    [file] = google.google.files.values()
    assert connected.get(f"{ai.BASE}{output['id']}/").json["drive_file_id"] == file.id
    form = wishes.get("format", "md")
    assert connected.get(f"{ai.BASE}{output['id']}/download/?format={form}").data == file.content


def test_uploading_twice_at_once_is_one_task_and_one_file(
    connected, google, note, path, in_parallel, do_tasks
):
    upload = lambda: connected.post(path + "upload-to-drive/", json={"format": "md"})  # noqa: E731
    assert len({ai.accepted(answer)["task_id"] for answer in in_parallel([upload] * 8)}) == 1
    do_tasks()
    assert len(google.google.files) == 1


def test_an_upload_that_is_waited_for_answers_with_the_file(connected, crew, google, note, path):
    answer = connected.post(path + "upload-to-drive/", json={"format": "md"}, headers=ai.wait(20))
    [file] = google.google.files.values()
    assert expect.ok(answer, 201)["drive_file_id"] == file.id


@pytest.mark.parametrize("body", [{}, {"format": "exe"}, {"format": 1}, {"format": "md", "name": "x"}])
def test_a_wish_that_cannot_be_is_refused(connected, path, body):
    expect.problem(connected.post(path + "upload-to-drive/", json=body), 422)


def test_a_strangers_note_or_output_is_not_there(connected, bob, google, note, path, do_tasks):
    scene.connect(bob, google)
    output = ai.output(connected, do_tasks)
    for place in (path + "upload-to-drive/", output["actions"]["upload_to_drive"]):
        expect.problem(bob.post(place, json={"format": "md"}), 404)


def test_without_a_connection_there_is_nothing_to_do(alice, google, note, path):
    expect.problem(
        alice.post(path + "upload-to-drive/", json={"format": "md"}), 409, code="drive_not_connected"
    )
    answer = alice.post("/api/drive/import/", json={"file_id": "abc"})
    expect.problem(answer, 409, code="drive_not_connected")


def test_a_note_that_is_deleted_meanwhile_is_not_uploaded(connected, google, note, path, do_tasks):
    task_id = scene.upload_note(connected, note["id"])
    connected.delete(path)
    do_tasks()
    assert connected.get(f"/api/tasks/{task_id}/").json["error"]["code"] == "source_gone"
    assert google.google.files == {}


@pytest.mark.parametrize("file_id", ["", "a/b", "..", "a" * 121, "a b", "é", 7, None])
def test_a_file_id_that_cannot_be_is_refused(connected, file_id):
    expect.invalid(connected.post("/api/drive/import/", json={"file_id": file_id}), "file_id")


def test_readiness_tells_of_drive(connected, google, note, do_tasks):
    assert expect.ok(connected.get("/readyz"))["parts"]["drive"] == "ok"
    google.always("ids", Status(503))
    scene.upload_note(connected, note["id"])
    do_tasks()
    ready = expect.ok(connected.get("/readyz"))
    assert (ready["status"], ready["parts"]["drive"]) == ("degraded", "unavailable")
    google.always("ids", None)
    tasks.make_due(connected.app)
    do_tasks()
    assert expect.ok(connected.get("/readyz"))["parts"]["drive"] == "ok"
