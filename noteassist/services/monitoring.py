"""What the database tells of the server as a whole, for metrics: few statements, and not at every look."""

import threading
import time
from dataclasses import dataclass

from noteassist.config import Settings
from noteassist.services.ai import spending
from noteassist.services.tasks.upkeep import count_due, count_under_way, longest_wait

# Scrapers come every few seconds, and several of them must not cost several times.
KEPT_SECONDS = 5.0


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
    queued, running = count_under_way()
    return Figures(
        queued=queued,
        running=running,
        due=count_due(),
        longest_wait=longest_wait(),
        spent_today=float(spending.spent_today(settings)),
    )
