"""States: what somebody takes along to Google and brings back (RFC 6749 section 10.12, RFC 7636).

Signed, good for ten minutes and once. The PKCE verifier is derived from it, so nothing is written before the return.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from sqlalchemy import delete

from noteassist import db
from noteassist.config import Settings
from noteassist.models import DriveConsent
from noteassist.security.tokens import derived_key, new_secret

STATE_LIFE = timedelta(minutes=10)
LONGEST_STATE = 1024


class StateUnreadable(Exception):
    """A state is not ours, or not for this."""


class StateExpired(Exception):
    """A state was ours, too long ago."""


@dataclass(frozen=True)
class Returned:
    """A state that came back: what it says, what it is drawn with, until when it is good."""

    claims: Mapping[str, Any]
    nonce: str
    expires_at: datetime


def write(
    settings: Settings, purpose: str, claims: Mapping[str, Any], life: timedelta = STATE_LIFE
) -> tuple[str, str]:
    """Sign a state for one purpose; gives it and its nonce."""
    nonce = new_secret()
    ends = int((db.utcnow() + life).timestamp())
    said = {**claims, "jti": nonce, "exp": ends, "aud": purpose}
    return jwt.encode(said, derived_key(settings.secret_key, f"{purpose}-state"), "HS256"), nonce


def read(settings: Settings, purpose: str, state: str) -> Returned:
    """Read a state that came back; raises StateUnreadable, StateExpired."""
    key = derived_key(settings.secret_key, f"{purpose}-state")
    options: Any = {"require": ["jti", "exp", "aud"], "verify_exp": False}
    try:
        claims = jwt.decode(state[:LONGEST_STATE], key, ["HS256"], audience=purpose, options=options)
        found = Returned(claims, str(claims["jti"]), datetime.fromtimestamp(claims["exp"], UTC))
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise StateUnreadable from error
    if found.expires_at <= db.utcnow():
        raise StateExpired
    return found


def derived(settings: Settings, purpose: str, nonce: str) -> str:
    """Derive another secret from a state's nonce: 43 characters of URL-safe base64 (RFC 7636 section 4.1)."""
    key = derived_key(settings.secret_key, purpose)
    return urlsafe_b64encode(hmac.digest(key, nonce.encode(), "sha256")).decode().rstrip("=")


def use_up(nonce: str, expires_at: datetime) -> bool:
    """Let a state work once, in the open transaction; says whether it was still unused."""
    db.execute(delete(DriveConsent).where(DriveConsent.expires_at < db.utcnow()))
    values = {"state_hash": hashlib.sha256(nonce.encode()).digest(), "expires_at": expires_at}
    # Not by the number of rows: PostgreSQL's driver does not tell it of such an INSERT.
    used = db.insert_ignoring(DriveConsent).values(**values).returning(DriveConsent.state_hash)
    return db.execute(used).one_or_none() is not None
