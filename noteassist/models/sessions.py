"""Signed-in sessions and the chain of refresh tokens of each."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id, UtcDateTime, utcnow


class Session(Base):
    """One sign-in on one device; ended by `revoked_at`, or at `expires_at` however often it is refreshed.

    `last_seen_at` moves with each refresh: a read must not need a write.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_user_id_created_at_id", "user_id", "created_at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    device: Mapped[str] = mapped_column(String(255), server_default="")
    ip: Mapped[str] = mapped_column(String(45), server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RefreshToken(Base):
    """One generation of a session's refresh token; only its SHA-256 is kept.

    The newest generation has no `rotated_at`. `successor_hash` names the token it was exchanged for.
    """

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index("ix_refresh_tokens_session_id", "session_id"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[int] = mapped_column(Id, ForeignKey("sessions.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    successor_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
