"""Chores that come round: mail, erasure and expiry."""

from noteassist import db
from noteassist.config import Settings
from noteassist.services import housekeeping, mail
from noteassist.services.mail.transports import transport_of


def deliver_mail(settings: Settings) -> None:
    """Deliver the mails that are due."""
    mail.deliver_due(settings, transport_of(settings))


def erase_closed_accounts(_settings: Settings) -> None:
    """Erase the accounts that were closed."""
    db.in_transaction(housekeeping.erase_closed_accounts)


def empty_trash(_settings: Settings) -> None:
    """Delete notes that have been in the trash for 30 days."""
    db.in_transaction(housekeeping.empty_trash)


def forget_expired(_settings: Settings) -> None:
    """Delete what has expired."""
    db.in_transaction(housekeeping.forget_expired)
