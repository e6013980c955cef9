"""Study notes: a note has chapters, a chapter has topics, a topic has up to three parts.

Every row carries `user_id`, and every foreign key includes it: a query needs no join to ask whose a row is,
the database refuses a child of somebody else's parent, and the tables can be distributed by user.
"""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id, Sortable, UtcDateTime, utcnow

STATUSES = ("draft", "published", "archived")
LIVE = text("deleted_at IS NULL")
TRASHED = text("deleted_at IS NOT NULL")


def _live_index(*columns: str) -> Index:
    name = "ix_notes_live_" + "_".join(columns)
    return Index(name, *columns, postgresql_where=LIVE, sqlite_where=LIVE)


class Note(Base):
    """A note. The counts are of its chapters and topics; a trashed note has `deleted_at`."""

    __tablename__ = "notes"
    __table_args__ = (
        UniqueConstraint("user_id", "id"),
        CheckConstraint("status IN ('draft', 'published', 'archived')", name="status"),
        CheckConstraint("chapter_count >= 0 AND topic_count >= 0", name="counts"),
        _live_index("topic_count"),
        _live_index("user_id", "created_at", "id"),
        _live_index("user_id", "updated_at", "id"),
        _live_index("user_id", "sort_title", "id"),
        _live_index("user_id", "status", "created_at", "id"),
        Index(
            "ix_notes_trash_user_id_deleted_at_id",
            "user_id",
            "deleted_at",
            "id",
            postgresql_where=TRASHED,
            sqlite_where=TRASHED,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(255))
    sort_title: Mapped[str] = mapped_column(Sortable)
    slug: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(10), server_default="draft")
    chapter_count: Mapped[int] = mapped_column(server_default=text("0"))
    topic_count: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    drive_file_id: Mapped[str | None] = mapped_column(String(120))


class NoteTag(Base):
    """A tag on a note; names are lower-case and trimmed."""

    __tablename__ = "tags"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "note_id"], ["notes.user_id", "notes.id"], ondelete="CASCADE"),
        Index("ix_tags_user_id_name_note_id", "user_id", "name", "note_id"),
    )

    user_id: Mapped[int] = mapped_column(Id, primary_key=True)
    note_id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Sortable, primary_key=True)


class Chapter(Base):
    """A chapter; `position` is 1, 2, ... within its note, without gaps."""

    __tablename__ = "chapters"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "note_id"], ["notes.user_id", "notes.id"], ondelete="CASCADE"),
        UniqueConstraint("user_id", "note_id", "id"),
        UniqueConstraint("user_id", "note_id", "position"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id)
    note_id: Mapped[int] = mapped_column(Id)
    title: Mapped[str] = mapped_column(String(255))
    position: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Topic(Base):
    """A topic; `position` is 1, 2, ... within its chapter, without gaps."""

    __tablename__ = "topics"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "note_id", "chapter_id"],
            ["chapters.user_id", "chapters.note_id", "chapters.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("user_id", "id"),
        UniqueConstraint("user_id", "chapter_id", "position"),
        Index("ix_topics_user_id_note_id_chapter_id", "user_id", "note_id", "chapter_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id)
    note_id: Mapped[int] = mapped_column(Id)
    chapter_id: Mapped[int] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(255))
    position: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Explanation(Base):
    """The text of a topic, in Markdown."""

    __tablename__ = "explanations"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "topic_id"], ["topics.user_id", "topics.id"], ondelete="CASCADE"),
    )

    user_id: Mapped[int] = mapped_column(Id, primary_key=True)
    topic_id: Mapped[int] = mapped_column(Id, primary_key=True)
    content: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class CodeSnippet(Base):
    """The code of a topic."""

    __tablename__ = "code_snippets"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "topic_id"], ["topics.user_id", "topics.id"], ondelete="CASCADE"),
    )

    user_id: Mapped[int] = mapped_column(Id, primary_key=True)
    topic_id: Mapped[int] = mapped_column(Id, primary_key=True)
    language: Mapped[str] = mapped_column(String(50))
    code: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Source(Base):
    """Where the content of a topic comes from."""

    __tablename__ = "sources"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "topic_id"], ["topics.user_id", "topics.id"], ondelete="CASCADE"),
    )

    user_id: Mapped[int] = mapped_column(Id, primary_key=True)
    topic_id: Mapped[int] = mapped_column(Id, primary_key=True)
    title: Mapped[str] = mapped_column(String(255))
    url: Mapped[str] = mapped_column(String(2048))


class NoteRevision(Base):
    """A state that a note had; `number` is 1, 2, ... within the note.

    `undo` is the compressed way back to the revision before. `content` is the compressed whole, kept of some only: a
    revision without it is found from the next one that has it, or from the note itself, by undoing.
    """

    __tablename__ = "note_revisions"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "note_id"], ["notes.user_id", "notes.id"], ondelete="CASCADE"),
        CheckConstraint("origin IN ('user', 'ai', 'import', 'restore')", name="origin"),
    )

    user_id: Mapped[int] = mapped_column(Id, primary_key=True)
    note_id: Mapped[int] = mapped_column(Id, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    origin: Mapped[str] = mapped_column(String(10), server_default="user")
    summary: Mapped[str] = mapped_column(Text, server_default="")
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    undo: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
