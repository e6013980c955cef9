"""What has had its time is deleted here."""

from datetime import timedelta

from sqlalchemy import delete

from noteassist import db
from noteassist.models import (
    AiCall,
    ConsoleSession,
    EmailToken,
    IdempotencyKey,
    Notification,
    OutboxMail,
    RefreshToken,
    Session,
)
from noteassist.services import trash
from noteassist.services.tasks.upkeep import forget_old_tasks

IDEMPOTENCY_KEYS_KEPT = timedelta(hours=24)
ENDED_SESSIONS_KEPT = timedelta(days=30)
MAILS_KEPT = timedelta(days=30)
NOTIFICATIONS_KEPT = timedelta(days=90)
# What was asked of providers is part of what they charge for: kept as long as a year's bills are looked at.
AI_CALLS_KEPT = timedelta(days=400)
# It has the address of somebody whose account is gone.
FAREWELL, FAREWELLS_KEPT = "account_closed", timedelta(days=1)


def empty_trash() -> int:
    """Delete notes that have been in the trash for 30 days; gives their number."""
    return trash.empty_expired()


def forget_expired() -> int:
    """Delete expired tokens, sessions, idempotency keys, and old mails, notifications, calls of providers and tasks.

    Gives the number of rows.
    """
    now = db.utcnow()
    session_gone = now - ENDED_SESSIONS_KEPT
    farewell_gone = now - FAREWELLS_KEPT
    has_ended = (OutboxMail.sent_at < farewell_gone) | (OutboxMail.failed_at < farewell_gone)
    statements = (
        delete(IdempotencyKey).where(IdempotencyKey.created_at < now - IDEMPOTENCY_KEYS_KEPT),
        delete(EmailToken).where(EmailToken.expires_at < now),
        delete(ConsoleSession).where(ConsoleSession.expires_at < now),
        delete(RefreshToken).where(RefreshToken.expires_at < now),
        delete(Session).where((Session.expires_at < now) | (Session.revoked_at < session_gone)),
        delete(OutboxMail).where(OutboxMail.template == FAREWELL, has_ended),
        delete(OutboxMail).where(OutboxMail.sent_at < now - MAILS_KEPT),
        delete(OutboxMail).where(OutboxMail.failed_at < now - MAILS_KEPT),
        delete(Notification).where(Notification.created_at < now - NOTIFICATIONS_KEPT),
        delete(AiCall).where(AiCall.created_at < now - AI_CALLS_KEPT),
    )
    return sum(db.execute(statement).rowcount for statement in statements) + forget_old_tasks()
