"""What all processes must know to trust Redis: one row."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from noteassist.db import Base, Id, UtcDateTime


class FrontState(Base):
    """Whether answers may be given by what Redis says (noteassist/freshness/closing.py).

    `epoch` is another one after each time in which they might not. Without the row no server ever did so.
    """

    __tablename__ = "front_state"
    __table_args__ = (CheckConstraint("id = 1", name="id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    epoch: Mapped[str] = mapped_column(String(32))
    closed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_until: Mapped[datetime] = mapped_column(UtcDateTime)
