"""The Flask half of security: who is calling? Every blueprint names one of these guards."""

from flask import g, request
from sqlalchemy import bindparam, select

from noteassist import db
from noteassist.errors import Forbidden, NotAuthenticated
from noteassist.models import Session, User
from noteassist.security.actors import Actor, Origin
from noteassist.security.permissions import Permission, allows
from noteassist.security.tokens import read_access

# One statement says whether the session lives, whether the user may sign in, and what they are today.
LIVE_SESSION = db.Prepared(
    select(
        User.id,
        User.role,
        User.subscription_tier,
        User.is_email_verified,
        User.data_version,
    )
    .join(Session, Session.user_id == User.id)
    .where(
        Session.id == bindparam("session_id"),
        Session.user_id == bindparam("user_id"),
        Session.revoked_at.is_(None),
        Session.expires_at > bindparam("now"),
        User.is_active,
    )
)


def anyone() -> None:
    """Let everybody in."""


def signed_in() -> None:
    """Let in whoever has a valid access token of a session that lives; raises NotAuthenticated."""
    actor = _actor_of(_bearer_token())
    if not allows(Permission.OWN_DATA, actor):
        raise Forbidden
    g.actor = actor


def is_still_signed_in(actor: Actor) -> bool:
    """Say whether the session and the account of a caller still live: for answers that take long."""
    parameters = {"session_id": actor.session_id, "user_id": actor.user_id, "now": db.utcnow()}
    return bool(db.read_rows(LIVE_SESSION, parameters))


def current_actor() -> Actor:
    """Give the caller that the guard let in."""
    actor: Actor = g.actor
    return actor


def current_origin() -> Origin:
    """Tell the caller's device and address."""
    device = " ".join(request.headers.get("User-Agent", "").split())[:255]
    return Origin(device=device, ip=request.environ.get("noteassist.client", ""))


def _bearer_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated
    return token.strip()


def _actor_of(token: str) -> Actor:
    now = db.utcnow()
    claims = read_access(token, now=now)
    session_id, user_id = int(claims["sid"]), int(claims["sub"])
    parameters = {"session_id": session_id, "user_id": user_id, "now": now}
    found = next(iter(db.read_rows(LIVE_SESSION, parameters)), None)
    if found is None:
        raise NotAuthenticated("This session has ended.", code="invalid_token")
    return Actor(
        user_id=found.id,
        session_id=session_id,
        role=found.role,
        tier=found.subscription_tier,
        is_email_verified=found.is_email_verified,
        data_version=found.data_version,
    )
