"""Uploads as they arrive: small ones are read at once, large ones are kept in the database and read by a task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from noteassist import db
from noteassist.errors import NotFound, ServerBusy
from noteassist.security.actors import Actor
from noteassist.services import files
from noteassist.services.imports.importing import Reading, read_upload
from noteassist.services.imports.kinds import is_pdf
from noteassist.services.imports.taking import take_in
from noteassist.services.tasks.creation import create
from noteassist.services.tasks.failures import Fail
from noteassist.services.tasks.lifecycle import Claimed
from noteassist.services.tasks.runs import Outcome, TaskRun
from noteassist.services.versions import begin_write

__all__ = ["Received", "give_up", "import_upload", "receive", "request_import", "take_in"]

LARGEST_DIRECT = 2 * 1024 * 1024
"""What is larger, in bytes, is imported by a task."""
LARGEST_DIRECT_PDF = 256 * 1024
"""The same for PDF files, which take longest to read: up to some 50 ms a page."""
MOST_DIRECT_NOTES, MOST_DIRECT_TOPICS = 100, 1_000
"""More notes or topics than these are made by a task, too: no other request of this user, or on SQLite of anybody,
waits long for them."""
KEPT_SECONDS = 24 * 3600
"""An upload is kept so long, in seconds, for a worker to come to it."""


@dataclass(frozen=True)
class Received:
    """An upload: what it says, or where it is kept."""

    name: str
    reading: Reading | None = None
    file_id: int = 0


def receive(actor: Actor, name: str, media_type: str, content: bytes, *, is_dry_run: bool) -> Received:
    """Read an upload, or keep one that is large for a task, outside of any transaction.

    What is only looked at is always read. Raises ImportRefused, ServerBusy, StorageFull.
    """
    largest = LARGEST_DIRECT_PDF if is_pdf(content) else LARGEST_DIRECT
    if is_dry_run or len(content) <= largest:
        reading = read_upload(name, content)
        if is_dry_run or (len(reading.drafts) <= MOST_DIRECT_NOTES and reading.topics <= MOST_DIRECT_TOPICS):
            return Received(name, reading)
    file_id = files.keep_file(actor.user_id, "upload", name, media_type, [content], KEPT_SECONDS)
    return Received(name, file_id=file_id)


def request_import(actor: Actor, received: Received) -> str:
    """Have an upload that is kept imported by a task; gives the task's id."""
    begin_write(actor.user_id)
    args = {"file_id": received.file_id, "name": received.name}
    task_id = create("import", args, user_id=actor.user_id)
    if task_id is None:
        raise ServerBusy
    return task_id


def import_upload(run: TaskRun) -> Outcome:
    """Import an upload that is kept; raises Fail, TryLater, LostLease."""
    user_id, file_id = run.task.user_id or 0, run.task.args["file_id"]
    run.progress(5, "The file is being read.")
    try:
        _, pieces = files.open_file(user_id, file_id, "upload")
        content = b"".join(pieces)
    except (NotFound, files.FileGone) as error:
        raise Fail("upload_gone", "The file is not there any more; upload it again.") from error
    outcome = take_in(run, run.task.args["name"], content)

    def effect(followers: Sequence[db.AnyRow]) -> None:
        outcome.effect(followers)
        files.delete_file(user_id, file_id)

    return replace(outcome, effect=effect)


def give_up(task: Claimed) -> None:
    """Let go of an upload that cannot be imported, in the transaction that says so."""
    files.delete_file(task.user_id or 0, task.args["file_id"])
