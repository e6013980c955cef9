"""Whether Redis may be believed at all, which the database says.

A writer that cannot reach Redis cannot take back what is stated there, and other processes may reach it still. So it
*closes the front* with its own commit: nobody is answered by what Redis says until CLOSED_SECONDS after the last such
write, and what was stated before then never counts again, as the epoch is another one.

Each process has leave to believe Redis for LEAVE_SECONDS after it has last seen that the front is open; a writer that
closes it answers when all leave that was taken before is over. (Leases: Gray and Cheriton, SOSP 1989.)
"""

import logging
import secrets
import threading
import time
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import Boolean, TextClause, column, text
from sqlalchemy.exc import SQLAlchemyError

from noteassist import db
from noteassist.models import FrontState

log = logging.getLogger(__name__)

LEAVE_SECONDS = 0.5
RENEW_SECONDS = 0.15
RETRY_SECONDS = 1.0
# A process that nobody asks any more does not look.
IDLE_SECONDS = 10.0
CLOSED_SECONDS = 30
# A closing is put off again once this little is left of it.
SPARE_SECONDS = 15
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# For so long after a closing nobody relies on its having been seen everywhere.
NEWS_SECONDS = 3


class Leave:
    """A process' leave to believe Redis, renewed by a thread while it is asked for."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.lock = threading.Lock()
        self.wanted = threading.Event()
        self.asked_at = 0.0
        self.ends_at = 0.0
        self.seen_epoch = ""
        self.thread: threading.Thread | None = None
        self.has_ended = False

    def epoch(self) -> str | None:
        """Give the epoch that holds now; None while Redis is not to be believed."""
        self.asked_at = now = time.monotonic()
        if now < self.ends_at:
            return self.seen_epoch
        if not self.wanted.is_set():
            self._wake()
        return None

    def _wake(self) -> None:
        with self.lock:
            # Begun with the first request: server processes are forked, and threads do not live through that.
            if not self.has_ended and (self.thread is None or not self.thread.is_alive()):
                self.thread = threading.Thread(target=self._renew_on, name="leave", daemon=True)
                self.thread.start()
            self.wanted.set()

    def _renew_on(self) -> None:
        while not self.has_ended:
            self.wanted.wait()
            with self.app.app_context():
                db.begin_request()
                try:
                    self._renew_while_asked()
                except SQLAlchemyError as error:
                    log.warning("leave to believe Redis was not renewed: %s", type(error).__name__)
                    time.sleep(RETRY_SECONDS)
                except Exception:
                    log.exception("leave to believe Redis was not renewed")
                    time.sleep(RETRY_SECONDS)
                finally:
                    db.end_request()

    def _renew_while_asked(self) -> None:
        while not self.has_ended and time.monotonic() < self.asked_at + IDLE_SECONDS:
            self.look()
            time.sleep(RENEW_SECONDS)
        self.wanted.clear()

    def end(self) -> None:
        """Give all leave back for good, with the connection."""
        self.has_ended = True
        self.ends_at = 0.0
        self.wanted.set()
        if self.thread is not None:
            self.thread.join()

    def look(self) -> None:
        """Look whether the front is open, and take leave; raises SQLAlchemyError."""
        # Before the look: whoever closes the front after it counts from later.
        now = time.monotonic()
        found = db.row(_is_open())
        if found is None:
            with db.transaction():
                db.execute(db.insert_ignoring(FrontState), _new_state())
        elif found.is_open:
            self.seen_epoch, self.ends_at = found.epoch, now + LEAVE_SECONDS
        else:
            self.ends_at = 0.0


def _new_state() -> dict[str, object]:
    return {"id": 1, "epoch": new_epoch(), "closed_at": LONG_AGO, "closed_until": LONG_AGO}


def new_epoch() -> str:
    """Make the name of an epoch."""
    return secrets.token_hex(8)


@db.per_database
def _is_open() -> db.Prepared:
    sql = f"SELECT epoch, closed_until < {db.clock()} AS is_open FROM front_state WHERE id = 1"  # noqa: S608  # our own SQL
    return db.Prepared(text(sql).columns(FrontState.epoch, column("is_open", Boolean)))


@db.per_database
def _closing() -> tuple[TextClause, TextClause]:
    is_over = f"closed_until < {db.clock()}"
    close = (
        f"UPDATE front_state SET closed_until = {db.clock('seconds')}, "  # noqa: S608  # our own SQL
        f"epoch = CASE WHEN {is_over} THEN :epoch ELSE epoch END, "
        f"closed_at = CASE WHEN {is_over} THEN {db.clock()} ELSE closed_at END "
        f"WHERE id = 1 AND closed_until < {db.clock('spare')}"
    )
    look = f"SELECT closed_at > {db.clock('news')} AS is_news FROM front_state WHERE id = 1"  # noqa: S608  # our own SQL
    return text(close), text(look)


class Closing:
    """A closing of the front with the open transaction; `seal` it after the commit."""

    def __init__(self) -> None:
        """Close the front; where no server ever believed Redis there is nothing to close."""
        self.begun = time.monotonic()
        close, look = _closing()
        db.execute(close, {"seconds": CLOSED_SECONDS, "spare": SPARE_SECONDS, "epoch": new_epoch()})
        found = db.row(look, {"news": -NEWS_SECONDS})
        self.is_needed = found is not None
        self.is_news = found is not None and bool(found.is_news)

    def seal(self) -> None:
        """Wait until nobody has leave any more that was taken before the front was closed.

        A commit that took long may have come when the front was open again: then it is closed once more.
        """
        if not self.is_needed:
            return
        if time.monotonic() - self.begun > SPARE_SECONDS / 2:
            close_now()
        elif self.is_news:
            time.sleep(LEAVE_SECONDS)


def close_now() -> None:
    """Close the front with a transaction of its own, and wait as `Closing.seal` does."""
    with db.transaction():
        closing = Closing()
    closing.seal()
