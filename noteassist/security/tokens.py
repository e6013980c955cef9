"""Tokens: signed ones (access), and secret ones (refresh, mailed) of which only the hash is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
from flask_jwt_extended import create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import InvalidTokenError

from noteassist.errors import NotAuthenticated

ISSUER = AUDIENCE = "noteassist"
LONGEST_TOKEN = 4096
REQUIRED_CLAIMS = frozenset({"sub", "sid", "jti", "iat", "exp", "type", "iss", "aud"})


def derived_key(secret_key: str, purpose: str) -> bytes:
    """Derive a key for one purpose, so that what is signed for one is worthless for another."""
    return hmac.digest(secret_key.encode(), b"noteassist:" + purpose.encode(), "sha256")


def new_secret() -> str:
    """Make a secret token of 256 bits."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """Hash a secret token for keeping; it has 256 bits, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def successor(secret_key: str, refresh: str) -> str:
    """Derive the refresh token that follows `refresh`.

    Derived and not drawn, so that a client which lost our answer can be given the same one again although
    only hashes are kept.
    """
    key = derived_key(secret_key, "refresh-successor")
    return hmac.new(key, refresh.encode(), hashlib.sha256).hexdigest()


def issue_access(
    claims: Mapping[str, Any], *, user_id: int, token_id: str, issued_at: datetime, minutes: int
) -> str:
    """Sign an access token; the same arguments give the same token."""
    times = {
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + timedelta(minutes=minutes)).timestamp()),
    }
    token: str = create_access_token(str(user_id), additional_claims={**claims, "jti": token_id, **times})
    return token


def read_access(token: str, *, now: datetime) -> Mapping[str, Any]:
    """Check an access token and give its claims; raises NotAuthenticated."""
    if len(token) > LONGEST_TOKEN:
        raise NotAuthenticated("The access token is not valid.", code="invalid_token")
    claims = _verified(token)
    if claims["exp"] <= now.timestamp():
        raise NotAuthenticated("The access token has expired.", code="invalid_token")
    return claims


def expiry_of(authorization: str) -> float:
    """Give the Unix time when the token of an Authorization header expires that was let in."""
    return float(_verified(authorization.partition(" ")[2].strip())["exp"])


# A token's signature does not change, and checking it costs more than all the rest of reading it.
@lru_cache(maxsize=20_000)
def _verified(token: str) -> Mapping[str, Any]:
    try:
        decode_token(token)
        # Read once more: the library adds the claims that it misses.
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (InvalidTokenError, JWTExtendedException, ValueError, TypeError, KeyError) as error:
        raise NotAuthenticated("The access token is not valid.", code="invalid_token") from error
    is_complete = all(claims.get(name) is not None for name in REQUIRED_CLAIMS)
    if not is_complete or claims["type"] != "access" or not _is_number(claims["sub"]):
        raise NotAuthenticated("The access token is not valid.", code="invalid_token")
    return claims


def _is_number(subject: object) -> bool:
    return isinstance(subject, str) and subject.isascii() and subject.isdigit()
