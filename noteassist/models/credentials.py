"""What proves who somebody is, beside a password: API keys, two-factor sign-in, an account at Google."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id, UtcDateTime, utcnow


class ApiKey(Base):
    """A key for programs; only its SHA-256 is kept, and `prefix` to know it again.

    `scopes` are words separated by spaces. `last_used_at` is at most a minute old while the key is used: a read must
    not need a write.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("requests_per_hour > 0 AND requests_per_day > 0", name="requests"),
        Index("ix_api_keys_user_id_created_at_id", "user_id", "created_at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    prefix: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[str] = mapped_column(String(30))
    requests_per_hour: Mapped[int] = mapped_column(server_default=text("100"))
    requests_per_day: Mapped[int] = mapped_column(server_default=text("1000"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TwoFactor(Base):
    """The secret of somebody's one-time passwords, encrypted (security/encryption.py).

    It counts from `confirmed_at` on. `last_step` is the time step of the last password that was accepted: neither it
    nor an earlier one is accepted again. `failures` of them were wrong since `failing_since`.
    """

    __tablename__ = "two_factor"

    user_id: Mapped[int] = mapped_column(
        Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    secret: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCode(Base):
    """A code for somebody whose device is lost; only its SHA-256 is kept, and it is deleted when it is used."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[int] = mapped_column(
        Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)


class GoogleIdentity(Base):
    """The account at Google that may sign in as a user: `issuer` and `subject` name it for ever, `email` may change."""

    __tablename__ = "google_identities"
    __table_args__ = (Index("uq_google_identities_issuer_subject", "issuer", "subject", unique=True),)

    user_id: Mapped[int] = mapped_column(
        Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(320))
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
