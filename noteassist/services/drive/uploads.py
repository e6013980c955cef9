"""Uploads: asked for, and what is kept of one so that another worker can go on with it."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import bindparam, delete, insert, select, update

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import ServerBusy
from noteassist.models import AiOutput, DriveUpload, Note, Task
from noteassist.models.tasks import TaskId
from noteassist.security import encryption
from noteassist.security.actors import Actor
from noteassist.security.encryption import UnreadableSecret
from noteassist.services.ai.outputs import get_output
from noteassist.services.drive import connections
from noteassist.services.notes import get_note
from noteassist.services.notifications import notify
from noteassist.services.tasks.creation import create
from noteassist.services.tasks.ending import UNDER_WAY
from noteassist.services.tasks.failures import LostLease
from noteassist.services.tasks.runs import TaskRun
from noteassist.services.versions import begin_write

Source = Literal["note", "output"]
TRIES = 3

_UNDER_WAY = select(Task.id).where(
    Task.user_id == bindparam("owner"),
    Task.dedupe_key == bindparam("key"),
    Task.status.in_(UNDER_WAY),
)
_STATE = select(*DriveUpload.__table__.c).where(
    DriveUpload.task_id == bindparam("task", type_=TaskId), DriveUpload.user_id == bindparam("owner")
)
_HELD = select(Task.id).where(
    Task.id == bindparam("held_task", type_=TaskId),
    Task.attempt == bindparam("held_attempt"),
    Task.status == "running",
)


def ask_for_upload(settings: Settings, actor: Actor, source: Source, source_id: int, form: str) -> str:
    """Have my note or output uploaded in the given format; gives the task, the one under way if there is one.

    Raises DriveNotConfigured, NotFound, DriveNotConnected.
    """
    connections.require_configured(settings)
    if source == "note":
        get_note(actor, source_id)
    else:
        get_output(actor, source_id)
    connections.require_connected(actor)
    args = {"source": source, "source_id": source_id, "format": form}
    return make_once(actor, "drive_upload", args, f"drive:{actor.user_id}:{source}:{source_id}:{form}")


def make_once(actor: Actor, kind: str, args: dict[str, Any], key: str) -> str:
    """Make a task unless one with this key is under way; gives its id. Raises ServerBusy."""
    begin_write(actor.user_id)
    for _ in range(TRIES):
        if (task_id := create(kind, args, user_id=actor.user_id, dedupe_key=key)) is not None:
            return task_id
        if (found := db.row(_UNDER_WAY, {"owner": actor.user_id, "key": key})) is not None:
            return str(found.id)
        # It ended in this very moment.
    raise ServerBusy


@dataclass(frozen=True)
class UploadState:
    """How far an upload is; `session` is the address of its resumable session, for `size` bytes with this MD5."""

    google_sub: str
    file_id: str
    session: str | None = None
    size: int = 0
    md5: str = ""
    is_replacing: bool = False

    def changed(self, **values: Any) -> "UploadState":
        """Give the state with other values."""
        return replace(self, **values)


def load(run: TaskRun) -> UploadState | None:
    """Read the state of a task's upload; a session whose address cannot be decrypted is left behind."""
    task = run.task
    found = db.row(_STATE, {"task": task.id, "owner": task.user_id})
    if found is None:
        return None
    session = found.session_uri
    if session is not None:
        try:
            session = encryption.decrypt(run.settings.encryption_keys, session, _purpose(run))
        except UnreadableSecret:
            session = None
    return UploadState(found.google_sub, found.file_id, session, found.size, found.md5, found.is_replacing)


def save(run: TaskRun, state: UploadState) -> UploadState:
    """Keep the state, as long as this attempt holds the task; gives it. Raises LostLease."""
    task, keys = run.task, run.settings.encryption_keys
    sealed = None if state.session is None else encryption.encrypt(keys, state.session, _purpose(run))
    values = {
        "google_sub": state.google_sub,
        "file_id": state.file_id,
        "session_uri": sealed,
        "size": state.size,
        "md5": state.md5,
        "is_replacing": state.is_replacing,
    }
    own = (DriveUpload.task_id == task.id) & (DriveUpload.user_id == task.user_id)
    with db.transaction():
        held = db.row(_HELD.with_for_update(read=True), {"held_task": task.id, "held_attempt": task.attempt})
        if held is None:
            raise LostLease
        if not db.execute(update(DriveUpload).where(own).values(**values)).rowcount:
            about = {"source": task.args["source"], "source_id": task.args["source_id"]}
            key = {"task_id": task.id, "user_id": task.user_id, "created_at": db.utcnow()}
            db.execute(insert(DriveUpload).values(**key, **about, **values))
    return state


def _purpose(run: TaskRun) -> str:
    return f"drive session of task {run.task.id}"


def remember(run: TaskRun, file_id: str, name: str) -> None:
    """Note at the note or output which file it is in Drive, and tell, in the transaction that ends the task."""
    task = run.task
    table: type[Note] | type[AiOutput] = Note if task.args["source"] == "note" else AiOutput
    own = (table.user_id == task.user_id) & (table.id == task.args["source_id"])
    db.execute(update(table).where(own).values(drive_file_id=file_id))
    done = (DriveUpload.task_id == task.id) & (DriveUpload.user_id == task.user_id)
    db.execute(delete(DriveUpload).where(done))
    notify(task.user_id or 0, "success", "Your upload to Google Drive is done", name, task.id)
