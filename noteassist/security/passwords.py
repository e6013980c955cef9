"""Hashing and judging passwords (argon2id; OWASP's figures: 19 MiB, 2 passes)."""

import importlib
import unicodedata
from functools import cache, lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MINIMUM_LENGTH, MAXIMUM_LENGTH = 10, 128


@lru_cache(maxsize=4)
def hasher(memory_kib: int) -> PasswordHasher:
    """Make the hasher for a memory cost in KiB."""
    return PasswordHasher(time_cost=2, memory_cost=memory_kib, parallelism=1)


def hash_password(password: str, memory_kib: int) -> str:
    """Hash a password for keeping."""
    return hasher(memory_kib).hash(normalized(password))


def verify_password(password_hash: str | None, password: str, memory_kib: int) -> bool:
    """Check a password in the same time whether or not there is a hash to check it against."""
    try:
        hasher(memory_kib).verify(password_hash or _hash_of_nobody(memory_kib), normalized(password))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def needs_rehash(password_hash: str, memory_kib: int) -> bool:
    """Say whether a hash was made with other parameters than today's."""
    return hasher(memory_kib).check_needs_rehash(password_hash)


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
    return hasher(memory_kib).hash("no account has this password")
