"""When somebody studied, and dashboards that were worked out beforehand."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id, UtcDateTime, utcnow


class StudyDay(Base):
    """A day, in UTC, on which a user wrote notes: its number since 1970, and its first and last quarter-hour.

    In whichever time zone, midnight falls on a quarter-hour, and at most once into a day of UTC: what the user calls
    a day can be told from the first and the last quarter. It outlives the notes.
    """

    __tablename__ = "study_days"
    __table_args__ = (
        CheckConstraint("0 <= first_quarter AND first_quarter <= last_quarter", name="quarters"),
        CheckConstraint("last_quarter < 96", name="last_quarter"),
        Index("ix_study_days_day", "day"),
    )

    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_quarter: Mapped[int]
    last_quarter: Mapped[int]


class DashboardCache(Base):
    """A user's dashboard as JSON, true for one version of the user's data and until the user's day is over."""

    __tablename__ = "dashboard_cache"

    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    data_version: Mapped[int] = mapped_column(BigInteger)
    valid_until: Mapped[datetime] = mapped_column(UtcDateTime)
    body: Mapped[str] = mapped_column(Text)
    refreshed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
