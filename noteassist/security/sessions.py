"""Sessions that live: whose an access token is, and who that is today."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, text

from noteassist import db
from noteassist.errors import NotAuthenticated
from noteassist.models import Session, User
from noteassist.security.actors import Actor
from noteassist.security.tokens import read_access

# What every request asks the database: does the session live, and may its user sign in? With :session, :owner, :now.
FROM_LIVE_SESSION = """\
FROM users JOIN sessions ON sessions.user_id = users.id
WHERE sessions.id = :session AND sessions.user_id = :owner AND sessions.revoked_at IS NULL
    AND sessions.expires_at > :now AND users.is_active"""
_COLUMNS = (
    User.id,
    User.role,
    User.subscription_tier,
    User.is_email_verified,
    User.data_version,
    User.notes_version,
    Session.expires_at,
)
_LIVE_SESSION = db.Prepared(
    text(f"SELECT {', '.join(str(column.expression) for column in _COLUMNS)} {FROM_LIVE_SESSION}")
    .bindparams(
        bindparam("session", type_=Session.id.type),
        bindparam("owner", type_=User.id.type),
        bindparam("now", type_=Session.expires_at.type),
    )
    .columns(*_COLUMNS)
)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose an access token says it is; its session may have ended since."""

    user_id: int
    session_id: int


def read_bearer(authorization: str, now: datetime) -> Bearer:
    """Read the token of an Authorization header; raises NotAuthenticated."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated
    claims = read_access(token.strip(), now=now)
    return Bearer(user_id=int(claims["sub"]), session_id=int(claims["sid"]))


def live_actor(bearer: Bearer, now: datetime) -> Actor | None:
    """Give whoever a token belongs to, as they are today; None where the session has ended."""
    parameters: dict[str, Any] = {"session": bearer.session_id, "owner": bearer.user_id, "now": now}
    for found in db.read_rows(_LIVE_SESSION, parameters):
        return Actor(
            user_id=found.id,
            session_id=bearer.session_id,
            role=found.role,
            tier=found.subscription_tier,
            is_email_verified=found.is_email_verified,
            data_version=found.data_version,
            notes_version=found.notes_version,
            session_ends=found.expires_at,
        )
    return None
