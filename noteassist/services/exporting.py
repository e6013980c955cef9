"""Exports of many notes: a task makes the file, and the server keeps it for a day."""

import errno
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO

from sqlalchemy import bindparam, exc, func, select

from noteassist import db
from noteassist.errors import AppError, Conflict, ServerBusy, Unprocessable
from noteassist.models import Note, Task
from noteassist.security.actors import Actor
from noteassist.services import files, note_trees
from noteassist.services.exports.formats import FORMATS, export_many, name_of_many
from noteassist.services.exports.times import shown_time
from noteassist.services.files import FileDetails, FileGone
from noteassist.services.note_trees import Tree
from noteassist.services.notifications import notify
from noteassist.services.tasks.creation import create
from noteassist.services.tasks.ending import NAMES, UNDER_WAY
from noteassist.services.tasks.failures import Fail, TryLater
from noteassist.services.tasks.runs import Outcome, TaskRun

FORMAT_NAMES = tuple(FORMATS)
KEPT_SECONDS = 24 * 3600
"""So long an export can be downloaded, from the moment when it is ready."""
MOST_IDS = 10_000
"""So many notes can be chosen for one export; without a choice there is no bound."""
MOST_UNDER_WAY = 5
"""So many exports of one user may be queued or running."""
MOST_REFUSED = 20
"""A refusal names so many of the ids that are not the caller's."""
IDS_A_BATCH = 200
BLOCK = 1024 * 1024
WRITTEN_PERCENT = 90
PROGRESS_SECONDS = 0.5
BUSY_SECONDS = 5.0

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_MINE = (Note.user_id == bindparam("owner")) & Note.deleted_at.is_(None)
_COUNT = select(func.count()).where(_MINE)
_UNDER_WAY = select(func.count()).where(
    Task.user_id == bindparam("owner"), Task.kind == "export", Task.status.in_(UNDER_WAY)
)
_NEXT = select(Note.id).where(_MINE, Note.id > bindparam("after")).order_by(Note.id).limit(IDS_A_BATCH)


def ask_for_export(actor: Actor, form: str, ids: Sequence[int] | None) -> str:
    """Have notes of mine exported, all of them without `ids`; gives the task.

    Raises Unprocessable where one of the chosen notes is not mine or in the trash: a file that lacks something is worse
    than none. Raises Conflict (`too_many_exports`) where enough of mine are under way.
    """
    if db.rows(_UNDER_WAY, {"owner": actor.user_id})[0][0] >= MOST_UNDER_WAY:
        raise Conflict(
            f"{MOST_UNDER_WAY} of your exports are under way; wait for one.", code="too_many_exports"
        )
    wanted = None if ids is None else list(dict.fromkeys(ids))
    if wanted is not None:
        _require_mine(actor, wanted)
    task_id = create("export", {"format": form, "ids": wanted}, user_id=actor.user_id)
    if task_id is None:
        raise ServerBusy
    return task_id


def _require_mine(actor: Actor, ids: Sequence[int]) -> None:
    chosen = select(Note.id).where(_MINE, Note.id.in_(db.each_of(ids)))
    found = {row.id for row in db.rows(chosen, {"owner": actor.user_id})}
    missing = [(place, note_id) for place, note_id in enumerate(ids) if note_id not in found]
    if missing:
        messages = {str(place): [f"You have no note {note_id}."] for place, note_id in missing[:MOST_REFUSED]}
        raise Unprocessable(errors={"json": {"ids": messages}})


def export(run: TaskRun) -> Outcome:
    """Make the file of a task, unless an earlier attempt has; raises Fail, TryLater, LostLease."""
    user_id = run.task.user_id or 0
    kept = files.find_file_of_task(user_id, run.task.id)
    if kept is None:
        try:
            kept = _make(run, user_id)
        except ServerBusy as error:
            busy = "Other exports are being made; this one follows."
            raise TryLater(error.code, busy, delay=BUSY_SECONDS, counts=False) from error
        except AppError as error:
            raise Fail(error.code, error.detail) from error
        except FileGone as error:
            raise TryLater("export_interrupted", "Another attempt makes this export.") from error
        except (OSError, sqlite3.OperationalError, exc.SQLAlchemyError) as error:
            if not _is_out_of_room(error):
                raise
            raise TryLater("disk_full", "The server has no room for this file just now.") from error
    return Outcome(effect=partial(_tell, run, kept), result=present_export(kept))


