"""Google Drive: who is connected, what is being uploaded, and grants that are to be revoked."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id, UtcDateTime, utcnow
from noteassist.models.tasks import TaskId

AWAY = text("away_at IS NOT NULL")


class DriveConnection(Base):
    """A user's connection to their Google Drive. Tokens are encrypted (security/encryption.py).

    `google_sub` names the Google account for ever; its e-mail may change. `grant_number` grows with each consent: who
    finds out that a grant is worth nothing any more says which. `refresh_lease` is held by whoever renews the access
    token just now, until `refresh_lease_until`. `away_since` is when Google began not to answer for this user (None: it
    answers), `away_at` when it last did not.
    """

    __tablename__ = "drive_connections"
    __table_args__ = (
        Index("ix_drive_connections_away_at", "away_at", postgresql_where=AWAY, sqlite_where=AWAY),
    )

    user_id: Mapped[int] = mapped_column(
        Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    google_sub: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(320))
    grant_number: Mapped[int] = mapped_column(server_default=text("1"))
    needs_reconnect: Mapped[bool] = mapped_column(server_default=false())
    refresh_token: Mapped[str] = mapped_column(Text)
    access_token: Mapped[str] = mapped_column(Text)
    access_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_lease: Mapped[str | None] = mapped_column(String(32))
    refresh_lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    away_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    away_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    connected_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class DriveUpload(Base):
    """An upload, from the moment its file has an id at Google: what another worker needs to go on with it.

    `source` and `source_id` say what is uploaded. `file_id` was drawn at Google before the first byte, for the Google
    account `google_sub`. `session_uri` is the resumable session (encrypted: it is as good as a token), made for `size`
    bytes with the MD5 `md5` (hexadecimal). `is_replacing` says that the file is there with other bytes.
    """

    __tablename__ = "drive_uploads"
    __table_args__ = (
        CheckConstraint("source IN ('note', 'output')", name="source"),
        Index("ix_drive_uploads_user_id", "user_id"),
    )

    task_id: Mapped[str] = mapped_column(TaskId, ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(10))
    source_id: Mapped[int] = mapped_column(Id)
    google_sub: Mapped[str] = mapped_column(String(255))
    file_id: Mapped[str] = mapped_column(String(120))
    session_uri: Mapped[str | None] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    md5: Mapped[str] = mapped_column(String(32), server_default="")
    is_replacing: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class DriveRevocation(Base):
    """A grant that a user has taken back and Google is to forget. No user: it outlives the account."""

    __tablename__ = "drive_revocations"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    refresh_token: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class DriveConsent(Base):
    """A consent that has come back from Google, so that its state works once; kept until the state has expired."""

    __tablename__ = "drive_consents"
    __table_args__ = (Index("ix_drive_consents_expires_at", "expires_at"),)

    state_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
