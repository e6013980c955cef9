"""The outbox: rows say which mails are due; each is claimed, made and handed over, at least once.

A mail's token is made when the mail is made, and only its hash is kept: neither the outbox nor the database
ever holds what opens an account.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import insert, select, update

from noteassist import db
from noteassist.config import Settings
from noteassist.models import EmailToken, OutboxMail, User
from noteassist.security.tokens import digest, new_secret
from noteassist.services.mail.transports import MAIL_POLICY, Transport, TransportError

log = logging.getLogger(__name__)

# Set when a mail has been committed, so that the deliverer in this process need not wait for its next look.
wake = threading.Event()

CLAIM = timedelta(seconds=90)
DELAYS = tuple(timedelta(seconds=s) for s in (10, 30, 60, 120, 300, 600, 1200, 2400, 3600, 5400))


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
}


def send_later(template: str, recipient: str, *, user_id: int | None = None) -> None:
    """Put a mail into the outbox, in the open transaction."""
    now = db.utcnow()
    values = {"template": template, "recipient": recipient, "user_id": user_id}
    db.execute(insert(OutboxMail).values(**values, created_at=now, next_try_at=now))
    db.after_commit(wake.set)


def deliver_due(settings: Settings, transport: Transport) -> int:
    """Deliver every mail that is due; gives how many were tried. Must not run inside a transaction."""
    tried = 0
    while (mail := _claim()) is not None:
        tried += 1
        try:
            if (message := _message(settings, mail)) is not None:
                transport.deliver(message)
        except TransportError as error:
            _put_back(mail, error)
        else:
            _mark(mail, sent_at=db.utcnow(), error=None)
    return tried


def _claim() -> db.AnyRow | None:
    """Take one due mail; whoever dies with it leaves it due again after 90 s."""
    now = db.utcnow()
    due = select(OutboxMail.id).where(OutboxMail.next_try_at <= now)
    due = due.where(OutboxMail.sent_at.is_(None), OutboxMail.failed_at.is_(None))
    due = due.order_by(OutboxMail.next_try_at).limit(1).with_for_update(skip_locked=True)
    # Materialised: PostgreSQL may run a subquery more than once, and then claim more than one.
    one = due.cte("one").prefix_with("MATERIALIZED")
    taken = update(OutboxMail).where(OutboxMail.id.in_(select(one.c.id)))
    taken = taken.values(next_try_at=now + CLAIM, attempts=OutboxMail.attempts + 1)
    columns = (
        OutboxMail.id,
        OutboxMail.user_id,
        OutboxMail.template,
        OutboxMail.recipient,
        OutboxMail.attempts,
    )
    with db.transaction():
        return db.execute(taken.returning(*columns)).one_or_none()


def _put_back(mail: db.AnyRow, error: TransportError) -> None:
    log.warning("mail %s was not delivered (attempt %s): %s", mail.id, mail.attempts, error)
    if error.permanent or mail.attempts > len(DELAYS):
        _mark(mail, failed_at=db.utcnow(), error=str(error))
    else:
        _mark(mail, next_try_at=db.utcnow() + DELAYS[mail.attempts - 1], error=str(error))


def _mark(mail: db.AnyRow, **values: Any) -> None:
    with db.transaction():
        db.execute(update(OutboxMail).where(OutboxMail.id == mail.id).values(**values))


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
