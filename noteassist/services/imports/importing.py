"""Importing: an upload is read in a child process, and what it says becomes notes in one transaction."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from noteassist import children, db
from noteassist.errors import ImportRefused
from noteassist.models import Note
from noteassist.security.actors import Actor
from noteassist.services.imports.drafts import clean_line
from noteassist.services.imports.packing import packed
from noteassist.services.notes import insert_note
from noteassist.services.versions import begin_write

log = logging.getLogger(__name__)

# A request has its answer within five seconds: so long for a child to be free, a second for a new one to start, and
# so long for its work.
WAIT_SECONDS, READ_SECONDS = 0.7, 3.0


@dataclass(frozen=True)
class Reading:
    """What an upload says: bodies of notes, and what is left out of them, with the reason."""

    drafts: Sequence[Mapping[str, Any]]
    skipped: Sequence[Mapping[str, str]]

    @property
    def topics(self) -> int:
        """Count the topics of all notes."""
        return sum(map(topics_of, self.drafts))


def topics_of(draft: Mapping[str, Any]) -> int:
    """Count the topics of a draft."""
    return sum(len(chapter["topics"]) for chapter in draft["chapters"])


def read_upload(
    name: str, content: bytes, *, seconds: float = READ_SECONDS, wait_seconds: float = WAIT_SECONDS
) -> Reading:
    """Find out what an upload says, outside of any transaction; raises ImportRefused, ServerBusy."""
    payload = packed(name, content)
    try:
        answer = children.call("import", payload, seconds=seconds, wait_seconds=wait_seconds)
    except children.Refused as error:
        code = error.code if error.code.startswith("import_") else ImportRefused.code
        raise ImportRefused(error.detail, code=code) from error
    except children.ChildTimedOut as error:
        raise _too_much("Reading this file takes too long; import it in parts.") from error
    except children.ChildOutOfMemory as error:
        raise _too_much("Reading this file takes too much memory; import it in parts.") from error
    except children.ChildFailed as error:
        log.warning("an import broke off: %s", error)
        raise ImportRefused("This file is damaged, or made in a way that is not read.") from error
    found = orjson.loads(answer)
    return Reading(found["drafts"], found["skipped"])


def _too_much(detail: str) -> ImportRefused:
    return ImportRefused(detail, code="import_too_large")


def preview(reading: Reading) -> dict[str, Any]:
    """Say what would be made."""
    would_create = [
        {
            "title": draft["title"],
            "chapters": len(draft["chapters"]),
            "topics": topics_of(draft),
        }
        for draft in reading.drafts
    ]
    return {"would_create": would_create, "skipped": list(reading.skipped)}


def create_notes(actor: Actor, file: str, reading: Reading) -> dict[str, Any]:
    """Make all notes of an upload, within the open transaction; gives their ids and what was left out."""
    begin_write(actor.user_id)
    return insert_notes(actor.user_id, file, reading)


def insert_notes(user_id: int, file: str, reading: Reading) -> dict[str, Any]:
    """Insert all notes of an upload into an open write, each with its first revision."""
    summary = f"Imported from {clean_line(file)[-300:]}"
    created = []
    dated = []
    for draft in reading.drafts:
        fields = {name: draft[name] for name in ("title", "tags", "status", "chapters")}
        note_id = insert_note(user_id, **fields, origin="import", summary=summary)
        created.append(note_id)
        dated += _dates(note_id, draft)
    db.update_rows(Note, user_id, dated)
    return {"created": created, "skipped": list(reading.skipped)}


def _dates(note_id: int, draft: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the times that a note had where it comes from; none where it says none."""
    created, updated = _time(draft.get("created_at")), _time(draft.get("updated_at"))
    first = created or updated
    if first is None:
        return []
    return [{"id": note_id, "created_at": first, "updated_at": max(updated or first, first)}]


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
