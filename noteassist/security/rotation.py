"""Exchanging encryption keys: what is encrypted in the database is encrypted anew with the first of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from noteassist import db
from noteassist.models import DriveConnection, DriveRevocation, DriveUpload, TwoFactor
from noteassist.security.encryption import UnreadableSecret, reencrypted

BATCH = 500
# Every column that holds something encrypted, with the key of its table.
ENCRYPTED: tuple[tuple[Any, Any], ...] = (
    (DriveConnection.user_id, DriveConnection.refresh_token),
    (DriveConnection.user_id, DriveConnection.access_token),
    (DriveUpload.task_id, DriveUpload.session_uri),
    (DriveRevocation.id, DriveRevocation.refresh_token),
    (TwoFactor.user_id, TwoFactor.secret),
)


@dataclass
class Rotation:
    """What was done: how many secrets were encrypted anew, had the first key already, or cannot be read."""

    changed: int = 0
    current: int = 0
    unreadable: int = 0


def rotate(keys: Sequence[str]) -> Rotation:
    """Encrypt every secret with the first key, some hundred at a time; must not run inside a transaction.

    The server may run meanwhile, with the same keys: what it writes in between is left as it is.
    """
    done = Rotation()
    for key, column in ENCRYPTED:
        last = None
        while found := _next(key, column, last):
            last = found[-1][0]
            with db.transaction():
                for row_key, ciphertext in found:
                    _exchange(keys, key == row_key, column, ciphertext, done)
    return done


def _next(key: Any, column: Any, last: Any) -> Sequence[db.AnyRow]:
    wanted = select(key, column).where(column.is_not(None)).order_by(key).limit(BATCH)
    return db.read_rows(wanted if last is None else wanted.where(key > last))


def _exchange(keys: Sequence[str], row: Any, column: Any, ciphertext: str, done: Rotation) -> None:
    try:
        renewed = reencrypted(keys, ciphertext)
    except UnreadableSecret:
        done.unreadable += 1
        return
    if renewed is None:
        done.current += 1
        return
    # Unless it was changed since it was read.
    unchanged = update(column.class_).where(row, column == ciphertext)
    db.execute(unchanged.values({column: renewed}))
    done.changed += 1