def _tell(run: TaskRun, kept: FileDetails, _followers: object) -> None:
    notify(run.task.user_id or 0, "success", f"{NAMES['export']} is ready", kept.name, run.task.id)


def _make(run: TaskRun, user_id: int) -> FileDetails:
    form, ids = run.task.args["format"], run.task.args["ids"]
    total = db.rows(_COUNT, {"owner": user_id})[0][0] if ids is None else len(ids)
    # It has no name, so nothing is left of it however this process ends.
    with tempfile.TemporaryFile(prefix="noteassist-") as out:
        export_many(_details(run, user_id, ids), form, out, _Progress(run, total))
        return _keep(run, user_id, form, out)


def _keep(run: TaskRun, user_id: int, form: str, out: BinaryIO) -> FileDetails:
    size = out.seek(0, 2)
    if size > files.LARGEST_FILE:
        raise Fail("file_too_large", "This export is larger than 1 GiB; export fewer notes at a time.")
    out.seek(0)
    run.progress(WRITTEN_PERCENT, "The file is being stored.")
    name, media_type = name_of_many(form, db.utcnow()), FORMATS[form].media_type_of_many
    file_id = files.keep_file(
        user_id, "export", name, media_type, _blocks(run, out), KEPT_SECONDS, task_id=run.task.id
    )
    return files.get_file(user_id, file_id, "export")


def _blocks(run: TaskRun, out: BinaryIO) -> Iterator[bytes]:
    while block := out.read(BLOCK):
        run.require_lease()
        yield block


def _details(run: TaskRun, user_id: int, ids: Sequence[int] | None) -> Iterator[Tree]:
    """Read the notes one by one; raises Fail where a chosen one is gone, LostLease."""
    for note_id in _all_ids(user_id) if ids is None else ids:
        run.require_lease()
        detail = note_trees.read_tree(user_id, note_id)
        if detail is not None:
            yield detail
        elif ids is not None:
            raise Fail("note_gone", f"Note {note_id} has been deleted meanwhile; choose anew.")


def _all_ids(user_id: int) -> Iterator[int]:
    """Give the ids of all notes, the oldest first; what comes in meanwhile may be among them."""
    after = 0
    while found := db.rows(_NEXT, {"owner": user_id, "after": after}):
        yield from (row.id for row in found)
        after = found[-1].id


class _Progress:
    """Tells how many notes are done, not more often than anybody can read it."""

    def __init__(self, run: TaskRun, total: int) -> None:
        self.run, self.total = run, max(1, total)
        self.told_at = 0.0

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self.told_at >= PROGRESS_SECONDS:
            self.told_at = now
            percent = min(WRITTEN_PERCENT, done * WRITTEN_PERCENT // self.total)
            self.run.progress(percent, f"{min(done, self.total):,} of {self.total:,} notes are done.")


def _is_out_of_room(error: Exception) -> bool:
    """Say whether there is no room: on the disk for temporary files, in the rights of the process, in the database."""
    return error.errno in NO_ROOM if isinstance(error, OSError) else db.is_out_of_room(error)


def present_export(kept: FileDetails) -> dict[str, Any]:
    """Show where an export is, and for how long."""
    return {
        "download_url": f"/api/notes/exports/{kept.id}/",
        "expires_at": shown_time(kept.expires_at),
        "name": kept.name,
        "size": kept.size,
    }


def open_export(actor: Actor, file_id: int) -> tuple[FileDetails, Iterator[bytes]]:
    """Give one of my exports, and its bytes piece by piece; raises NotFound where there is none, or none any more."""
    return files.open_file(actor.user_id, file_id, "export")
