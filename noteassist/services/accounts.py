"""Accounts: registration, the profile, and closing."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import (
    EmailTaken,
    InvalidCredentials,
    NotAuthenticated,
    NotFound,
    SignupClosed,
    Unprocessable,
)
from noteassist.freshness import will_change
from noteassist.models import OutboxMail, Profile, Session, TwoFactor, User
from noteassist.security import events, passwords
from noteassist.security.actors import Actor
from noteassist.services import mail
from noteassist.services.versions import begin_write

ACCOUNT_COLUMNS = ("id", "email", "name", "is_email_verified", "role", "subscription_tier")
ACCOUNT_FIELDS = (*ACCOUNT_COLUMNS, "two_factor_enabled")
ACCOUNT_TIMES = ("created_at", "last_login_at")
PROFILE_FIELDS = ("bio", "avatar_url", "timezone", "language", "daily_goal")
NOTIFICATION_FIELDS = ("email_reminders", "weekly_summary", "product_news", "ai_completed")

_ACCOUNT = db.Prepared(
    select(
        *(getattr(User, name) for name in (*ACCOUNT_COLUMNS, *ACCOUNT_TIMES)),
        *(getattr(Profile, name) for name in (*PROFILE_FIELDS, *NOTIFICATION_FIELDS)),
        TwoFactor.confirmed_at.is_not(None).label("two_factor_enabled"),
    )
    .join(Profile, Profile.user_id == User.id)
    .outerjoin(TwoFactor, TwoFactor.user_id == User.id)
    .where(User.id == bindparam("user_id"))
)


def email_of(user_id: int) -> str:
    """Give the address of an account that is there."""
    return str(db.rows(select(User.email).where(User.id == user_id))[0].email)


def normalized_email(email: str) -> str:
    """Bring an address to the one form in which it is kept and compared."""
    return email.strip().lower()


def describe(user_id: int) -> dict[str, Any]:
    """Show an account with its profile; raises NotAuthenticated when it is gone."""
    found = db.row(_ACCOUNT, {"user_id": user_id})
    if found is None:
        raise NotAuthenticated
    return _present(found)


def _present(row: db.AnyRow) -> dict[str, Any]:
    values = row._asdict()
    user = {name: values[name] for name in (*ACCOUNT_FIELDS, *ACCOUNT_TIMES)}
    user["profile"] = {name: values[name] for name in PROFILE_FIELDS}
    user["notification_settings"] = {name: values[name] for name in NOTIFICATION_FIELDS}
    return user


def register(settings: Settings, *, email: str, password: str, name: str = "") -> int:
    """Make an account and mail it a verification token; gives its id.

    Raises SignupClosed, Unprocessable for a weak password, EmailTaken.
    """
    if not settings.signup_open:
        raise SignupClosed
    address = normalized_email(email)
    require_strong(password, address)
    # Hashed before the first statement: no transaction is held open for it.
    password_hash = passwords.hash_password(password, settings.password_memory_kib)
    user_id = insert_account(address, password_hash, name=name, role=role_of_new(settings))
    mail.send_later("verify_email", address, user_id=user_id)
    events.on_commit(events.ACCOUNT_OPENED, user_id=user_id)
    return user_id


def require_strong(password: str, email: str, field: str = "password") -> None:
    """Refuse a password that is too short, too long, common or the e-mail; raises Unprocessable."""
    if reason := passwords.weakness(password, email):
        raise Unprocessable(errors={"json": {field: [reason]}})


def role_of_new(settings: Settings) -> str:
    """Give the role of an account that is to be made: the first one administers, in development."""
    return "admin" if settings.environment == "development" and _is_first() else "user"


def _is_first() -> bool:
    """Say whether nobody has registered yet; of two that ask at once, one is told so."""
    anybody = select(User.id).where(User.is_seeded.is_(False), User.closed_at.is_(None)).limit(1)
    if db.row(anybody) is not None:
        return False
    db.exclusive("first-account")
    return db.row(anybody) is None


def insert_account(email: str, password_hash: str | None, **values: Any) -> int:
    """Insert an account with a fresh profile; raises EmailTaken."""
    now = db.utcnow()
    row = {"email": email, "password_hash": password_hash, "created_at": now, **values}
    try:
        user_id = int(db.execute(insert(User).values(**row).returning(User.id)).scalar_one())
    except IntegrityError as error:
        raise EmailTaken from error
    db.execute(insert(Profile).values(user_id=user_id))
    return user_id


def update_account(actor: Actor, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change my name, profile or notification settings."""
    begin_write(actor.user_id)
    if "name" in changes:
        db.execute(update(User).where(User.id == actor.user_id).values(name=changes["name"]))
    values = {**changes.get("profile", {}), **changes.get("notification_settings", {})}
    if values:
        db.execute(update(Profile).where(Profile.user_id == actor.user_id).values(**values))
    return describe(actor.user_id)


