"""What the AI tools made, what they cost, and which providers are to be left alone for a while."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text, Uuid, false, text
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id, UtcDateTime, utcnow

TOOLS = ("generate", "improve", "summarize", "code")
REUSABLE = text("cache_key IS NOT NULL AND NOT cached")
EXPIRING = text("expires_at IS NOT NULL")


class AiOutput(Base):
    """A text that an AI tool made for a user; each task makes at most one.

    `cache_key` is the SHA-256 (hexadecimal) of what the text depends on: an identical request within a day is
    answered with a copy. `topic_id` and `topic_digest` name the topic it was made over and the text that had.
    `saved_*` remember where it was saved to, `saved_digest` with which wishes.
    """

    __tablename__ = "ai_outputs"
    __table_args__ = (
        CheckConstraint("tool IN ('generate', 'improve', 'summarize', 'code')", name="tool"),
        Index("ix_ai_outputs_user_id_created_at_id", "user_id", "created_at", "id"),
        Index("ix_ai_outputs_user_id_tool_created_at_id", "user_id", "tool", "created_at", "id"),
        Index(
            "ix_ai_outputs_cache_key",
            "cache_key",
            "created_at",
            postgresql_where=REUSABLE,
            sqlite_where=REUSABLE,
        ),
        Index("ix_ai_outputs_expires_at", "expires_at", postgresql_where=EXPIRING, sqlite_where=EXPIRING),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    task_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), unique=True)
    tool: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(255))
    content: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(35))
    programming_language: Mapped[str | None] = mapped_column(String(50))
    provider: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(120))
    cached: Mapped[bool] = mapped_column(server_default=false())
    tokens_used: Mapped[int] = mapped_column(server_default=text("0"))
    response_time: Mapped[float] = mapped_column(Float, server_default=text("0"))
    download_count: Mapped[int] = mapped_column(server_default=text("0"))
    cache_key: Mapped[str | None] = mapped_column(String(64))
    note_id: Mapped[int | None] = mapped_column(Id)
    saved_topic_id: Mapped[int | None] = mapped_column(Id)
    saved_digest: Mapped[str | None] = mapped_column(String(64))
    topic_id: Mapped[int | None] = mapped_column(Id)
    topic_digest: Mapped[str | None] = mapped_column(String(64))
    diff: Mapped[str | None] = mapped_column(Text)
    drive_file_id: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AiUsage(Base):
    """One use of an AI tool that was answered; it outlives the text. `response_ms` is what its user waited for."""

    __tablename__ = "ai_usage"
    __table_args__ = (
        Index("ix_ai_usage_user_id_created_at", "user_id", "created_at"),
        # Rows come in the order of time: a summary of each stretch of the table is enough, and costs writers nothing.
        Index("ix_ai_usage_created_at", "created_at", postgresql_using="brin"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    task_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), unique=True)
    tool: Mapped[str] = mapped_column(String(10))
    provider: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(120))
    cached: Mapped[bool] = mapped_column(server_default=false())
    tokens: Mapped[int] = mapped_column(server_default=text("0"))
    response_ms: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class AiCall(Base):
    """One call to a provider within an attempt of a task, whatever came of it: money may have been spent."""

    __tablename__ = "ai_calls"
    __table_args__ = (
        Index("ix_ai_calls_task_id", "task_id"),
        Index("ix_ai_calls_created_at", "created_at"),
        Index("ix_ai_calls_user_id", "user_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    task_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    attempt: Mapped[int]
    provider: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(120))
    outcome: Mapped[str] = mapped_column(String(60))
    prompt_tokens: Mapped[int] = mapped_column(server_default=text("0"))
    completion_tokens: Mapped[int] = mapped_column(server_default=text("0"))
    duration_ms: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class AiGate(Base):
    """What all workers know of a provider, or of one of its models (`provider:model`).

    Until when it must not be asked, and how often in a row it failed.
    """

    __tablename__ = "ai_gates"

    provider: Mapped[str] = mapped_column(String(160), primary_key=True)
    closed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    reason: Mapped[str] = mapped_column(String(60), server_default="")
