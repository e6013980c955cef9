"""What the database tells of the server as a whole, for metrics: few statements, and not at every look."""

import threading
import time
from dataclasses import dataclass

from sqlalchemy import func, select

from noteassist import db
from noteassist.config import Settings
from noteassist.models import Task
from noteassist.services.ai import spending
from noteassist.services.tasks.upkeep import count_due, longest_wait

# Scrapers come every few seconds, and several of them must not cost several times.
KEPT_SECONDS = 5.0

_UNDER_WAY = db.Prepared(
    select(Task.status, func.count().label("number"))
    .where(Task.status.in_(("queued", "running")))
    .group_by(Task.status)
)


@dataclass(frozen=True)
class Figures:
    """How the server is: tasks under way, the wait of the oldest that is due, today's spending."""

    queued: int
    running: int
    due: int
    longest_wait: float
    spent_today: float


class Gauge:
    """Reads the figures, and gives them again for a few seconds."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.read_at = 0.0
        self.figures: Figures | None = None

    def read(self, settings: Settings) -> Figures:
        """Give the figures; raises what the database raises."""
        with self.lock:
            if self.figures is None or time.monotonic() - self.read_at > KEPT_SECONDS:
                self.figures = _read(settings)
                self.read_at = time.monotonic()
            return self.figures


def _read(settings: Settings) -> Figures:
    tasks = {row.status: row.number for row in db.read_rows(_UNDER_WAY)}
    return Figures(
        queued=tasks.get("queued", 0),
        running=tasks.get("running", 0),
        due=count_due(),
        longest_wait=longest_wait(),
        spent_today=float(spending.spent_today(settings)),
    )