def has_password(user_id: int) -> bool:
    """Say whether an account has a password; one that was made by signing in with Google has none."""
    found = db.read_rows(select(User.password_hash).where(User.id == user_id))
    return bool(found) and found[0].password_hash is not None


def require_password(settings: Settings, user_id: int, password: str) -> None:
    """Check the account's password before something dangerous; raises InvalidCredentials."""
    found = db.read_rows(select(User.password_hash).where(User.id == user_id))
    password_hash = found[0].password_hash if found else None
    if not passwords.verify_password(password_hash, password, settings.password_memory_kib):
        events.happened(events.PASSWORD_CHECK_FAILED, user_id=user_id)
        raise InvalidCredentials("The password is wrong.")


def end_sessions(user_id: int, now: datetime, *, but: int | None = None) -> None:
    """End all sessions of a user at once, except the one named."""
    alive = (Session.user_id == user_id) & Session.revoked_at.is_(None)
    if but is not None:
        alive &= Session.id != but
    will_change(user_id)
    db.execute(update(Session).where(alive).values(revoked_at=now))


def erase_closed(user_id: int) -> None:
    """Erase everything of an account that was closed; an open one is left alone.

    The mails that belong to nobody go too, by their address; a farewell that is still to be sent goes a day later
    (housekeeping).
    """
    closed = db.row(select(User.email).where(User.id == user_id, User.closed_at.is_not(None)))
    if closed is None:
        return
    of_nobody = (OutboxMail.recipient == closed.email) & OutboxMail.user_id.is_(None)
    has_ended = OutboxMail.sent_at.is_not(None) | OutboxMail.failed_at.is_not(None)
    db.execute(delete(OutboxMail).where(of_nobody, has_ended))
    will_change(user_id)
    db.execute(delete(User).where(User.id == user_id))


def change_password(settings: Settings, actor: Actor, *, current_password: str, password: str) -> None:
    """Set a new password and end my other sessions; raises InvalidCredentials, Unprocessable."""
    require_password(settings, actor.user_id, current_password)
    require_strong(password, describe(actor.user_id)["email"])
    password_hash = passwords.hash_password(password, settings.password_memory_kib)
    begin_write(actor.user_id)
    set_password(actor.user_id, password_hash)
    end_sessions(actor.user_id, db.utcnow(), but=actor.session_id)


def reset_password(settings: Settings, *, email: str, password: str) -> None:
    """Set a new password for the account that has this address and end its sessions; the owner is told by mail.

    For operators, in the open transaction. Raises NotFound, Unprocessable.
    """
    # By itself: a slow hash must not hold the transaction open.
    found = next(
        iter(db.read_rows(select(User.id).where(User.email == normalized_email(email), User.is_active))), None
    )
    if found is None:
        raise NotFound
    require_strong(password, normalized_email(email))
    password_hash = passwords.hash_password(password, settings.password_memory_kib)
    begin_write(found.id)
    set_password(found.id, password_hash)
    end_sessions(found.id, db.utcnow())


def set_password(user_id: int, password_hash: str) -> None:
    """Keep a new password's hash and tell the owner."""
    db.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
    mail.send_later("password_changed", email_of(user_id), user_id=user_id)
    events.on_commit(events.PASSWORD_CHANGED, user_id=user_id)


def promote(email: str) -> bool:
    """Make the account that has this address an administrator; says whether there is one."""
    own = User.email == normalized_email(email)

    def change() -> int:
        return db.execute(
            update(User).where(own).values(role="admin", data_version=User.data_version + 1)
        ).rowcount

    return db.in_transaction(change) > 0


def create_admin(settings: Settings, *, email: str, password: str) -> int:
    """Make a new administrator's account; gives its id. Raises Unprocessable, EmailTaken."""
    address = normalized_email(email)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
        raise Unprocessable(errors={"json": {"email": ["Not a valid email address."]}})
    require_strong(password, address)
    password_hash = passwords.hash_password(password, settings.password_memory_kib)
    return insert_account(address, password_hash, role="admin", is_email_verified=True)
