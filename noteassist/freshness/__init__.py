"""What is kept of a user's answers, and when it stops being true.

Answers are kept in the processes (noteassist/front.py), each with the version of the user's notes that it was made
of. Redis says which version that is now and that the session lives (facts.py), and the database whether Redis may be
believed (closing.py). Without Redis there is one process, which asks the database. Services say one thing here:
`will_change`.
"""

import logging
import secrets
from functools import partial

from flask import Flask, current_app

from noteassist import db, redis_clients
from noteassist.freshness.closing import Closing, Leave, close_now
from noteassist.freshness.facts import Fact, Facts, Found, Lease, Question
from noteassist.redis_scripts import Scripts

__all__ = ["Fact", "Facts", "Found", "Freshness", "Lease", "Question", "install_freshness", "will_change"]

log = logging.getLogger(__name__)


class Freshness:
    """The application's part in it; `facts` and `leave` are None without Redis."""

    def __init__(self, app: Flask, scripts: Scripts | None, key: bytes) -> None:
        self.facts = None if scripts is None else Facts(scripts, key)
        self.leave = None if scripts is None else Leave(app)
        # A command on an embedded server's database, perhaps without the REDIS_URL of servers that use it too.
        self.is_alone = True

    def end(self) -> None:
        """Believe nothing any more, before the application goes."""
        if self.leave is not None:
            self.leave.end()

    def announce(self, user_id: int) -> None:
        """Take back what is stated of a user, at the end of the open transaction and before its commit."""
        if self.facts is None:
            if not self.is_alone:
                self._close()
            return
        mark = secrets.token_hex(8)
        try:
            self.facts.mark(user_id, mark)
        except redis_clients.FAILURES:
            self._close()
        else:
            db.after_commit(partial(self._settle, user_id, mark))

    def _close(self) -> None:
        db.after_commit(Closing().seal)

    def _settle(self, user_id: int, mark: str) -> None:
        try:
            if self.facts is not None:
                self.facts.settle(user_id, mark)
        except redis_clients.FAILURES:
            # The mark may be lost, and something be stated that was read before the commit.
            close_now()


def install_freshness(app: Flask, scripts: Scripts | None, key: bytes) -> Freshness:
    """Give an application its part; facts are signed with `key`."""
    freshness = Freshness(app, scripts, key)
    app.extensions["noteassist_freshness"] = freshness
    return freshness


def will_change(user_id: int) -> None:
    """Say, in the open transaction, that what answers show of a user is about to change.

    That is their notes, who they are, and which of their sessions live.
    """
    freshness: Freshness = current_app.extensions["noteassist_freshness"]
    db.before_commit(("facts", user_id), partial(freshness.announce, user_id))
