"""Writing the words of what was there before the search was: a task that the migration makes."""

from sqlalchemy import and_, bindparam, select

from noteassist import db
from noteassist.models import AiOutput, Note, SearchEntry
from noteassist.services.note_trees import read_tree
from noteassist.services.search.indexing import index_outputs, index_topics
from noteassist.services.search.reindexing import index_notes
from noteassist.services.versions import begin_write

NOTES_A_STEP, OUTPUTS_A_STEP = 50, 200

_ENTRY = select(SearchEntry.id).where(
    SearchEntry.user_id == Note.user_id, SearchEntry.note_id == Note.id, SearchEntry.topic_id.is_(None)
)
_LACKS = ~_ENTRY.correlate(Note).exists()
_NEXT_NOTE = (
    select(Note.id, Note.user_id).where(Note.id > bindparam("after"), _LACKS).order_by(Note.id).limit(1)
)
_NOTES = (
    select(Note.id, Note.deleted_at)
    .where(Note.user_id == bindparam("owner"), Note.id > bindparam("after"), _LACKS)
    .order_by(Note.id)
    .limit(NOTES_A_STEP)
)
_COLUMNS = ("user_id", "task_id", "title", "content")
_OUTPUTS = (
    select(AiOutput.user_id, AiOutput.task_id, AiOutput.title, AiOutput.content)
    .outerjoin(
        SearchEntry, and_(SearchEntry.user_id == AiOutput.user_id, SearchEntry.task_id == AiOutput.task_id)
    )
    .where(SearchEntry.id.is_(None))
    .order_by(AiOutput.id)
    .limit(OUTPUTS_A_STEP)
)


def index_next_notes(after: int) -> int | None:
    """Index up to 50 notes of one user that are not yet, in the open transaction.

    Looks beyond the id `after`, and gives from where to look next; None where all are done.
    """
    found = db.row(_NEXT_NOTE, {"after": after})
    if found is None:
        return None
    # Nobody changes these notes meanwhile: every write of a user's notes begins with this.
    begin_write(found.user_id)
    notes = db.rows(_NOTES, {"owner": found.user_id, "after": after})
    index_notes(found.user_id, [note.id for note in notes])
    for note in notes:
        tree = read_tree(found.user_id, note.id, trashed=note.deleted_at is not None)
        chapters = tree["chapters"] if tree else ()
        topics = [(topic["id"], topic) for chapter in chapters for topic in chapter["topics"]]
        index_topics(found.user_id, note.id, topics)
    return int(found.id)


def index_next_outputs() -> bool:
    """Index up to 200 AI outputs that are not yet, in the open transaction; says whether there were any."""
    outputs = [dict(zip(_COLUMNS, row, strict=True)) for row in db.rows(_OUTPUTS)]
    index_outputs(outputs)
    return bool(outputs)
