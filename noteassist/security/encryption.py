"""Secrets that must be read again (tokens of other services) are encrypted in the database.

Fernet (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec) with a list of keys: the first one encrypts,
all of them decrypt, so keys can be exchanged while the server runs. What a secret is for is encrypted with it: a
ciphertext that is copied into another row does not decrypt there.
"""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class UnreadableSecret(Exception):
    """A secret cannot be decrypted: its key is gone, or it was not encrypted for this purpose."""


def encrypt(keys: Sequence[str], secret: str, purpose: str) -> str:
    """Encrypt a secret with the first key; `purpose` (without NUL) is needed again to decrypt it."""
    return _fernet(keys).encrypt(f"{purpose}\0{secret}".encode()).decode()


def decrypt(keys: Sequence[str], ciphertext: str, purpose: str) -> str:
    """Decrypt a secret; raises UnreadableSecret."""
    try:
        found, _, secret = _fernet(keys).decrypt(ciphertext).decode().partition("\0")
    except (InvalidToken, ValueError) as error:
        raise UnreadableSecret("none of the keys decrypts it") from error
    if found != purpose:
        raise UnreadableSecret("it was encrypted for another purpose")
    return secret


def reencrypted(keys: Sequence[str], ciphertext: str) -> str | None:
    """Encrypt a ciphertext anew with the first key; None where it has that key already. Raises UnreadableSecret."""
    try:
        Fernet(keys[0]).decrypt(ciphertext)
    except InvalidToken:
        pass
    else:
        return None
    try:
        return _fernet(keys).rotate(ciphertext).decode()
    except InvalidToken as error:
        raise UnreadableSecret("none of the keys decrypts it") from error


def _fernet(keys: Sequence[str]) -> MultiFernet:
    if not keys:
        raise UnreadableSecret("ENCRYPTION_KEYS is not set")
    return MultiFernet([Fernet(key) for key in keys])
