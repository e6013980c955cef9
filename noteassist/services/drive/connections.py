"""Connections to Google Drive: kept, shown, ended; and the tasks that wait for one."""

import logging
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, text, update

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import DriveNotConfigured, DriveNotConnected, NotFound
from noteassist.models import DriveConnection, DriveRevocation, Task, User
from noteassist.security import encryption
from noteassist.security.actors import Actor
from noteassist.security.encryption import UnreadableSecret
from noteassist.services import mail
from noteassist.services.drive.oauth import GoogleAccount, Grant
from noteassist.services.notifications import notify
from noteassist.services.tasks.creation import create, ring
from noteassist.services.versions import begin_write

log = logging.getLogger(__name__)

REVOCATION = "drive revocation"
# Whoever had no answer is asked again within half a minute: when that is long ago, nobody asks.
AWAY_FOR = timedelta(seconds=90)

_OF_USER = DriveConnection.user_id == bindparam("owner")
_SHOWN = select(DriveConnection.email, DriveConnection.needs_reconnect, DriveConnection.connected_at).where(
    _OF_USER
)
_WHOLE = select(*DriveConnection.__table__.c).where(_OF_USER)
_AWAY = (
    select(DriveConnection.user_id)
    .where(DriveConnection.away_at > bindparam("since", type_=DriveConnection.away_at.type))
    .limit(1)
)


def refresh_purpose(user_id: int) -> str:
    """Say what a user's refresh token is encrypted for."""
    return f"drive refresh token of user {user_id}"


def access_purpose(user_id: int) -> str:
    """Say what a user's access token is encrypted for."""
    return f"drive access token of user {user_id}"


def require_configured(settings: Settings) -> None:
    """Raise DriveNotConfigured where the operator has set up no Google client."""
    if not settings.has_drive:
        raise DriveNotConfigured


def require_connected(actor: Actor) -> None:
    """Raise DriveNotConnected where I have connected no Drive."""
    if not db.rows(_SHOWN, {"owner": actor.user_id}):
        raise DriveNotConnected


def describe(settings: Settings, actor: Actor) -> dict[str, Any]:
    """Show my connection; raises DriveNotConfigured."""
    require_configured(settings)
    found = db.row(_SHOWN, {"owner": actor.user_id})
    return {
        "connected": found is not None,
        "email": found.email if found else None,
        "needs_reconnect": found.needs_reconnect if found else False,
        "connected_at": found.connected_at if found else None,
    }


def find(user_id: int) -> db.AnyRow | None:
    """Read a connection with everything in it, or None."""
    return db.row(_WHOLE, {"owner": user_id})


def keep(settings: Settings, user_id: int, account: GoogleAccount, grant: Grant) -> None:
    """Keep a new grant in the open transaction, and let the tasks that waited for it go on."""
    begin_write(user_id)
    before = find(user_id)
    values = {
        "google_sub": account.sub,
        "email": account.email,
        "grant_number": before.grant_number + 1 if before else 1,
        "needs_reconnect": False,
        **sealed(settings, user_id, grant),
        "refresh_lease": None,
        "refresh_lease_until": None,
        "away_since": None,
        "away_at": None,
        "connected_at": db.utcnow(),
    }
    if before is None:
        db.execute(insert(DriveConnection).values(user_id=user_id, **values))
    else:
        db.execute(update(DriveConnection).where(DriveConnection.user_id == user_id).values(**values))
        # Of one account Google knows one consent: the old token is not revoked without the new one.
        if before.google_sub != account.sub:
            revoke_later(settings, user_id, before.refresh_token)
    wake_waiting(user_id)


def sealed(settings: Settings, user_id: int, grant: Grant) -> dict[str, Any]:
    """Give the columns of a grant; without a new refresh token the old one stays."""
    keys = settings.encryption_keys
    values: dict[str, Any] = {
        "access_token": encryption.encrypt(keys, grant.access_token, access_purpose(user_id)),
        "access_expires_at": grant.expires_at,
    }
    if grant.refresh_token is not None:
        renewed = encryption.encrypt(keys, grant.refresh_token, refresh_purpose(user_id))
        values["refresh_token"] = renewed
    return values


