"""Files that the server keeps for a while, in pieces."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id, UtcDateTime, utcnow
from noteassist.models.tasks import TaskId

CHUNK_BYTES = 256 * 1024


class StoredFile(Base):
    """A file of a user's, kept until `expires_at`.

    `sha256` is None for as long as it is being written: such a file is not there for anybody, and `expires_at` is the
    moment when something was last written to it. A task makes at most one file, named by `task_id`.
    """

    __tablename__ = "files"
    __table_args__ = (
        CheckConstraint("purpose IN ('export', 'upload')", name="purpose"),
        CheckConstraint("size >= 0", name="size"),
        UniqueConstraint("user_id", "id"),
        Index("ix_files_expires_at", "expires_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    task_id: Mapped[str | None] = mapped_column(
        TaskId, ForeignKey("tasks.id", ondelete="CASCADE"), unique=True
    )
    purpose: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(120))
    size: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FileChunk(Base):
    """A piece of a file; `number` is 0, 1, ... All but the last have CHUNK_BYTES."""

    __tablename__ = "file_chunks"
    __table_args__ = (
        CheckConstraint("length(content) BETWEEN 1 AND 262144", name="content"),
        ForeignKeyConstraint(["user_id", "file_id"], ["files.user_id", "files.id"], ondelete="CASCADE"),
    )

    user_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    file_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)
