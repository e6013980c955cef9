"""Signing in to the console and out of it."""

from functools import partial

from sqlalchemy import delete, insert, select, update

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import NotAuthenticated
from noteassist.models import ConsoleSession, Session, User
from noteassist.security.actors import Actor, Origin
from noteassist.security.sessions import read_bearer
from noteassist.security.tokens import digest, new_secret
from noteassist.security.visits import LIFE, Visit
from noteassist.services import accounts, audit, sessions
from noteassist.services.audit import Deed


def open_visit(settings: Settings, *, email: str, password: str, otp: str | None, origin: Origin) -> str:
    """Sign in at the console; gives the value of the cookie. Raises InvalidCredentials, OtpRequired.

    A visit stands on a session like any other: where that is ended, it is too. Its tokens are given to nobody.
    """
    admin = _admin_of(email)
    try:
        pair = sessions.sign_in(settings, email=email, password=password, otp=otp, origin=origin)
    except NotAuthenticated as error:
        if admin is not None:
            tried = Deed("console.sign_in_failed", "user", str(admin), {"code": error.code})
            db.after_rollback(partial(audit.record_of, admin, origin, tried))
        raise
    now = db.utcnow()
    session_id = read_bearer(f"Bearer {pair['access']}", now).session_id
    ends = now + LIFE
    # Nobody can go on with it afterwards, so it is not to be listed as if somebody could.
    db.execute(update(Session).where(Session.id == session_id).values(expires_at=ends))
    cookie, user_id = new_secret(), int(pair["user"]["id"])
    values = {"user_id": user_id, "session_id": session_id, "last_seen_at": now, "expires_at": ends}
    db.execute(insert(ConsoleSession).values(token_hash=digest(cookie), **values))
    if admin is not None:
        audit.record_of(user_id, origin, Deed("console.sign_in", "user", str(user_id), {}))
    return cookie


def _admin_of(email: str) -> int | None:
    """Give the id of the administrator with this address."""
    own = (User.email == accounts.normalized_email(email)) & (User.role == "admin")
    found = db.read_rows(select(User.id).where(own))
    return found[0].id if found else None


def close_visit(visit: Visit, origin: Origin) -> None:
    """Sign out of the console: the visit ends, and the session that it stood on."""
    actor: Actor = visit.actor
    db.execute(delete(ConsoleSession).where(ConsoleSession.token_hash == digest(visit.cookie)))
    own = (Session.id == actor.session_id) & (Session.user_id == actor.user_id)
    db.execute(update(Session).where(own, Session.revoked_at.is_(None)).values(revoked_at=db.utcnow()))
    if actor.role == "admin":
        audit.record(actor, origin, Deed("console.sign_out", "user", str(actor.user_id), {}))
