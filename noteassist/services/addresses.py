"""Proving that an e-mail address is one's own: verification, changing it, and new passwords by mail."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import EmailTaken, Unprocessable
from noteassist.models import EmailToken, User
from noteassist.security import passwords
from noteassist.security.actors import Actor
from noteassist.security.tokens import digest
from noteassist.services import accounts, mail
from noteassist.services.versions import begin_write


def confirm_address(token: str) -> dict[str, Any]:
    """Take the token of a verification mail; the account then has that address, verified.

    Raises Unprocessable for a token that is unknown, used or expired, EmailTaken.
    """
    mailed = use_token(token, "verify_email", "change_email")
    begin_write(mailed.user_id)
    if mailed.purpose == "verify_email":
        own = (User.id == mailed.user_id) & (User.email == mailed.email)
        if db.execute(update(User).where(own).values(is_email_verified=True)).rowcount == 0:
            raise bad_token()
    else:
        own = User.id == mailed.user_id
        try:
            db.execute(update(User).where(own).values(email=mailed.email, is_email_verified=True))
        except IntegrityError as error:
            raise EmailTaken from error
    return accounts.describe(mailed.user_id)


def use_token(token: str, *purposes: str) -> db.AnyRow:
    """Use a mailed token up; raises Unprocessable."""
    now = db.utcnow()
    valid = (EmailToken.token_hash == digest(token)) & EmailToken.used_at.is_(None)
    of_somebody = EmailToken.user_id.in_(select(User.id).where(User.is_active))
    used = update(EmailToken).where(valid, of_somebody)
    used = used.where(EmailToken.expires_at > now, EmailToken.purpose.in_(purposes))
    columns = (EmailToken.user_id, EmailToken.purpose, EmailToken.email)
    found = db.execute(used.values(used_at=now).returning(*columns)).one_or_none()
    if found is None:
        raise bad_token()
    return found


def bad_token() -> Unprocessable:
    """Make the refusal of a mailed token, whatever is wrong with it."""
    message = "This token is not valid, was used before, or has expired."
    return Unprocessable(message, code="invalid_token", errors={"json": {"token": [message]}})


def resend_verification(actor: Actor) -> None:
    """Mail me another verification token, unless my address is verified."""
    if not actor.is_email_verified:
        email = accounts.describe(actor.user_id)["email"]
        mail.send_later("verify_email", email, user_id=actor.user_id)


def request_change(settings: Settings, actor: Actor, *, password: str, email: str) -> None:
    """Mail a token to my new address, and tell the old one; raises InvalidCredentials, EmailTaken."""
    accounts.require_password(settings, actor.user_id, password)
    address = accounts.normalized_email(email)
    if db.row(select(User.id).where(User.email == address)) is not None:
        raise EmailTaken
    old = accounts.describe(actor.user_id)["email"]
    mail.send_later("change_email", address, user_id=actor.user_id)
    mail.send_later("change_email_notice", old, user_id=actor.user_id)


def request_reset(email: str) -> None:
    """Mail a token for a new password, if there is such an account.

    Whether there is one is looked up when the mail is made, so this takes the same time in either case.
    """
    mail.send_later("reset_password", accounts.normalized_email(email))


def reset_password(settings: Settings, *, token: str, password: str) -> None:
    """Set a new password by a mailed token and end all sessions; raises Unprocessable."""
    accounts.require_strong(password, "")
    password_hash = passwords.hash_password(password, settings.password_memory_kib)
    mailed = use_token(token, "reset_password")
    accounts.require_strong(password, mailed.email)
    begin_write(mailed.user_id)
    accounts.set_password(mailed.user_id, password_hash)
    now = db.utcnow()
    accounts.end_sessions(mailed.user_id, now)
    others = (EmailToken.user_id == mailed.user_id) & (EmailToken.purpose == "reset_password")
    db.execute(update(EmailToken).where(others, EmailToken.used_at.is_(None)).values(used_at=now))
