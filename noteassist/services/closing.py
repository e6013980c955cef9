"""Closing an account: by its password, or, where it has none, by a token that is mailed to its owner."""

from functools import partial

from sqlalchemy import update

from noteassist import db
from noteassist.account_errors import ConfirmationMailed
from noteassist.config import Settings
from noteassist.errors import Unprocessable
from noteassist.models import User
from noteassist.security import events
from noteassist.security.actors import Actor
from noteassist.services import accounts, addresses, mail
from noteassist.services.drive.connections import end_connection
from noteassist.services.tasks.creation import create
from noteassist.services.versions import begin_write

PURPOSE = "close_account"


def close_account(
    settings: Settings, actor: Actor, *, password: str | None = None, token: str | None = None
) -> None:
    """Close my account now; its data is erased in the background.

    Raises InvalidCredentials, Unprocessable; ConfirmationMailed where my account has no password and no token came.
    """
    if accounts.has_password(actor.user_id):
        if password is None:
            raise Unprocessable(errors={"json": {"password": ["Missing data for required field."]}})
        accounts.require_password(settings, actor.user_id, password)
    else:
        _require_token(actor, token)
    _close(settings, actor.user_id)


def _require_token(actor: Actor, token: str | None) -> None:
    """Use up the token that was mailed to me; without one it is mailed now."""
    email = accounts.describe(actor.user_id)["email"]
    if token is None:
        # Beside the refusal, which takes everything else back.
        db.after_rollback(partial(mail.send_later, PURPOSE, email, user_id=actor.user_id))
        raise ConfirmationMailed
    mailed = addresses.use_token(token, PURPOSE)
    if mailed.user_id != actor.user_id:
        raise addresses.bad_token()


def _close(settings: Settings, user_id: int) -> None:
    begin_write(user_id)
    now = db.utcnow()
    email = accounts.describe(user_id)["email"]
    db.execute(update(User).where(User.id == user_id).values(is_active=False, closed_at=now))
    accounts.end_sessions(user_id, now)
    if settings.has_drive:
        # With the row the token would be gone, and with it the only way to give the access back.
        end_connection(settings, user_id)
    mail.send_later("account_closed", email)
    # A task of nobody: what it erases must not take it along.
    create("account_erasure", {"user_id": user_id})
    events.on_commit(events.ACCOUNT_CLOSED, user_id=user_id)
