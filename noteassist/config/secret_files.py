"""Secrets: judging them, and making the ones that the embedded server needs."""

import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

MINIMUM_SECRET_LENGTH = 32


def secret_weakness(secret: str) -> str | None:
    """Say why a secret is too weak to sign with, or None (RFC 7518 section 3.2 asks for 256 bits)."""
    if len(secret.encode()) < MINIMUM_SECRET_LENGTH:
        return f"is shorter than {MINIMUM_SECRET_LENGTH} characters"
    if len(set(secret)) < 10:
        return "has fewer than 10 different characters"
    if any(word in secret.lower() for word in ("changeme", "change-me", "change_me", "insecure")):
        return "is an example, not a secret"
    return None


def new_signing_secret() -> str:
    """Make a secret to sign with, of 384 bits."""
    return secrets.token_urlsafe(48)


def new_encryption_key() -> str:
    """Make a Fernet key: 256 bits in URL-safe base64."""
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def generated_secret(path: Path, make: Callable[[], str] = new_signing_secret) -> str:
    """Read the secret kept at `path`, made there once with mode 0600 by whoever comes first."""
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(make())
    try:
        # A link fails when the name is taken: of two processes that start together one secret wins, whole.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()
