"""Hashing and judging passwords (argon2id, RFC 9106; OWASP's figures: 19 MiB, 2 passes).

By libsodium, which takes the widest vectors that the processor has: with AVX-512 in 6 ms what code for every x86-64
takes 15 ms for.
"""

import importlib
import unicodedata
from functools import cache

from nacl.exceptions import InvalidkeyError
from nacl.pwhash import argon2id

MINIMUM_LENGTH, MAXIMUM_LENGTH = 10, 128
PASSES = 2


def hash_password(password: str, memory_kib: int) -> str:
    """Hash a password for keeping, with so many KiB of memory: `$argon2id$v=19$m=...,t=2,p=1$salt$hash`."""
    secret = normalized(password).encode()
    return argon2id.str(secret, opslimit=PASSES, memlimit=memory_kib * 1024).decode()


def verify_password(password_hash: str | None, password: str, memory_kib: int) -> bool:
    """Check a password in the same time whether or not there is a hash to check it against."""
    known = password_hash or _hash_of_nobody(memory_kib)
    try:
        argon2id.verify(known.encode(), normalized(password).encode())
    except (InvalidkeyError, ValueError):
        # Wrong, or not a hash at all.
        return False
    return password_hash is not None


def needs_rehash(password_hash: str, memory_kib: int) -> bool:
    """Say whether a hash was made with other parameters than today's."""
    return not password_hash.startswith(f"$argon2id$v=19$m={memory_kib},t={PASSES},p=1$")


def weakness(password: str, email: str) -> str | None:
    """Say why a password is not accepted, or None."""
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        return f"Use {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters."
    folded = password.casefold().strip()
    if folded in {email.casefold(), email.casefold().partition("@")[0]}:
        return "Do not use your e-mail address as password."
    if folded in common_passwords():
        return "This is one of the most common passwords; choose another."
    return None


@cache
def common_passwords() -> frozenset[str]:
    """Give the common passwords that are long enough to be chosen here."""
    # 12 MB of lists that only a registration needs; loaded with the first one.
    lists = importlib.import_module("zxcvbn.frequency_lists").FREQUENCY_LISTS
    return frozenset(word for word in lists["passwords"] if len(word) >= MINIMUM_LENGTH)


def normalized(password: str) -> str:
    """Bring a password to one Unicode form, so that two keyboards give the same one (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


@cache
def _hash_of_nobody(memory_kib: int) -> str:
    return hash_password("no account has this password", memory_kib)
