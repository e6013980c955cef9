"""What the search looks through: the words of notes, topics and AI outputs."""

from sqlalchemy import ForeignKeyConstraint, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id

OF_NOTE = text("note_id IS NOT NULL AND topic_id IS NULL")
OF_TOPIC = text("topic_id IS NOT NULL")
OF_OUTPUT = text("task_id IS NOT NULL")


def _unique(name: str, condition: object, *columns: str) -> Index:
    return Index(name, *columns, unique=True, postgresql_where=condition, sqlite_where=condition)


class SearchEntry(Base):
    """The words of a note (title, tags, chapter titles), of one of its topics, or of an AI output.

    `words` holds them as the search needs them: on PostgreSQL a weighted tsvector with the GIN index
    `ix_search_entries_words`, on SQLite text that the FTS5 table `search_index` follows by triggers; only the
    migration knows of these two. `names` holds the words of titles, names and tags for finding typing errors.
    An output is named by its task, whose id is known before the output's own.
    """

    __tablename__ = "search_entries"
    __table_args__ = (
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["user_id", "note_id"], ["notes.user_id", "notes.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["user_id", "topic_id"], ["topics.user_id", "topics.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["task_id"], ["ai_outputs.task_id"], ondelete="CASCADE"),
        Index("ix_search_entries_user_id_note_id", "user_id", "note_id"),
        _unique("uq_search_entries_note", OF_NOTE, "user_id", "note_id"),
        _unique("uq_search_entries_topic", OF_TOPIC, "user_id", "topic_id"),
        _unique("uq_search_entries_output", OF_OUTPUT, "task_id"),
        # Made from the rest, differently for each database: a backup leaves it out.
        {"sqlite_autoincrement": True, "info": {"is_derived": True}},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id)
    note_id: Mapped[int | None] = mapped_column(Id)
    topic_id: Mapped[int | None] = mapped_column(Id)
    task_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    names: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text().with_variant(TSVECTOR(), "postgresql"))
