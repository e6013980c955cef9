"""Importing a file that its user picked in Google Drive."""

from collections.abc import Mapping
from typing import Any

from noteassist.config import Settings
from noteassist.security.actors import Actor
from noteassist.services.drive import connections, endpoints
from noteassist.services.drive.calls import Answer, Json, md5_of
from noteassist.services.drive.drive import Drive, drive_of
from noteassist.services.drive.trouble import GoogleAway, GoogleRefused, NotThere
from noteassist.services.drive.uploads import make_once
from noteassist.services.imports import receiving
from noteassist.services.tasks.runs import Outcome, TaskRun

LARGEST = 25 * 1024 * 1024
PIECE = 4 * 1024 * 1024
PARTIAL_CONTENT = 206
# Google's own documents have no bytes; these are exported as what we read. Drive exports at most 10 MB.
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXPORTED: Mapping[str, tuple[str, str]] = {"application/vnd.google-apps.document": (WORD, ".docx")}
# Files in Drive need no ending in their names.
ENDINGS: Mapping[str, str] = {
    "text/markdown": ".md",
    "text/plain": ".md",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    WORD: ".docx",
}
GOOGLES_OWN = "application/vnd.google-apps."
TOO_LARGE = "drive_file_too_large", "The file is larger than 25 MiB."


def ask_for_import(settings: Settings, actor: Actor, file_id: str) -> str:
    """Have a file of my Drive imported; gives the task, the one under way if there is one.

    Raises DriveNotConfigured, DriveNotConnected.
    """
    connections.require_configured(settings)
    connections.require_connected(actor)
    key = f"drive-import:{actor.user_id}:{md5_of(file_id.encode())}"
    return make_once(actor, "drive_import", {"file_id": file_id}, key)


def import_file(run: TaskRun) -> Outcome:
    """Download the file and hand it to the importer; raises TryLater, Fail, LostLease."""
    with drive_of(run) as drive:
        about = drive.file(run.task.args["file_id"])
        if about is None:
            raise NotThere
        run.progress(5, "The file is being downloaded.")
        name, media_type, content = _downloaded(run, drive, about)
    run.progress(90, "The file is being read.")
    return take_in(run, name, media_type, content)


def take_in(run: TaskRun, name: str, media_type: str, content: bytes) -> Outcome:
    """Hand a file to the importer, which goes by its name; its notes are made when the task ends.

    Raises Fail, TryLater.
    """
    has_ending = "." in name[-6:].lstrip(".")
    return receiving.take_in(run, name if has_ending else f"{name}{ENDINGS.get(media_type, '')}", content)


def _downloaded(run: TaskRun, drive: Drive, about: Json) -> tuple[str, str, bytes]:
    """Give name, media type and bytes of a file; raises GoogleRefused for what has no bytes or too many."""
    name, media_type = str(about.get("name") or "file"), str(about.get("mimeType") or "")
    address = endpoints.file_at(drive.settings, str(about["id"]))
    if media_type in EXPORTED:
        exported, ending = EXPORTED[media_type]
        answer = drive.call("GET", f"{address}/export?mimeType={exported}", largest=LARGEST)
        return f"{name}{ending}", exported, answer.body
    if media_type.startswith(GOOGLES_OWN):
        raise GoogleRefused("Files of this kind cannot be imported.", code="drive_file_unsupported")
    size = _size(about)
    content = bytearray()
    while len(content) < size:
        answer = _piece(drive, address, len(content), size)
        content += answer.body
        run.progress(5 + 80 * len(content) // size, f"{len(content):,} of {size:,} bytes are here.")
    if len(content) != size or md5_of(content) != about.get("md5Checksum"):
        raise GoogleAway("The file did not arrive as it is.")
    return name, media_type, bytes(content)


def _size(about: Json) -> int:
    try:
        size = int(about["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise GoogleAway("Google's answer cannot be read.") from error
    if size > LARGEST:
        code, detail = TOO_LARGE
        raise GoogleRefused(detail, code=code)
    return size


def _piece(drive: Drive, address: str, offset: int, size: int) -> Answer:
    """Get the next bytes of a file; raises GoogleAway where they are not these."""
    last = min(offset + PIECE, size) - 1
    headers: dict[str, Any] = {"Range": f"bytes={offset}-{last}"}
    answer = drive.call("GET", f"{address}?alt=media", headers=headers, largest=LARGEST)
    is_asked_for = answer.status == PARTIAL_CONTENT or (offset == 0 and len(answer.body) == size)
    if not is_asked_for or not answer.body:
        raise GoogleAway("The file did not arrive as it is.")
    return answer
