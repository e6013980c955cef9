"""Events of security, each with a fixed name: one line in the log and one count, and no secret in either.

The line carries the id of the request; its access line tells the address. People are named by their id.
"""

import logging
from functools import partial
from typing import Any

from noteassist import db, metrics

log = logging.getLogger("noteassist.security")

SIGN_IN_SUCCEEDED = "sign_in_succeeded"
SIGN_IN_FAILED = "sign_in_failed"
REFRESH_REUSED = "refresh_reused"
PASSWORD_CHANGED = "password_changed"  # noqa: S105  # what happened, not what it is
PASSWORD_CHECK_FAILED = "password_check_failed"  # noqa: S105  # the same
ACCOUNT_OPENED = "account_opened"
ACCOUNT_CLOSED = "account_closed"
SESSIONS_ENDED = "sessions_ended"
ROLE_FORBIDDEN = "role_forbidden"
LIMIT_HIT = "limit_hit"
METRICS_REFUSED = "metrics_refused"
# What may be an attack.
SUSPICIOUS = frozenset(
    {SIGN_IN_FAILED, PASSWORD_CHECK_FAILED, REFRESH_REUSED, ROLE_FORBIDDEN, LIMIT_HIT, METRICS_REFUSED}
)


def happened(name: str, **about: Any) -> None:
    """Note an event; `about` it must hold no secret."""
    metrics.SECURITY_EVENTS.labels(name).inc()
    log.log(logging.WARNING if name in SUSPICIOUS else logging.INFO, name, extra=about)


def on_commit(name: str, **about: Any) -> None:
    """Note an event once the open transaction is durable."""
    db.after_commit(partial(happened, name, **about))


def limit_hit(limit: str, **about: Any) -> None:
    """Note that a request was refused by a limit."""
    happened(LIMIT_HIT, limit=limit, **about)
