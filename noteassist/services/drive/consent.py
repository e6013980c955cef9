"""Consent: sending somebody to Google, and what they come back with (RFC 6749 section 4.1, RFC 7636).

The way back carries no sign-in of ours, so the `state` says whose it is: signed, good for ten minutes and once, and
only while the session that asked lives (states.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import DriveCodeInvalid, DriveDenied, DriveStateInvalid, DriveUnavailable
from noteassist.models import Session, User
from noteassist.security.actors import Actor
from noteassist.services.drive import connections, oauth, states
from noteassist.services.drive.calls import Line
from noteassist.services.drive.oauth import GoogleAccount, Grant
from noteassist.services.drive.trouble import GoogleError, GrantGone

PURPOSE = "drive"
_LIVE = (
    select(User.id)
    .join(Session, Session.user_id == User.id)
    .where(
        User.id == bindparam("user"),
        User.is_active,
        Session.id == bindparam("session"),
        Session.revoked_at.is_(None),
        Session.expires_at > bindparam("now", type_=Session.expires_at.type),
    )
)


@dataclass(frozen=True)
class State:
    """What the state says: who asked, in which session, until when it is good."""

    user_id: int
    session_id: int
    nonce: str
    expires_at: datetime


def begin(settings: Settings, actor: Actor) -> str:
    """Give the address where I can allow access to my Drive; raises DriveNotConfigured."""
    connections.require_configured(settings)
    claims = {"sub": str(actor.user_id), "sid": actor.session_id}
    state, nonce = states.write(settings, PURPOSE, claims)
    return oauth.consent_url(settings, state=state, verifier=_verifier(settings, nonce))


def _verifier(settings: Settings, nonce: str) -> str:
    return states.derived(settings, "drive-pkce", nonce)


def finish(settings: Settings, returned: dict[str, Any], caller_id: int | None) -> dict[str, Any]:
    """Connect the Drive of whoever comes back from Google. Must not run inside a transaction.

    `returned` has `state` with `code` or `error`; `caller_id` is who is signed in, if anybody is. Raises
    DriveNotConfigured, DriveStateInvalid, DriveDenied, DriveCodeInvalid, DriveUnavailable.
    """
    connections.require_configured(settings)
    state = _read_state(settings, returned["state"])
    if caller_id not in {None, state.user_id}:
        raise DriveStateInvalid
    db.in_transaction(lambda: _use_up(state))
    if "code" not in returned:
        raise DriveDenied
    account, grant = _ask_google(settings, returned["code"], _verifier(settings, state.nonce))

    def keep() -> None:
        _require_live(state)
        connections.keep(settings, state.user_id, account, grant)

    db.in_transaction(keep)
    return {"connected": True, "email": account.email}


def _read_state(settings: Settings, state: str) -> State:
    try:
        found = states.read(settings, PURPOSE, state)
        claims = found.claims
        return State(int(claims["sub"]), int(claims["sid"]), found.nonce, found.expires_at)
    except states.StateExpired as error:
        raise DriveStateInvalid("This link to Google Drive has expired; begin again.") from error
    except (states.StateUnreadable, KeyError, ValueError, TypeError) as error:
        raise DriveStateInvalid from error


def _use_up(state: State) -> None:
    """Let a state work once; raises DriveStateInvalid."""
    _require_live(state)
    if not states.use_up(state.nonce, state.expires_at):
        raise DriveStateInvalid("This link to Google Drive was used before; begin again.")


def _require_live(state: State) -> None:
    values = {"user": state.user_id, "session": state.session_id, "now": db.utcnow()}
    if not db.rows(_LIVE, values):
        raise DriveStateInvalid("The session that asked for Google Drive has ended; begin again.")


def _ask_google(settings: Settings, code: str, verifier: str) -> tuple[GoogleAccount, Grant]:
    """Exchange the code and ask whose account it is."""
    try:
        with Line(settings) as line:
            grant = oauth.exchange(settings, line, code=code, verifier=verifier)
            if oauth.SCOPE not in grant.scopes:
                raise DriveDenied("Access to files in Google Drive was not allowed.")
            if grant.refresh_token is None:
                raise DriveCodeInvalid
            return oauth.ask_who(settings, line, grant.access_token), grant
    except GrantGone as error:
        raise DriveCodeInvalid from error
    except GoogleError as error:
        raise DriveUnavailable(error.detail) from error