def disconnect(settings: Settings, actor: Actor) -> None:
    """End my connection now; Google is told by a task. Raises DriveNotConfigured, NotFound."""
    require_configured(settings)
    begin_write(actor.user_id)
    if not end_connection(settings, actor.user_id):
        raise NotFound
    # They find out that there is nothing to wait for.
    wake_waiting(actor.user_id)


def end_connection(settings: Settings, user_id: int) -> bool:
    """Forget a user's connection, and have Google forget it too; says whether there was one."""
    ended = delete(DriveConnection).where(DriveConnection.user_id == user_id)
    found = db.execute(ended.returning(DriveConnection.refresh_token)).one_or_none()
    if found is None:
        return False
    revoke_later(settings, user_id, found.refresh_token)
    return True


def revoke_later(settings: Settings, user_id: int, refresh_token: str) -> None:
    """Have Google forget a user's (encrypted) refresh token, by a task of nobody that outlives the account."""
    keys = settings.encryption_keys
    try:
        secret = encryption.decrypt(keys, refresh_token, refresh_purpose(user_id))
    except UnreadableSecret as error:
        log.warning("a Drive grant of user %s cannot be revoked: %s", user_id, error)
        return
    values = {
        "refresh_token": encryption.encrypt(keys, secret, REVOCATION),
        "created_at": db.utcnow(),
    }
    made = db.execute(insert(DriveRevocation).values(**values).returning(DriveRevocation.id))
    create("drive_revoke", {"revocation_id": made.scalar_one()})


def wake_waiting(user_id: int) -> None:
    """Let the tasks that wait for this user's Drive try again now."""
    waiting = (Task.user_id == user_id) & (Task.status == "queued") & (Task.waiting_for == "drive")
    due = update(Task).where(waiting).values(run_after=text(db.clock())).returning(Task.id, Task.kind)
    for task in db.execute(due).all():
        ring(task.kind, task.id)


def mark_needs_reconnect(user_id: int, grant_number: int) -> None:
    """Note that a grant is worth nothing any more, and tell its user once; a newer grant is left alone."""
    begin_write(user_id)
    known = (DriveConnection.user_id == user_id) & (DriveConnection.grant_number == grant_number)
    still = known & DriveConnection.needs_reconnect.is_(False)
    if not db.execute(update(DriveConnection).where(still).values(needs_reconnect=True)).rowcount:
        return
    message = (
        "Google does not accept our access to your Drive any more. Uploads wait until you connect it again."
    )
    notify(user_id, "warning", "Connect Google Drive again", message, f"drive-grant:{grant_number}")
    address = db.rows(select(User.email).where(User.id == user_id))[0].email
    mail.send_later("drive_reconnect", address, user_id=user_id)


def note_away(user_id: int) -> db.AnyRow | None:
    """Note that Google does not answer; gives since when (`away_since`), None where nobody is connected."""
    now = db.utcnow()
    since = func.coalesce(DriveConnection.away_since, now)
    noted = update(DriveConnection).where(DriveConnection.user_id == user_id)
    with db.transaction():
        noted_row = noted.values(away_since=since, away_at=now).returning(DriveConnection.away_since)
        return db.execute(noted_row).one_or_none()


def note_answer(user_id: int) -> None:
    """Note that Google answers again."""
    away = (DriveConnection.user_id == user_id) & DriveConnection.away_at.is_not(None)
    with db.transaction():
        db.execute(update(DriveConnection).where(away).values(away_since=None, away_at=None))


def is_away() -> bool:
    """Say whether Google has not answered somebody just now."""
    return bool(db.read_rows(_AWAY, {"since": db.utcnow() - AWAY_FOR}))
