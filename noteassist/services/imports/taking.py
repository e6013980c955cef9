"""A file whose notes are made by a task: a few at a time, and all of them seen at once.

While they are made they lie in the trash: nobody waits long for the database, and nobody sees half an import. What an
attempt has made is written into the task with it, so that the next attempt goes on from there.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import update

from noteassist import db
from noteassist.errors import ImportRefused, ServerBusy
from noteassist.models import Note, Task
from noteassist.services.imports.drafts import clean_line
from noteassist.services.imports.importing import Reading, insert_notes, read_upload, topics_of
from noteassist.services.notifications import notify
from noteassist.services.tasks.failures import Fail, LostLease, TryLater
from noteassist.services.tasks.lifecycle import Claimed
from noteassist.services.tasks.runs import Outcome, TaskRun
from noteassist.services.versions import begin_write

READ_SECONDS, WAIT_SECONDS = 60.0, 20.0
NOTES_AT_ONCE, TOPICS_AT_ONCE = 25, 250


def take_in(run: TaskRun, name: str, content: bytes) -> Outcome:
    """Make the notes of a file for a task; the outcome shows them. Raises Fail, TryLater, LostLease."""
    try:
        reading = read_upload(name, content, seconds=READ_SECONDS, wait_seconds=WAIT_SECONDS)
    except ImportRefused as error:
        raise Fail(error.code, error.detail) from error
    except ServerBusy as error:
        raise TryLater(error.code, error.detail, delay=5.0, counts=False) from error
    digest = hashlib.sha256(content).hexdigest()
    made: list[int] = list(run.task.args.get("made", ())) if run.task.args.get("digest") == digest else []
    for group in _groups(reading.drafts[len(made) :]):
        run.progress(10 + 80 * len(made) // len(reading.drafts), f"{len(made):,} notes are made.")
        made = db.in_transaction(partial(_make_more, run.task, name, digest, made, group))
    return Outcome(effect=lambda _: _show(run.task, name, reading, made))


def _groups(drafts: Sequence[Any]) -> Iterator[list[Any]]:
    """Cut drafts into groups, each of which is made in well under a second."""
    group: list[Any] = []
    topics = 0
    for draft in drafts:
        size = topics_of(draft)
        if group and (len(group) == NOTES_AT_ONCE or topics + size > TOPICS_AT_ONCE):
            yield group
            group, topics = [], 0
        group.append(draft)
        topics += size
    if group:
        yield group


def _make_more(task: Claimed, name: str, digest: str, made: list[int], group: list[Any]) -> list[int]:
    """Make the next notes, in the trash, and note that they are made; raises LostLease."""
    user_id = task.user_id or 0
    begin_write(user_id)
    created = insert_notes(user_id, name, Reading(group, ()))["created"]
    own = (Note.user_id == user_id) & Note.id.in_(db.each_of(created))
    db.execute(update(Note).where(own).values(deleted_at=db.utcnow()))
    known = dict(task.args) | {"digest": digest, "made": [*made, *created]}
    held = (Task.id == task.id) & (Task.attempt == task.attempt) & (Task.status == "running")
    if db.execute(update(Task).where(held).values(args=known)).rowcount == 0:
        raise LostLease
    return [*made, *created]


def _show(task: Claimed, name: str, reading: Reading, made: list[int]) -> None:
    """Take the notes out of the trash and say so, in the transaction that ends the task."""
    user_id = task.user_id or 0
    own = (Note.user_id == user_id) & Note.id.in_(db.each_of(made))
    shown = {row.id for row in db.execute(update(Note).where(own).values(deleted_at=None).returning(Note.id))}
    result = {"created": [note_id for note_id in made if note_id in shown], "skipped": list(reading.skipped)}
    done = {**task.args, "made": []}
    db.execute(update(Task).where(Task.id == task.id).values(result=result, args=done))
    left_out = f" {len(reading.skipped):,} things were left out or changed." if reading.skipped else ""
    message = f"{len(shown):,} notes were made of “{clean_line(name)[-100:]}”.{left_out}"
    notify(user_id, "success", "Your import is ready", message, task.id)
