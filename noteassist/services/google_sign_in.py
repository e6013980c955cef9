"""Signing in with Google: OpenID Connect with PKCE, a state that works once, and a nonce.

Who somebody is, is what Google calls `iss` and `sub`; an e-mail address changes hands. It links to an account that is
here already only where both Google and we have proof of it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from noteassist import db
from noteassist.account_errors import (
    AccountClosed,
    GoogleAccountDiffers,
    GoogleCodeInvalid,
    GoogleDenied,
    GoogleNotConfigured,
    GoogleOtpRequired,
    GoogleStateInvalid,
    GoogleUnavailable,
)
from noteassist.config import Settings
from noteassist.errors import EmailTaken, SignupClosed
from noteassist.models import GoogleIdentity, TwoFactor, User
from noteassist.security.actors import Origin
from noteassist.services import accounts, id_tokens, mail, sessions, two_factor
from noteassist.services.drive import oauth, states
from noteassist.services.drive.calls import Line
from noteassist.services.drive.trouble import GoogleError, GrantGone
from noteassist.services.id_tokens import Identity, IdTokenInvalid
from noteassist.services.sessions import TokenPair
from noteassist.services.versions import begin_write

log = logging.getLogger(__name__)

PURPOSE, TICKET = "google-sign-in", "google-otp"
TICKET_LIFE = timedelta(minutes=5)


@dataclass(frozen=True)
class Found:
    """Whose account it is, and whether it asks for a one-time password too."""

    user_id: int
    needs_otp: bool


def begin(settings: Settings) -> str:
    """Give the address at Google where somebody can sign in; raises GoogleNotConfigured."""
    _require_configured(settings)
    state, drawn = states.write(settings, PURPOSE, {})
    return oauth.sign_in_url(
        settings, state=state, verifier=_verifier(settings, drawn), nonce=_nonce(settings, drawn)
    )


def _require_configured(settings: Settings) -> None:
    if not settings.has_google:
        raise GoogleNotConfigured


def _verifier(settings: Settings, drawn: str) -> str:
    return states.derived(settings, "google-sign-in-pkce", drawn)


def _nonce(settings: Settings, drawn: str) -> str:
    return states.derived(settings, "google-sign-in-nonce", drawn)


def finish(settings: Settings, returned: Mapping[str, Any], origin: Origin) -> TokenPair:
    """Open a session for whoever comes back from Google. Must not run inside a transaction.

    `returned` has `state` with `code` or `error`. Raises GoogleNotConfigured, GoogleStateInvalid, GoogleDenied,
    GoogleCodeInvalid, GoogleUnavailable, AccountClosed, EmailTaken, GoogleAccountDiffers, SignupClosed,
    GoogleOtpRequired.
    """
    _require_configured(settings)
    state = _read(settings, PURPOSE, returned["state"])
    db.in_transaction(lambda: _use_up(state))
    if "code" not in returned:
        raise GoogleDenied
    identity = _ask_google(settings, returned["code"], state.nonce)

    def enter() -> Found | TokenPair:
        found = _account_of(settings, identity)
        return found if found.needs_otp else sessions.open_session(settings, found.user_id, origin)

    entered = db.in_transaction(enter)
    if isinstance(entered, Found):
        claims = {"sub": str(entered.user_id)}
        raise GoogleOtpRequired(states.write(settings, TICKET, claims, TICKET_LIFE)[0])
    return entered


def finish_with_otp(settings: Settings, *, ticket: str, otp: str, origin: Origin) -> TokenPair:
    """Open the session that `finish` asked a one-time password for, in the open transaction; the ticket works once.

    Raises GoogleStateInvalid, InvalidOtp, TooManyOtps.
    """
    state = _read(settings, TICKET, ticket)
    user_id = int(state.claims["sub"])
    if db.row(select(User.id).where(User.id == user_id, User.is_active)) is None:
        raise GoogleStateInvalid
    two_factor.require_otp(settings, user_id, otp)
    _use_up(state)
    return sessions.open_session(settings, user_id, origin)


def _read(settings: Settings, purpose: str, state: str) -> states.Returned:
    try:
        return states.read(settings, purpose, state)
    except states.StateExpired as error:
        raise GoogleStateInvalid("This sign-in with Google has expired; begin again.") from error
    except states.StateUnreadable as error:
        raise GoogleStateInvalid from error


def _use_up(state: states.Returned) -> None:
    if not states.use_up(state.nonce, state.expires_at):
        raise GoogleStateInvalid("This sign-in with Google was used before; begin again.")


def _ask_google(settings: Settings, code: str, drawn: str) -> Identity:
    """Exchange the code, and check what Google says of whose it is."""
    try:
        with Line(settings) as line:
            token = oauth.fetch_id_token(settings, line, code=code, verifier=_verifier(settings, drawn))
            keys = oauth.fetch_keys(settings, line)
        nonce = _nonce(settings, drawn)
        return id_tokens.verified(token, keys, audience=settings.google_client_id, nonce=nonce)
    except GrantGone as error:
        raise GoogleCodeInvalid from error
    except IdTokenInvalid as error:
        log.warning("an ID token was refused: %s", error)
        raise GoogleCodeInvalid from error
    except GoogleError as error:
        log.warning("a sign-in with Google failed: %s", error)
        raise GoogleUnavailable from error


def _account_of(settings: Settings, identity: Identity) -> Found:
    """Find, link or make the account of a Google account."""
    # Of two first sign-ins at once, the second finds what the first has made.
    db.exclusive(f"google-identity:{identity.subject}")
    known = _linked_to(identity)
    if known is not None:
        if not known.is_active:
            raise AccountClosed
        user_id: int = known.id
    else:
        user_id = _linked_now(identity) or _made(settings, identity)
    own = select(TwoFactor.user_id).where(TwoFactor.user_id == user_id, TwoFactor.confirmed_at.is_not(None))
    return Found(user_id, db.row(own) is not None)


def _linked_to(identity: Identity) -> db.AnyRow | None:
    linked = select(User.id, User.is_active).join(GoogleIdentity, GoogleIdentity.user_id == User.id)
    own = (GoogleIdentity.issuer == identity.issuer) & (GoogleIdentity.subject == identity.subject)
    return db.row(linked.where(own))


def _linked_now(identity: Identity) -> int | None:
    """Link to the account with the same address where both know that it is theirs; None where there is no such one.

    Raises EmailTaken, GoogleAccountDiffers.
    """
    found = db.row(
        select(User.id, User.is_email_verified, User.is_active).where(User.email == identity.email)
    )
    if found is None:
        return None
    if not (identity.is_email_verified and found.is_email_verified and found.is_active):
        raise EmailTaken
    begin_write(found.id)
    if db.row(select(GoogleIdentity.user_id).where(GoogleIdentity.user_id == found.id)) is not None:
        raise GoogleAccountDiffers
    _link(found.id, identity)
    mail.send_later("google_linked", identity.email, user_id=found.id)
    return int(found.id)


def _made(settings: Settings, identity: Identity) -> int:
    """Make an account without a password; raises SignupClosed."""
    if not settings.signup_open:
        raise SignupClosed
    role = accounts.role_of_new(settings)
    verified = identity.is_email_verified
    user_id = accounts.insert_account(
        identity.email, None, name=identity.name, role=role, is_email_verified=verified
    )
    _link(user_id, identity)
    if not verified:
        mail.send_later("verify_email", identity.email, user_id=user_id)
    return user_id


def _link(user_id: int, identity: Identity) -> None:
    values = {"issuer": identity.issuer, "subject": identity.subject, "email": identity.email}
    db.execute(insert(GoogleIdentity).values(user_id=user_id, linked_at=db.utcnow(), **values))
