"""People: the account that signs in, and the profile that its owner edits."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, false, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from noteassist.db import Base, Id, UtcDateTime, utcnow

CLOSED = text("closed_at IS NOT NULL")
ADMINS = text("role = 'admin'")


class User(Base):
    """An account.

    `data_version` grows in the transaction of every write of this user's data, `notes_version` of those that change
    what answers about the notes show.
    """

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'admin')", name="role"),
        Index("ix_users_closed_at", "closed_at", postgresql_where=CLOSED, sqlite_where=CLOSED),
        Index("ix_users_created_at_id", "created_at", "id"),
        Index("ix_users_admins", "id", postgresql_where=ADMINS, sqlite_where=ADMINS),
        CheckConstraint("subscription_tier IN ('FREE', 'BASIC', 'PRO')", name="subscription_tier"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(255), server_default="")
    password_hash: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(10), server_default="user")
    subscription_tier: Mapped[str] = mapped_column(String(10), server_default="FREE")
    is_active: Mapped[bool] = mapped_column(server_default=true())
    is_email_verified: Mapped[bool] = mapped_column(server_default=false())
    is_seeded: Mapped[bool] = mapped_column(server_default=false())
    data_version: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    notes_version: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    last_login_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    profile: Mapped["Profile"] = relationship(
        back_populates="user", lazy="joined", innerjoin=True, passive_deletes=True
    )


class Profile(Base):
    """What a user tells about themselves, and which notifications they want."""

    __tablename__ = "profiles"
    __table_args__ = (CheckConstraint("daily_goal BETWEEN 0 AND 1000", name="daily_goal"),)

    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    bio: Mapped[str] = mapped_column(Text, server_default="")
    avatar_url: Mapped[str] = mapped_column(Text, server_default="")
    timezone: Mapped[str] = mapped_column(String(64), server_default="UTC")
    language: Mapped[str] = mapped_column(String(35), server_default="en")
    daily_goal: Mapped[int] = mapped_column(server_default=text("3"))
    email_reminders: Mapped[bool] = mapped_column(server_default=true())
    weekly_summary: Mapped[bool] = mapped_column(server_default=true())
    product_news: Mapped[bool] = mapped_column(server_default=false())
    ai_completed: Mapped[bool] = mapped_column(server_default=true())

    user: Mapped[User] = relationship(back_populates="profile")
