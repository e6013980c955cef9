"""Files that were picked in Drive become notes."""

import io

import docx
import pytest

from tests.services.drive import scene
from tests.stand_ins.google_faults import CutAfter, CutBefore, CutMiddle, Html, Slow, Status

FAULTS = [
    CutBefore(),
    CutMiddle(),
    CutAfter(),
    Slow(1.6),
    Html(),
    Status(401),
    Status(429),
    Status(500),
    Status(503, retry_after=1),
    Status(403),
    Status(403, "rateLimitExceeded"),
]
TEXT = b"# Cells\n\n## Parts\n\n### Nucleus\n\nIt holds the genes.\n"


def import_file(client, file_id):
    """Have a file imported; gives the task."""
    answer = client.post("/api/drive/import/", json={"file_id": file_id})
    assert answer.status_code == 202, answer.text
    return answer.json["task_id"]


def titles(client):
    """Give the titles of the notes."""
    return [note["title"] for note in client.get("/api/notes/").json["results"]]


@pytest.mark.parametrize("name", ["Cells.md", "Cells", "../../etc/Cells", "Cells\r\nX: y"])
def test_a_picked_file_becomes_a_note(app, connected, google, name):
    file_id = google.google.add_file(name, TEXT)
    ended = scene.work_until_ended(app, import_file(connected, file_id))
    assert ended.status == "succeeded", (ended.error_code, ended.error_detail)
    assert titles(connected) == ["Cells"]
    assert len(ended.result["created"]) == 1


@pytest.mark.parametrize("step", ["metadata", "download"])
def test_whatever_goes_wrong_there_is_one_note(app, connected, google, step):
    for number, fault in enumerate(FAULTS, 1):
        file_id = google.google.add_file("Cells.md", TEXT)
        google.next(step, fault)
        ended = scene.work_until_ended(app, import_file(connected, file_id))
        assert (ended.status, ended.failures) == ("succeeded", 0), (
            fault,
            ended.error_code,
            ended.error_detail,
        )
        assert titles(connected) == ["Cells"] * number, fault


def test_a_document_of_googles_own_is_exported(app, connected, google):
    written = docx.Document()
    written.add_heading("Parts of a cell", 1)
    written.add_paragraph("The nucleus holds the genes.")
    exported = io.BytesIO()
    written.save(exported)
    file_id = google.google.add_file("Cells", exported.getvalue(), "application/vnd.google-apps.document")
    ended = scene.work_until_ended(app, import_file(connected, file_id))
    assert ended.status == "succeeded", (ended.error_code, ended.error_detail)
    assert len(titles(connected)) == 1


@pytest.mark.parametrize(
    "name, content, kind, code",
    [
        ("Sheet", b"", "application/vnd.google-apps.spreadsheet", "drive_file_unsupported"),
        ("big.md", b"x" * (25 * 1024 * 1024 + 1), "text/markdown", "drive_file_too_large"),
        ("program.exe", b"MZ\0\1\xff", "application/octet-stream", None),
        ("empty.md", b"", "text/markdown", None),
        ("broken.zip", b"PK\x03\x04nonsense", "application/zip", None),
    ],
)
def test_what_cannot_be_imported_says_why(app, connected, google, name, content, kind, code):
    file_id = google.google.add_file(name, content, kind)
    ended = scene.work_until_ended(app, import_file(connected, file_id))
    assert ended.status == "failed" and code in {None, ended.error_code}, ended.error_code
    assert ended.error_detail and titles(connected) == []


def test_a_file_that_is_not_there_or_was_not_picked_is_told_so(app, connected, google):
    ended = scene.work_until_ended(app, import_file(connected, "nothing"))
    assert (ended.status, ended.error_code) == ("failed", "drive_file_not_found")


def test_the_same_file_twice_at_once_is_one_task(connected, google, in_parallel):
    file_id = google.google.add_file("Cells.md", TEXT)
    assert len(set(in_parallel([lambda: import_file(connected, file_id)] * 6))) == 1
