"""Two-factor sign-in: one-time passwords by the clock (TOTP, RFC 6238), and codes for who has lost the device.

A one-time password is accepted once, and none from before it: of two requests that bring the same one at once, the
second waits for the first in the database, and then sees that it is used.
"""

import hmac
import io
import logging
import secrets
from base64 import b32encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pyotp
import segno
from sqlalchemy import delete, insert, select, update

from noteassist import db
from noteassist.account_errors import (
    EncryptionNotConfigured,
    InvalidOtp,
    TooManyOtps,
    TwoFactorNotOn,
    TwoFactorNotSetUp,
    TwoFactorOn,
)
from noteassist.config import Settings
from noteassist.models import RecoveryCode, TwoFactor
from noteassist.security import encryption
from noteassist.security.actors import Actor
from noteassist.security.encryption import UnreadableSecret
from noteassist.security.tokens import digest
from noteassist.services import accounts, mail
from noteassist.services.versions import begin_write

log = logging.getLogger(__name__)

ISSUER = "NoteAssist"
STEP_SECONDS = 30
DRIFT_STEPS = 1
"""So many steps may the clock of the device be ahead or behind."""
RECOVERY_CODES = 10
CODE_BYTES = 10
"""80 random bits: nobody finds a code by its hash."""
MOST_FAILURES = 10
FAILURES_WITHIN = timedelta(minutes=15)


def secret_purpose(user_id: int) -> str:
    """Say what a user's secret is encrypted for."""
    return f"one-time passwords of user {user_id}"


def set_up(settings: Settings, actor: Actor) -> dict[str, str]:
    """Make a new secret for me, which counts when it is confirmed; raises TwoFactorOn, EncryptionNotConfigured."""
    if not settings.encryption_keys:
        raise EncryptionNotConfigured
    begin_write(actor.user_id)
    if _is_on(actor.user_id):
        raise TwoFactorOn
    secret = pyotp.random_base32()
    sealed = encryption.encrypt(settings.encryption_keys, secret, secret_purpose(actor.user_id))
    db.execute(delete(TwoFactor).where(TwoFactor.user_id == actor.user_id))
    db.execute(insert(TwoFactor).values(user_id=actor.user_id, secret=sealed, created_at=db.utcnow()))
    uri = pyotp.TOTP(secret).provisioning_uri(name=accounts.email_of(actor.user_id), issuer_name=ISSUER)
    return {"secret": secret, "otpauth_uri": uri, "qr_svg": _qr(uri)}


def _qr(uri: str) -> str:
    """Draw a QR code as SVG."""
    out = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(out, kind="svg", scale=4, xmldecl=False, nl=False)
    return out.getvalue().decode()


def confirm(settings: Settings, actor: Actor, otp: str) -> list[str]:
    """Switch my two-factor sign-in on with the first one-time password; gives the recovery codes, shown this once.

    Raises TwoFactorOn, TwoFactorNotSetUp, InvalidOtp, TooManyOtps.
    """
    begin_write(actor.user_id)
    found = _row(actor.user_id)
    if found is None:
        raise TwoFactorNotSetUp
    if found.confirmed_at is not None:
        raise TwoFactorOn
    _use(settings, found, otp)
    own = TwoFactor.user_id == actor.user_id
    db.execute(update(TwoFactor).where(own).values(confirmed_at=db.utcnow()))
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    db.execute(delete(RecoveryCode).where(RecoveryCode.user_id == actor.user_id))
    records = [{"user_id": actor.user_id, "code_hash": _code_hash(code)} for code in codes]
    db.execute(insert(RecoveryCode), records)
    mail.send_later("two_factor_on", accounts.email_of(actor.user_id), user_id=actor.user_id)
    return codes


