"""The outbox: rows say which mails are to be sent; the task of each hands it over, at least once.

A mail's token is made when the mail is made, and only its hash is kept: neither the outbox nor the database
ever holds what opens an account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from importlib.resources import files
from string import Template
from urllib.parse import urlsplit

from sqlalchemy import insert, select, update

from noteassist import db
from noteassist.config import Settings
from noteassist.models import EmailToken, OutboxMail, User
from noteassist.security.tokens import digest, new_secret
from noteassist.services.mail.transports import MAIL_POLICY, Transport, TransportError
from noteassist.services.tasks.creation import create
from noteassist.services.tasks.failures import Fail, TryLater


@dataclass(frozen=True)
class Purpose:
    """What the token of a mail is for: its name, its life and the page that takes it."""

    name: str
    life: timedelta
    page: str


PURPOSES: Mapping[str, Purpose] = {
    "verify_email": Purpose("verify_email", timedelta(hours=48), "/verify-email"),
    "change_email": Purpose("change_email", timedelta(hours=48), "/verify-email"),
    "reset_password": Purpose("reset_password", timedelta(hours=1), "/reset-password"),
    # No page takes it: it goes to the application that asked.
    "close_account": Purpose("close_account", timedelta(hours=1), ""),
}


def send_later(template: str, recipient: str, *, user_id: int | None = None) -> None:
    """Put a mail into the outbox and make the task that delivers it, in the open transaction."""
    values = {"template": template, "recipient": recipient, "user_id": user_id}
    row = insert(OutboxMail).values(**values, created_at=db.utcnow()).returning(OutboxMail.id)
    create("mail", {"mail_id": db.execute(row).scalar_one()})


def deliver(settings: Settings, transport: Transport, mail_id: int) -> None:
    """Hand one mail over, unless that has been done; raises TryLater, Fail. Must not run inside a transaction."""
    mail = _pending(mail_id)
    if mail is None or (message := _message(settings, mail)) is None:
        return
    try:
        transport.deliver(message)
    except TransportError as error:
        if error.permanent:
            raise Fail("mail_refused", str(error)) from error
        raise TryLater("mail_server_away", str(error)) from error


def _pending(mail_id: int) -> db.AnyRow | None:
    columns = (OutboxMail.id, OutboxMail.user_id, OutboxMail.template, OutboxMail.recipient)
    wanted = select(*columns).where(OutboxMail.id == mail_id, OutboxMail.sent_at.is_(None))
    return next(iter(db.read_rows(wanted)), None)


def mark_sent(mail_id: int) -> None:
    """Note that a mail was handed over, in the open transaction."""
    db.execute(update(OutboxMail).where(OutboxMail.id == mail_id).values(sent_at=db.utcnow(), error=None))


def mark_failed(mail_id: int, reason: str) -> None:
    """Note that a mail is given up, in the open transaction."""
    db.execute(update(OutboxMail).where(OutboxMail.id == mail_id).values(failed_at=db.utcnow(), error=reason))


def _message(settings: Settings, mail: db.AnyRow) -> EmailMessage | None:
    """Make the mail; None where nobody is to get one (an unknown address asked for a new password)."""
    user = _user_of(mail)
    if user is None and mail.template in PURPOSES:
        return None
    words = {"name": (user.name if user else "") or "there", "recipient": mail.recipient}
    if (purpose := PURPOSES.get(mail.template)) and user is not None:
        token = _new_token(purpose, user.id, mail.recipient)
        words |= {"token": token, "link": f"{settings.frontend_url}{purpose.page}#token={token}"}
    subject, _, body = _template(mail.template).safe_substitute(words).partition("\n\n")
    message = EmailMessage(policy=MAIL_POLICY)
    message["Subject"] = " ".join(subject.split())
    message["From"] = settings.mail_from
    message["To"] = mail.recipient
    message["Date"] = db.utcnow()
    # The same at every attempt, so that a mail which was taken just before the line broke is seen once.
    host = urlsplit(settings.public_url).hostname or "localhost"
    message["Message-ID"] = f"<{mail.id:08d}.{mail.template}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    return message


def _user_of(mail: db.AnyRow) -> db.AnyRow | None:
    wanted = select(User.id, User.name).where(User.is_active)
    if mail.user_id is not None:
        return next(iter(db.read_rows(wanted.where(User.id == mail.user_id))), None)
    return next(iter(db.read_rows(wanted.where(User.email == mail.recipient))), None)


def _new_token(purpose: Purpose, user_id: int, email: str) -> str:
    token = new_secret()
    now = db.utcnow()
    values = {"user_id": user_id, "purpose": purpose.name, "email": email, "created_at": now}
    with db.transaction():
        row = insert(EmailToken).values(token_hash=digest(token), expires_at=now + purpose.life, **values)
        db.execute(row)
    return token


def _template(name: str) -> Template:
    return Template(files("noteassist").joinpath("templates", "mail", f"{name}.txt").read_text())
