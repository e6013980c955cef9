"""OpenID Connect behind the stand-in for Google: the keys it signs with, and what it says of who has signed in."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://accounts.google.com"
LIFE = 3600


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """Make a key, once for each name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def number(value: int) -> str:
    """Write a number as JSON Web Keys do."""
    return urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8)).decode().rstrip("=")


def published(*names: str) -> dict[str, Any]:
    """Give public keys as Google shows them."""
    keys = []
    for name in names:
        public = private_key(name).public_key().public_numbers()
        own = {"n": number(public.n), "e": number(public.e)}
        keys.append({"kid": name, "kty": "RSA", "alg": "RS256", "use": "sig", **own})
    return {"keys": keys}


def id_token(
    claims: Mapping[str, Any], *, kid: str = "first", key: str = "first", algorithm: str = "RS256"
) -> str:
    """Sign an ID token; claims that are None are left out."""
    now = int(time.time())
    said = {"iss": ISSUER, "iat": now, "exp": now + LIFE, **claims}
    said = {name: value for name, value in said.items() if value is not None}
    secret: Any = {"RS256": private_key(key), "HS256": "x" * 32, "none": None}[algorithm]
    return jwt.encode(said, secret, algorithm, headers={"kid": kid})
