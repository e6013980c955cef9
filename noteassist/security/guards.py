"""The Flask half of security: who is calling? Every blueprint names one of these guards."""

from flask import g, request

from noteassist import db
from noteassist.errors import Forbidden, NotAuthenticated
from noteassist.security import events
from noteassist.security.actors import Actor, Origin
from noteassist.security.permissions import Permission, allows
from noteassist.security.sessions import Bearer, live_actor, read_bearer


def anyone() -> None:
    """Let everybody in."""


def signed_in() -> None:
    """Let in whoever has a valid access token of a session that lives; raises NotAuthenticated."""
    g.actor = read_actor(request.headers.get("Authorization", ""))
    # For the access line.
    request.environ["noteassist.user"] = g.actor.user_id


def admin_only() -> None:
    """Let in administrators with an access token; raises NotAuthenticated, and Forbidden for everybody else."""
    signed_in()
    if not allows(Permission.ADMINISTRATION, current_actor()):
        raise Forbidden


def read_actor(authorization: str) -> Actor:
    """Give whoever an Authorization header names; raises NotAuthenticated, Forbidden."""
    now = db.utcnow()
    actor = live_actor(read_bearer(authorization, now), now)
    if actor is None:
        raise NotAuthenticated("This session has ended.", code="invalid_token")
    if not allows(Permission.OWN_DATA, actor):
        events.happened(events.ROLE_FORBIDDEN, user_id=actor.user_id)
        raise Forbidden
    return actor


def is_still_signed_in(actor: Actor) -> bool:
    """Say whether the session and the account of a caller still live: for answers that take long."""
    return live_actor(Bearer(actor.user_id, actor.session_id), db.utcnow()) is not None


def current_actor() -> Actor:
    """Give the caller that the guard let in."""
    actor: Actor = g.actor
    return actor


def current_origin() -> Origin:
    """Tell the caller's device and address."""
    device = " ".join(request.headers.get("User-Agent", "").split())[:255]
    return Origin(
        device=device,
        ip=request.environ.get("noteassist.client", ""),
        request_id=request.environ.get("noteassist.request_id", ""),
    )
