"""Files that the server keeps for a while, in the database, so that every machine has them.

A file is written and read in pieces: neither memory nor a transaction grows with it. Nobody sees one that is not whole.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Literal

from sqlalchemy import ColumnElement, bindparam, delete, exc, func, insert, select, update

from noteassist import db
from noteassist.errors import FileTooLarge, NotFound, StorageFull
from noteassist.models import FileChunk, StoredFile, User
from noteassist.models.files import CHUNK_BYTES
from noteassist.models.tasks import TaskId
from noteassist.services.versions import begin_write

log = logging.getLogger(__name__)

LARGEST_FILE = 1024**3
"""The largest file that is kept, in bytes."""
LARGEST_TOTAL = 2 * 1024**3
"""How much is kept for one user, in bytes; files that are being written at once may each exceed it by a group."""
CHUNKS_A_GROUP = 8
"""So many pieces (2 MiB) are written by one transaction."""
GRACE = timedelta(hours=1)
"""A file that has expired is deleted so much later: who began to read it in time can finish. One that nobody goes on
writing is deleted then, too."""

LONGEST_NAME = 255
# Until when a file is kept that was given up.
DISCARDED = datetime(1970, 1, 1, tzinfo=UTC)

Purpose = Literal["export", "upload"]


class FileGone(Exception):
    """The file went away while it was written or read: its account was closed, or another attempt writes it anew."""


@dataclass(frozen=True)
class FileDetails:
    """What is known of a file without its content; `size` in bytes."""

    id: int
    purpose: str
    name: str
    media_type: str
    size: int
    sha256: bytes
    created_at: datetime
    expires_at: datetime


_COLUMNS = (
    StoredFile.id,
    StoredFile.purpose,
    StoredFile.name,
    StoredFile.media_type,
    StoredFile.size,
    StoredFile.sha256,
    StoredFile.created_at,
    StoredFile.expires_at,
)
_OWN = (StoredFile.user_id == bindparam("owner")) & (StoredFile.id == bindparam("file"))
_IS_THERE = StoredFile.sha256.is_not(None) & (
    StoredFile.expires_at > bindparam("now", type_=StoredFile.expires_at.type)
)
_ONE = select(*_COLUMNS).where(_OWN, _IS_THERE)
_OF_TASK = select(*_COLUMNS).where(
    StoredFile.user_id == bindparam("owner"),
    StoredFile.task_id == bindparam("task", type_=TaskId),
    _IS_THERE,
)
_TOTAL = select(func.coalesce(func.sum(StoredFile.size), 0)).where(StoredFile.user_id == bindparam("owner"))
_CHUNK = select(FileChunk.content).where(
    FileChunk.user_id == bindparam("owner"),
    FileChunk.file_id == bindparam("file"),
    FileChunk.number == bindparam("number"),
)


def keep_file(
    user_id: int,
    purpose: Purpose,
    name: str,
    media_type: str,
    chunks: Iterable[bytes],
    seconds: int,
    *,
    task_id: str | None = None,
) -> int:
    """Keep a file for so many seconds; gives its id. Must not be called inside a transaction.

    `chunks` are its bytes, in pieces of any length; `media_type` is given back as it is. With a `task_id` the file is
    that task's only one: what an earlier attempt left half-written goes; one that it finished stays, and is given
    without looking at `chunks`. Raises FileTooLarge, StorageFull, FileGone; nothing is left of the file then, or of one
    whose `chunks` raise.
    """
    file_id, is_whole = _begin(user_id, purpose, name, media_type, task_id)
    if is_whole:
        return file_id
    try:
        digest = _write(user_id, file_id, chunks)
        _finish(user_id, file_id, digest, timedelta(seconds=seconds), task_id)
    except BaseException:
        _drop(user_id, file_id)
        raise
    return file_id


def _begin(
    user_id: int, purpose: Purpose, name: str, media_type: str, task_id: str | None
) -> tuple[int, bool]:
    """Make an empty file, or find the one that the task has finished; gives its id, and whether it is whole."""
    now = db.utcnow()
    values = {"user_id": user_id, "task_id": task_id, "purpose": purpose, "media_type": media_type}
    moments = {"created_at": now, "expires_at": now}
    with db.transaction():
        if task_id is not None:
            db.exclusive(_lock(task_id))
            if (finished := find_file_of_task(user_id, task_id)) is not None:
                return finished.id, True
            _discard((StoredFile.user_id == user_id) & (StoredFile.task_id == task_id))
        row = insert(StoredFile).values(**values, **moments, name=name.replace("\0", "")[:LONGEST_NAME])
        return int(db.execute(row.returning(StoredFile.id)).scalar_one()), False


def _lock(task_id: str) -> str:
    """Name what attempts at the same task must not do at once."""
    return f"file of task {task_id}"


def _write(user_id: int, file_id: int, chunks: Iterable[bytes]) -> bytes:
    """Write everything; gives its SHA-256."""
    digest, size = hashlib.sha256(), 0
    for first, group in zip(count(step=CHUNKS_A_GROUP), _groups(chunks), strict=False):
        size += sum(map(len, group))
        if size > LARGEST_FILE:
            raise FileTooLarge
        _append(user_id, file_id, first, group)
        for chunk in group:
            digest.update(chunk)
    return digest.digest()


def _groups(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Cut bytes into pieces of CHUNK_BYTES, and give those that one transaction writes."""
    waiting = bytearray()
    whole = CHUNK_BYTES * CHUNKS_A_GROUP
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            taken = rest[: whole - len(waiting)]
            waiting += taken
            rest = rest[len(taken) :]
            if len(waiting) == whole:
                yield _cut(waiting)
                waiting.clear()
    if waiting:
        yield _cut(waiting)


