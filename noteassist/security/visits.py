"""Visits: browsers that are signed in to the console, each with a cookie of which only the hash is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update

from noteassist import db
from noteassist.models import ConsoleSession, Session, User
from noteassist.security.actors import Actor
from noteassist.security.tokens import digest

IDLE = timedelta(minutes=30)
LIFE = timedelta(hours=12)
# That somebody is still there is noted at most this often: most pages are read without a write.
NOTED_EVERY = timedelta(minutes=1)

_LIVE = db.Prepared(
    select(
        User.id,
        User.role,
        User.subscription_tier,
        User.is_email_verified,
        User.data_version,
        ConsoleSession.session_id,
        ConsoleSession.last_seen_at,
    )
    .join(ConsoleSession, ConsoleSession.user_id == User.id)
    .join(Session, (Session.id == ConsoleSession.session_id) & (Session.user_id == User.id))
    .where(
        ConsoleSession.token_hash == bindparam("token_hash", type_=ConsoleSession.token_hash.type),
        ConsoleSession.expires_at > bindparam("now", type_=Session.expires_at.type),
        ConsoleSession.last_seen_at > bindparam("idle_since", type_=Session.expires_at.type),
        Session.expires_at > bindparam("now", type_=Session.expires_at.type),
        Session.revoked_at.is_(None),
        User.is_active,
    )
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser at the console: whose it is, the value of its cookie, and when it was last noted."""

    actor: Actor
    cookie: str
    last_seen_at: datetime


def live_visit(cookie: str, now: datetime) -> Visit | None:
    """Give the visit that a cookie stands for; None where it has ended, or never was."""
    if not cookie:
        return None
    parameters: dict[str, Any] = {"token_hash": digest(cookie), "now": now, "idle_since": now - IDLE}
    for found in db.read_rows(_LIVE, parameters):
        actor = Actor(
            user_id=found.id,
            session_id=found.session_id,
            role=found.role,
            tier=found.subscription_tier,
            is_email_verified=found.is_email_verified,
            data_version=found.data_version,
        )
        return Visit(actor, cookie, found.last_seen_at)
    return None


def note_visit(visit: Visit, now: datetime) -> None:
    """Note that somebody is still there, unless that was done a moment ago."""
    if now - visit.last_seen_at > NOTED_EVERY:
        own = ConsoleSession.token_hash == digest(visit.cookie)
        with db.transaction():
            db.execute(update(ConsoleSession).where(own).values(last_seen_at=now))
