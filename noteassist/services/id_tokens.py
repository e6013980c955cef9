"""ID tokens: what Google says of who has signed in (OpenID Connect Core, section 3.1.3.7)."""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

ISSUER = "https://accounts.google.com"
ALGORITHM = "RS256"
LEEWAY_SECONDS = 30
LONGEST_TOKEN = 16_384
LONGEST_SUBJECT, LONGEST_EMAIL, LONGEST_NAME = 255, 254, 255
_REQUIRED = ["iss", "aud", "exp", "iat", "sub", "nonce"]


class IdTokenInvalid(Exception):
    """An ID token that proves nothing."""


@dataclass(frozen=True)
class Identity:
    """Who signed in: `issuer` and `subject` name them for ever; the rest may change."""

    issuer: str
    subject: str
    email: str
    is_email_verified: bool
    name: str


def verified(token: str, keys: Sequence[Mapping[str, Any]], *, audience: str, nonce: str) -> Identity:
    """Check an ID token and give whom it names; raises IdTokenInvalid.

    It is signed by Google with RS256 and one of its keys, for us, not expired, and for the request that had `nonce`.
    """
    try:
        claims = jwt.decode(
            token[:LONGEST_TOKEN],
            _signing_key(token, keys),
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )
    except (jwt.InvalidTokenError, jwt.PyJWKError, ValueError, TypeError) as error:
        raise IdTokenInvalid(str(error)) from error
    # A list of audiences would have others than us in it.
    if claims["aud"] != audience or not hmac.compare_digest(str(claims["nonce"]), nonce):
        raise IdTokenInvalid("it is for another request")
    return _identity(claims)


def _signing_key(token: str, keys: Sequence[Mapping[str, Any]]) -> Any:
    """Find the key that a token says it is signed with; raises IdTokenInvalid, PyJWTError."""
    header = jwt.get_unverified_header(token[:LONGEST_TOKEN])
    if header.get("alg") != ALGORITHM:
        raise IdTokenInvalid("it is not signed with RS256")
    for key in keys:
        if key.get("kid") == header.get("kid") and key.get("kty") == "RSA":
            return jwt.PyJWK(dict(key), algorithm=ALGORITHM).key
    raise IdTokenInvalid("it is signed with an unknown key")


def _identity(claims: Mapping[str, Any]) -> Identity:
    subject, email = claims["sub"], claims.get("email")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise IdTokenInvalid("it has no subject")
    is_address = isinstance(email, str) and re.fullmatch(r"[^@\s\x00]+@[^@\s\x00]+", email.strip())
    if not isinstance(email, str) or not is_address or len(email) > LONGEST_EMAIL:
        raise IdTokenInvalid("it has no e-mail address")
    name = " ".join(str(claims.get("name") or "").replace("\0", "").split())
    is_verified = claims.get("email_verified") is True
    return Identity(ISSUER, subject, email.strip().lower(), is_verified, name[:LONGEST_NAME])
