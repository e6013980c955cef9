"""Sessions that live: whose an access token is, and who that is today."""

from collections.abc import Sequence
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
# Who a session belongs to, as they are today.
LIVE_SESSION = (
    text(f"SELECT {', '.join(str(column.expression) for column in _COLUMNS)} {FROM_LIVE_SESSION}")
    .bindparams(
        bindparam("session", type_=Session.id.type),
        bindparam("owner", type_=User.id.type),
        bindparam("now", type_=Session.expires_at.type),
    )
    .columns(*_COLUMNS)
)
_LIVE_SESSION = db.Prepared(LIVE_SESSION)


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
    for found in db.read_rows(_LIVE_SESSION, session_parameters(bearer, now)):
        return actor_of(found, bearer)
    return None


def session_parameters(bearer: Bearer, now: datetime) -> dict[str, Any]:
    """Give the parameters of LIVE_SESSION."""
    return {"session": bearer.session_id, "owner": bearer.user_id, "now": now}


def actor_of(row: Sequence[Any], bearer: Bearer) -> Actor:
    """Make the caller of a row that begins with the columns of LIVE_SESSION."""
    user_id, role, tier, is_verified, data_version, notes_version, ends = row[:7]
    return Actor(
        user_id=user_id,
        session_id=bearer.session_id,
        role=role,
        tier=tier,
        is_email_verified=is_verified,
        data_version=data_version,
        notes_version=notes_version,
        session_ends=ends,
    )
