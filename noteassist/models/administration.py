"""What administrators did, their sessions in the console, and what the AI tools were used for, day by day."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id, UtcDateTime, utcnow

ZERO = text("0")


class AuditEntry(Base):
    """Something that was done to the server, and by whom. The database refuses to change or delete it.

    No foreign key: an entry outlives the account that did it and the thing that it was done to. The address of the
    one who did it is kept with it, that of whom it was done to is not.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_created_at_id", "created_at", "id"),
        Index("ix_audit_log_actor_id_created_at_id", "actor_id", "created_at", "id"),
        Index("ix_audit_log_action_created_at_id", "action", "created_at", "id"),
        Index("ix_audit_log_target", "target_kind", "target_id", "created_at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    actor_id: Mapped[int] = mapped_column(Id)
    actor_email: Mapped[str] = mapped_column(String(254), server_default="")
    action: Mapped[str] = mapped_column(String(60))
    target_kind: Mapped[str] = mapped_column(String(40))
    target_id: Mapped[str] = mapped_column(String(255))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    ip: Mapped[str] = mapped_column(String(45), server_default="")
    device: Mapped[str] = mapped_column(String(255), server_default="")
    request_id: Mapped[str] = mapped_column(String(128), server_default="")


class ConsoleSession(Base):
    """A browser that is signed in to the console; only the SHA-256 of its cookie is kept.

    It ends with the session that it stands on, at `expires_at`, or when nothing was asked for a while.
    """

    __tablename__ = "console_sessions"
    __table_args__ = (
        Index("ix_console_sessions_session_id", "session_id"),
        Index("ix_console_sessions_user_id", "user_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    session_id: Mapped[int] = mapped_column(Id, ForeignKey("sessions.id", ondelete="CASCADE"))
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class AiUsageDay(Base):
    """How much the AI tools answered on a day; kept by a trigger of `ai_usage`, so that nobody counts millions of rows.

    `shard` keeps those apart who count at the same moment; a sum is over all shards. It names nobody and outlives
    accounts.
    """

    __tablename__ = "ai_usage_daily"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    tool: Mapped[str] = mapped_column(String(10), primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    model: Mapped[str] = mapped_column(String(120), primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    requests: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    cached: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    tokens: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    response_ms: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)


class AiCallDay(Base):
    """What was asked of a provider's model on a day, whatever came of it; kept by a trigger of `ai_calls`."""

    __tablename__ = "ai_calls_daily"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    model: Mapped[str] = mapped_column(String(120), primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    calls: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    failed: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    prompt_tokens: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    completion_tokens: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    duration_ms: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
