"""Idempotency-Key: a request that is sent again has its effect once and its first answer again.

The key's row is written in the transaction of the effect. So after a crash either both are there, or neither,
and a second request with the same key waits in the database until the first has ended.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Response, g, request
from sqlalchemy import delete, select, update

from noteassist import db
from noteassist.account_errors import EncryptionNotConfigured
from noteassist.api.answers import SecretResponse
from noteassist.api.prefer import preferred_wait
from noteassist.api.settings import current_settings
from noteassist.errors import Conflict, IdempotencyKeyReused, MalformedRequest
from noteassist.models import IdempotencyKey
from noteassist.security import encryption
from noteassist.security.encryption import UnreadableSecret
from noteassist.services.housekeeping import IDEMPOTENCY_KEYS_KEPT

# A request that waits and is not done so long after its time has died with its process.
GRACE = timedelta(seconds=5)
PROVISIONAL_STATUS = 202
PRINTABLE = re.compile(r"[ -~]{1,255}")
# Stands among the headers of an answer that is not final, and is never sent: how many seconds its request may work.
WORKING = "working seconds"
KEPT_HEADERS = ("Content-Type", "Location", "ETag", "Cache-Control", "Vary", "Preference-Applied")


def requested_key() -> str | None:
    """Give the key of this request, or None where there is none to honour; raises MalformedRequest."""
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method != "POST" or "actor" not in g:
        return None
    if not PRINTABLE.fullmatch(key):
        message = "An Idempotency-Key has 1 to 255 printable ASCII characters."
        raise MalformedRequest(message, code="malformed_idempotency_key")
    return key


def once(key: str, answer: Callable[[], Response]) -> Response:
    """Give the first answer to this key, made by `answer` in the open transaction if there is none yet."""
    identity = {"user_id": g.actor.user_id, "method": request.method, "path": request.path, "key": key}
    request_hash = _request_hash()
    now = db.utcnow()
    own = [getattr(IdempotencyKey, name) == value for name, value in identity.items()]
    row = identity | {"request_hash": request_hash, "created_at": now}
    if not _insert(row):
        if (first := _replay(own, request_hash, now)) is not None:
            return first
        db.execute(delete(IdempotencyKey).where(*own))
        _insert(row)
    g.idempotency_key = own
    response = answer()
    if 200 <= response.status_code < 300:
        keep(response)
    else:
        forget()
    return response


def keep(response: Response, *, is_final: bool = True, seconds: float = 0.0) -> None:
    """Keep an answer for this request's key, if it has one: a repeated request gets it from the commit on.

    One that `is_final` not is for a request that goes on to wait, or to work for at most so many seconds: it counts if
    this process dies meanwhile, and until then a repeated request is told to come back.
    """
    if "idempotency_key" in g:
        kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        status = response.status_code if is_final else None
        if not is_final:
            kept[WORKING] = str(seconds)
        values = {"status": status, "headers": kept, "body": response.get_data(), "is_encrypted": False}
        if isinstance(response, SecretResponse):
            values |= {"body": _encrypted(response), "is_encrypted": True}
        db.execute(update(IdempotencyKey).where(*g.idempotency_key).values(**values))


def _encrypted(response: Response) -> bytes:
    """Encrypt an answer that carries a secret; raises EncryptionNotConfigured."""
    keys = current_settings().encryption_keys
    if not keys:
        raise EncryptionNotConfigured
    return encryption.encrypt(keys, response.get_data(as_text=True), _purpose()).encode()


def _purpose() -> str:
    return f"answer to {request.path} of user {g.actor.user_id}"


def _body_of(first: db.AnyRow) -> bytes | None:
    """Give the body of a first answer; raises Conflict where its key is gone."""
    if not first.is_encrypted:
        body: bytes | None = first.body
        return body
    try:
        keys = current_settings().encryption_keys
        return encryption.decrypt(keys, bytes(first.body).decode(), _purpose()).encode()
    except UnreadableSecret as error:
        message = "The first answer to this key cannot be read any more."
        raise Conflict(message, code="answer_unreadable") from error


def forget() -> None:
    """Forget what was kept for this request's key: it may be sent again as if for the first time."""
    if "idempotency_key" in g:
        db.execute(delete(IdempotencyKey).where(*g.idempotency_key))


def _insert(row: dict[str, Any]) -> bool:
    """Take a key; says whether it was free. PostgreSQL waits here while another request with it is running."""
    inserted = db.insert_ignoring(IdempotencyKey).values(**row).returning(IdempotencyKey.user_id)
    return db.execute(inserted).one_or_none() is not None


def _replay(own: list[Any], request_hash: bytes, now: datetime) -> Response | None:
    """Give the first answer again, or None where it is too old; raises IdempotencyKeyReused."""
    names = ("request_hash", "status", "headers", "body", "is_encrypted", "created_at")
    first = db.row(select(*(getattr(IdempotencyKey, name) for name in names)).where(*own))
    if first is None or first.created_at < now - IDEMPOTENCY_KEYS_KEPT:
        return None
    if first.request_hash != request_hash:
        raise IdempotencyKeyReused
    headers = dict(first.headers or {})
    # The Prefer header is part of the hash: the first request waits as long as this one would.
    seconds = float(headers.pop(WORKING, 0)) + (preferred_wait() or 0)
    if first.status is None and first.created_at > now - timedelta(seconds=seconds) - GRACE:
        detail = "The first request with this key is still running."
        raise Conflict(detail, code="request_in_progress", headers={"Retry-After": "1"})
    response = Response(_body_of(first), first.status or PROVISIONAL_STATUS, headers)
    if "Content-Type" not in headers:
        del response.headers["Content-Type"]
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _request_hash() -> bytes:
    parts = (request.query_string, request.headers.get("Prefer", "").encode(), request.get_data())
    return hashlib.sha256(b"\0".join(parts)).digest()