def _cut(content: bytearray) -> list[bytes]:
    return [bytes(content[start : start + CHUNK_BYTES]) for start in range(0, len(content), CHUNK_BYTES)]


def _append(user_id: int, file_id: int, first: int, group: Sequence[bytes]) -> None:
    """Write the next pieces; raises FileGone, StorageFull."""
    added = sum(map(len, group))
    changes = {"size": StoredFile.size + added, "expires_at": db.utcnow()}
    with db.transaction():
        _change_unfinished(user_id, file_id, changes)
        if db.execute(_TOTAL, {"owner": user_id}).scalar_one() > LARGEST_TOTAL:
            raise StorageFull
        place = {"user_id": user_id, "file_id": file_id}
        rows = [place | {"number": number, "content": chunk} for number, chunk in enumerate(group, first)]
        db.execute(insert(FileChunk), rows)


def _finish(user_id: int, file_id: int, digest: bytes, kept: timedelta, task_id: str | None) -> None:
    with db.transaction():
        if task_id is not None:
            db.exclusive(_lock(task_id))
        begin_write(user_id)
        _change_unfinished(user_id, file_id, {"sha256": digest, "expires_at": db.utcnow() + kept})


def _change_unfinished(user_id: int, file_id: int, values: dict[str, Any]) -> None:
    is_going_on = StoredFile.sha256.is_(None) & (StoredFile.expires_at > DISCARDED)
    own = (StoredFile.user_id == user_id) & (StoredFile.id == file_id) & is_going_on
    if db.execute(update(StoredFile).where(own).values(**values)).rowcount == 0:
        raise FileGone


def _discard(chosen: ColumnElement[bool]) -> bool:
    """Give files up, in the open transaction: nobody sees them or writes to them any more. Says if there were any."""
    given_up = update(StoredFile).where(chosen).values(expires_at=DISCARDED, task_id=None)
    return db.execute(given_up).rowcount > 0


def _drop(user_id: int, file_id: int) -> None:
    """Delete what was written of a file; where the database is away, it is swept later."""
    own = (StoredFile.user_id == user_id) & (StoredFile.id == file_id)
    try:
        with db.transaction():
            _discard(own)
        _erase(user_id, file_id)
    except exc.SQLAlchemyError as error:
        log.warning("file %s: what was written of it is deleted later: %s", file_id, type(error).__name__)


def _erase(user_id: int, file_id: int) -> None:
    """Delete a file that was given up, some pieces a transaction: a large one takes long."""
    own = (FileChunk.user_id == user_id) & (FileChunk.file_id == file_id)
    some = select(FileChunk.number).where(own).limit(CHUNKS_A_GROUP)
    is_left = True
    while is_left:
        with db.transaction():
            is_left = db.execute(delete(FileChunk).where(own, FileChunk.number.in_(some))).rowcount > 0
    with db.transaction():
        db.execute(delete(StoredFile).where(StoredFile.user_id == user_id, StoredFile.id == file_id))


def find_file_of_task(user_id: int, task_id: str) -> FileDetails | None:
    """Find the file that a task made; None while there is none."""
    found = db.row(_OF_TASK, {"owner": user_id, "task": task_id, "now": db.utcnow()})
    return None if found is None else FileDetails(*found)


def get_file(user_id: int, file_id: int, purpose: Purpose) -> FileDetails:
    """Tell of one of a user's files; raises NotFound."""
    found = db.row(_ONE, {"owner": user_id, "file": file_id, "now": db.utcnow()})
    if found is None or found.purpose != purpose:
        raise NotFound
    return FileDetails(*found)


def open_file(user_id: int, file_id: int, purpose: Purpose) -> tuple[FileDetails, Iterator[bytes]]:
    """Give one of a user's files and its bytes, piece by piece; raises NotFound.

    Each piece is read when it is asked for, outside of any transaction, and no connection is held in between. Raises
    FileGone where one is not there any more.
    """
    details = get_file(user_id, file_id, purpose)
    return details, _pieces(user_id, details)


def _pieces(user_id: int, details: FileDetails) -> Iterator[bytes]:
    for number in range(-(-details.size // CHUNK_BYTES)):
        found = db.read_rows(_CHUNK, {"owner": user_id, "file": details.id, "number": number})
        if not found:
            raise FileGone
        yield found[0].content


def delete_file(user_id: int, file_id: int) -> None:
    """Delete one of a user's files, in the open transaction; one that is gone already is no matter."""
    begin_write(user_id)
    _discard((StoredFile.user_id == user_id) & (StoredFile.id == file_id))


def erase_files_of_closed(user_id: int) -> None:
    """Delete all files of a closed account; an open one is left alone. Not inside a transaction."""
    closed = select(User.id).where(User.id == user_id, User.closed_at.is_not(None))
    own = StoredFile.user_id.in_(closed)
    with db.transaction():
        _discard(own)
    for row in db.read_rows(select(StoredFile.id).where(own)):
        _erase(user_id, row.id)


def sweep_files() -> int:
    """Delete files whose time is over, or that nobody goes on writing; gives their number. Not inside a transaction."""
    now = db.utcnow()
    is_over = (StoredFile.expires_at == DISCARDED) | (StoredFile.expires_at < now - GRACE)
    expired = db.read_rows(select(StoredFile.user_id, StoredFile.id).where(is_over))
    for user_id, file_id in expired:
        with db.transaction():
            is_given_up = _discard((StoredFile.user_id == user_id) & (StoredFile.id == file_id) & is_over)
        if is_given_up:
            _erase(user_id, file_id)
    return len(expired)