def switch_off(settings: Settings, actor: Actor, *, otp: str, password: str | None = None) -> None:
    """Switch my two-factor sign-in off; an account that has no password needs none.

    Raises InvalidCredentials, TwoFactorNotOn, InvalidOtp, TooManyOtps.
    """
    if accounts.has_password(actor.user_id):
        accounts.require_password(settings, actor.user_id, password or "")
    begin_write(actor.user_id)
    if not _is_on(actor.user_id):
        raise TwoFactorNotOn
    require_otp(settings, actor.user_id, otp)
    for model in (TwoFactor, RecoveryCode):
        db.execute(delete(model).where(model.user_id == actor.user_id))
    mail.send_later("two_factor_off", accounts.email_of(actor.user_id), user_id=actor.user_id)


def require_otp(settings: Settings, user_id: int, otp: str) -> None:
    """Use a one-time password or a recovery code up, in the open transaction; raises InvalidOtp, TooManyOtps."""
    found = _row(user_id)
    if found is None or found.confirmed_at is None:
        raise InvalidOtp
    _use(settings, found, otp)


def _row(user_id: int) -> db.AnyRow | None:
    """Read somebody's secret, for one transaction at a time."""
    return db.row(select(*TwoFactor.__table__.c).where(TwoFactor.user_id == user_id).with_for_update())


def _is_on(user_id: int) -> bool:
    found = _row(user_id)
    return found is not None and found.confirmed_at is not None


def _use(settings: Settings, found: db.AnyRow, otp: str) -> None:
    now = db.utcnow()
    if found.failures >= MOST_FAILURES and found.failing_since > now - FAILURES_WITHIN:
        seconds = (found.failing_since + FAILURES_WITHIN - now).total_seconds()
        raise TooManyOtps(headers={"Retry-After": str(int(seconds) + 1)})
    given = otp.replace(" ", "").replace("-", "")
    step = _matching_step(settings, found, given, now)
    if step is None and not (found.confirmed_at and _take_code(found.user_id, given)):
        # Beside the refusal, which takes everything else back.
        db.after_rollback(partial(_count_failure, found.user_id))
        raise InvalidOtp
    values: dict[str, Any] = {"failures": 0, "failing_since": None}
    if step is not None:
        values["last_step"] = step
    db.execute(update(TwoFactor).where(TwoFactor.user_id == found.user_id).values(**values))


def _matching_step(settings: Settings, found: db.AnyRow, given: str, now: datetime) -> int | None:
    """Give the time step that a one-time password is of; None where it is of none, or of none that is still unused."""
    try:
        purpose = secret_purpose(found.user_id)
        secret = encryption.decrypt(settings.encryption_keys, found.secret, purpose)
    except UnreadableSecret:
        log.exception("the secret of user %s cannot be decrypted: was a key lost?", found.user_id)
        return None
    expected = pyotp.TOTP(secret, interval=STEP_SECONDS)
    right = [step for step in _steps(now) if hmac.compare_digest(expected.generate_otp(step), given)]
    return next((step for step in right if step > found.last_step), None)


def _steps(now: datetime) -> Iterator[int]:
    current = int(now.timestamp()) // STEP_SECONDS
    yield from range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1)


def _new_code() -> str:
    letters = b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower()
    return "-".join(letters[place : place + 4] for place in range(0, len(letters), 4))


def _code_hash(code: str) -> bytes:
    return digest(code.replace("-", "").lower())


def _take_code(user_id: int, given: str) -> bool:
    """Use a recovery code up; says whether there was such a one."""
    own = (RecoveryCode.user_id == user_id) & (RecoveryCode.code_hash == _code_hash(given))
    return db.execute(delete(RecoveryCode).where(own)).rowcount > 0


def _count_failure(user_id: int) -> None:
    """Count a wrong one-time password; those of a while ago are forgotten."""
    now = db.utcnow()
    own = TwoFactor.user_id == user_id
    is_recent = TwoFactor.failing_since > now - FAILURES_WITHIN
    counted = update(TwoFactor).where(own, is_recent).values(failures=TwoFactor.failures + 1)
    if not db.execute(counted).rowcount:
        db.execute(update(TwoFactor).where(own).values(failures=1, failing_since=now))
