"""What AI tools made: shown, listed, deleted, and found again for identical requests."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, select, update

from noteassist import db
from noteassist.errors import NotFound
from noteassist.models import AiOutput, Note, Task, TaskEvent
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor
from noteassist.services.search.indexing import index_outputs
from noteassist.services.versions import begin_write

KEPT = timedelta(days=30)
REUSED = timedelta(hours=24)
ORDER = Order((AiOutput.created_at, AiOutput.id), descending=True)

# A note that has gone to the trash is not where the text was saved to any more.
_note = (
    select(Note.id)
    .where(and_(Note.user_id == AiOutput.user_id, Note.id == AiOutput.note_id), Note.deleted_at.is_(None))
    .correlate(AiOutput)
    .scalar_subquery()
    .label("note_id")
)
OUTPUT_COLUMNS = (
    AiOutput.id,
    AiOutput.tool,
    AiOutput.title,
    AiOutput.content,
    AiOutput.language,
    AiOutput.programming_language,
    AiOutput.provider,
    AiOutput.model,
    AiOutput.cached,
    AiOutput.tokens_used,
    AiOutput.response_time,
    AiOutput.download_count,
    _note,
    AiOutput.topic_id,
    AiOutput.diff,
    AiOutput.drive_file_id,
    AiOutput.created_at,
    AiOutput.expires_at,
)
# One whose time is over is gone, whenever its row is deleted.
NOT_EXPIRED = AiOutput.expires_at.is_(None) | (
    AiOutput.expires_at > bindparam("now", type_=AiOutput.expires_at.type)
)
_ONE = db.Prepared(
    select(*OUTPUT_COLUMNS).where(
        AiOutput.user_id == bindparam("owner"), AiOutput.id == bindparam("output"), NOT_EXPIRED
    )
)
_COPIED = (
    AiOutput.tool,
    AiOutput.title,
    AiOutput.content,
    AiOutput.language,
    AiOutput.programming_language,
    AiOutput.provider,
    AiOutput.model,
)
_REUSABLE = (
    select(*_COPIED)
    .where(
        AiOutput.cache_key == bindparam("cache_key"),
        AiOutput.created_at > bindparam("oldest", type_=AiOutput.created_at.type),
        ~AiOutput.cached,
    )
    .order_by(AiOutput.created_at.desc())
    .limit(1)
)


def present_output(row: db.AnyRow) -> dict[str, Any]:
    """Show an output with what can be done with it."""
    shown = {column.key: getattr(row, column.key) for column in OUTPUT_COLUMNS}
    path = f"/api/ai-tools/{row.id}/"
    actions = {
        name: f"{path}{name.replace('_', '-')}/" for name in ("save_to_note", "download", "upload_to_drive")
    }
    return shown | {"actions": actions}


def get_output(actor: Actor, output_id: int) -> dict[str, Any]:
    """Read one of my outputs; raises NotFound."""
    found = db.row(_ONE, {"owner": actor.user_id, "output": output_id, "now": db.utcnow()})
    if found is None:
        raise NotFound
    return present_output(found)


def list_outputs(actor: Actor, page: PageRequest, *, tool: str | None = None) -> Page:
    """List my outputs, newest first."""
    parameters = {"owner": actor.user_id, "tool": tool, "now": db.utcnow()}
    return fetch_page(_listing, (tool is not None,), ORDER, page, present_output, parameters)


def _listing(has_tool: bool) -> db.AnySelect:
    statement = select(*OUTPUT_COLUMNS, *ORDER.columns)
    statement = statement.where(AiOutput.user_id == bindparam("owner"), NOT_EXPIRED)
    return statement.where(AiOutput.tool == bindparam("tool")) if has_tool else statement


def delete_output(actor: Actor, output_id: int) -> None:
    """Delete one of my outputs, and what its task told of it; that it was made stays counted. Raises NotFound."""
    begin_write(actor.user_id)
    own = (AiOutput.user_id == actor.user_id) & (AiOutput.id == output_id)
    found = db.execute(delete(AiOutput).where(own).returning(AiOutput.task_id)).one_or_none()
    if found is None:
        raise NotFound
    db.execute(delete(TaskEvent).where(TaskEvent.task_id == found.task_id))
    # One that was joined to another's task told of that one's events.
    db.execute(update(Task).where(Task.id == found.task_id).values(joined_to=None))


def reusable_sql(selected: str = "1") -> str:
    """Give the SQL that finds answers with :cache_key which were made after :oldest."""
    return f"SELECT {selected} FROM ai_outputs WHERE cache_key = :cache_key AND created_at > :oldest AND NOT cached"  # noqa: S608  # our own SQL


def find_reusable(cache_key: str) -> dict[str, Any] | None:
    """Find the answer to an identical request of the last 24 h, as the values to copy."""
    found = db.row(_REUSABLE, {"cache_key": cache_key, "oldest": db.utcnow() - REUSED})
    if found is None:
        return None
    return {column.key: value for column, value in zip(_COPIED, found, strict=True)}


def insert_outputs(records: Sequence[dict[str, Any]]) -> None:
    """Keep outputs, one for each task, in the open transaction; each expires after 30 days."""
    now = db.utcnow()
    rows = [record | {"created_at": now, "expires_at": now + KEPT} for record in records]
    db.execute(insert(AiOutput), rows)
    index_outputs(rows)


def count_download(actor: Actor, output_id: int) -> dict[str, Any]:
    """Count a download of one of my outputs and give it; raises NotFound."""
    begin_write(actor.user_id)
    own = (AiOutput.user_id == actor.user_id) & (AiOutput.id == output_id)
    db.execute(update(AiOutput).where(own).values(download_count=AiOutput.download_count + 1))
    return get_output(actor, output_id)


def expire_outputs() -> int:
    """Delete the outputs whose time is over; gives their number."""
    return db.execute(delete(AiOutput).where(AiOutput.expires_at < db.utcnow())).rowcount
