"""Access to a user's Drive: the access token, renewed by one worker at a time.

Whoever renews it holds a lease on the connection's row, not the row itself: nobody holds a connection to the
database, and on SQLite no write of anybody waits, while Google is asked.
"""

import logging
import secrets
from dataclasses import dataclass

from sqlalchemy import TextClause, bindparam, text, update

from noteassist import db
from noteassist.config import Settings
from noteassist.models import DriveConnection
from noteassist.security import encryption
from noteassist.security.encryption import UnreadableSecret
from noteassist.services.drive import connections, oauth
from noteassist.services.drive.calls import Line
from noteassist.services.drive.trouble import GrantGone
from noteassist.services.tasks.failures import Fail, TryLater

log = logging.getLogger(__name__)

# Beyond the deadline of the call that renews: after that its worker is gone.
LEASE_MARGIN = 10.0
# Until another one has renewed it.
RENEWAL_SECONDS = 1.0
# Connecting again wakes those who wait; this is for who fell asleep in that very moment.
RECONNECT_SECONDS = 300.0

_LEASE = """\
UPDATE drive_connections SET refresh_lease = :lease, refresh_lease_until = {until}
WHERE user_id = :owner AND grant_number = :grant AND access_token = :seen
    AND (refresh_lease_until IS NULL OR refresh_lease_until < {now})"""


@dataclass(frozen=True)
class Access:
    """What opens a Drive: the token, and whose Drive it is."""

    token: str
    google_sub: str


class WaitForReconnect(TryLater):
    """The user has to connect Drive again; the task waits, and that is no failure of it."""

    def __init__(self) -> None:
        super().__init__(
            GrantGone.code,
            GrantGone.detail,
            delay=RECONNECT_SECONDS,
            waiting_for="drive",
            counts=False,
        )


def access_of(settings: Settings, line: Line, user_id: int, *, worn: str | None = None) -> Access:
    """Give access to a user's Drive, with another token than the `worn` one that Google does not take any more.

    Must not run inside a transaction. Raises Fail where nothing is connected, WaitForReconnect, TryLater while
    another worker renews the token, GoogleAway.
    """
    if not settings.has_drive:
        raise Fail("drive_not_configured", "Google Drive is not set up on this server any more.")
    found = connections.find(user_id)
    if found is None:
        raise Fail("drive_not_connected", "Google Drive is not connected any more.")
    if found.needs_reconnect:
        raise WaitForReconnect
    token = _readable(settings, found)
    is_fresh = found.access_expires_at - oauth.MARGIN > db.utcnow()
    if is_fresh and token not in {None, worn}:
        return Access(str(token), found.google_sub)
    return _renewed(settings, line, found)


def _readable(settings: Settings, found: db.AnyRow) -> str | None:
    purpose = connections.access_purpose(found.user_id)
    try:
        return encryption.decrypt(settings.encryption_keys, found.access_token, purpose)
    except UnreadableSecret:
        return None


def _renewed(settings: Settings, line: Line, found: db.AnyRow) -> Access:
    """Renew the token, unless another worker does that just now."""
    lease = _take_lease(settings, found)
    is_done = False
    try:
        purpose = connections.refresh_purpose(found.user_id)
        secret = encryption.decrypt(settings.encryption_keys, found.refresh_token, purpose)
        grant = oauth.refresh(settings, line, secret)
        values = connections.sealed(settings, found.user_id, grant)
        is_done = _give_back(found.user_id, lease, **values)
    except UnreadableSecret as error:
        log.exception("the Drive tokens of user %s cannot be decrypted: was a key lost?", found.user_id)
        raise _without_grant(found) from error
    except GrantGone as error:
        raise _without_grant(found) from error
    finally:
        if not is_done:
            _give_back(found.user_id, lease)
    return Access(grant.access_token, found.google_sub)


def _without_grant(found: db.AnyRow) -> WaitForReconnect:
    db.in_transaction(lambda: connections.mark_needs_reconnect(found.user_id, found.grant_number))
    return WaitForReconnect()


def _take_lease(settings: Settings, found: db.AnyRow) -> str:
    lease = secrets.token_hex(16)
    values = {
        "lease": lease,
        "seconds": settings.google_deadline + LEASE_MARGIN,
        "owner": found.user_id,
        "grant": found.grant_number,
        "seen": found.access_token,
    }
    with db.transaction():
        is_ours = db.execute(_lease_statement(), values).rowcount
    if not is_ours:
        raise TryLater(
            "drive_access_renewed",
            "Access to Google Drive is being renewed.",
            delay=RENEWAL_SECONDS,
            waiting_for="drive",
            counts=False,
        )
    return lease


@db.per_database
def _lease_statement() -> TextClause:
    sql = _LEASE.format(until=db.clock("seconds"), now=db.clock())
    return text(sql).bindparams(bindparam("owner", type_=db.Id))


def _give_back(user_id: int, lease: str, **values: object) -> bool:
    """Give the lease back, with what was renewed; says whether it was still ours."""
    held = (DriveConnection.user_id == user_id) & (DriveConnection.refresh_lease == lease)
    free = {"refresh_lease": None, "refresh_lease_until": None}
    with db.transaction():
        return bool(db.execute(update(DriveConnection).where(held).values(**values, **free)).rowcount)
