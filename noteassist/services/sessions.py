"""Signing in and staying signed in: sessions, each with a chain of refresh tokens."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import aliased

from noteassist import db
from noteassist.account_errors import OtpRequired
from noteassist.config import Settings
from noteassist.errors import InvalidCredentials, NotAuthenticated, NotFound, RefreshReused
from noteassist.freshness import will_change
from noteassist.models import RefreshToken, Session, TwoFactor, User
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security import events, passwords, tokens
from noteassist.security.actors import Actor, Origin
from noteassist.services import accounts, two_factor
from noteassist.services.devices import device_name

# A client that lost our answer may ask again with the token it has; RFC 9700 section 4.14.2 allows for it.
GRACE = timedelta(seconds=10)
NEWEST_FIRST = Order((Session.created_at, Session.id), descending=True)

TokenPair = dict[str, Any]


def sign_in(
    settings: Settings, *, email: str, password: str, otp: str | None = None, origin: Origin
) -> TokenPair:
    """Open a session for an e-mail and password, and a one-time password where the account asks for one.

    Raises InvalidCredentials, after the same time whether or not there is such an account; only who has the right
    password is told more: OtpRequired, InvalidOtp, TooManyOtps.
    """
    address = accounts.normalized_email(email)
    # Read and checked outside of the transaction: a slow hash must not hold it open.
    wanted = select(User.id, User.password_hash, TwoFactor.confirmed_at.label("two_factor_since"))
    wanted = wanted.outerjoin(TwoFactor).where(User.email == address, User.is_active)
    found = next(iter(db.read_rows(wanted)), None)
    password_hash = found.password_hash if found else None
    memory = settings.password_memory_kib
    if not passwords.verify_password(password_hash, password, memory) or found is None:
        events.happened(events.SIGN_IN_FAILED, user_id=found.id if found else None)
        raise InvalidCredentials
    if found.two_factor_since is not None:
        if otp is None:
            raise OtpRequired
        two_factor.require_otp(settings, found.id, otp)
    if passwords.needs_rehash(found.password_hash, memory):
        fresh = passwords.hash_password(password, memory)
        db.execute(update(User).where(User.id == found.id).values(password_hash=fresh))
    events.on_commit(events.SIGN_IN_SUCCEEDED, user_id=found.id)
    return open_session(settings, found.id, origin)


def open_session(settings: Settings, user_id: int, origin: Origin) -> TokenPair:
    """Open a session; gives `{access, refresh, expires_in, user}`."""
    now = db.utcnow()
    ends = now + timedelta(days=settings.session_max_days)
    values = {"user_id": user_id, "device": origin.device, "ip": origin.ip}
    times = {"created_at": now, "last_seen_at": now, "expires_at": ends}
    session_id = int(db.execute(insert(Session).values(**values, **times).returning(Session.id)).scalar_one())
    db.execute(
        update(User).where(User.id == user_id).values(last_login_at=now, data_version=User.data_version + 1)
    )
    refresh = tokens.new_secret()
    _keep(settings, refresh, user_id, session_id, now, ends)
    user = accounts.describe(user_id)
    return _pair(settings, user, session_id, refresh, now) | {"user": user}


def _keep(
    settings: Settings, refresh: str, user_id: int, session_id: int, now: datetime, session_ends: datetime
) -> None:
    expires_at = min(now + timedelta(days=settings.refresh_token_days), session_ends)
    owner = {"user_id": user_id, "session_id": session_id}
    row = insert(RefreshToken).values(token_hash=tokens.digest(refresh), expires_at=expires_at, **owner)
    db.execute(row)


def _pair(
    settings: Settings, user: dict[str, Any], session_id: int, refresh: str, issued_at: datetime
) -> TokenPair:
    claims = {
        "sid": str(session_id),
        "role": user["role"],
        "tier": user["subscription_tier"],
        "email_verified": user["is_email_verified"],
    }
    # The access token's id comes from its refresh token, so that a repeated answer is the same answer.
    token_id = tokens.successor(settings.secret_key, "access:" + refresh)[:32]
    access = tokens.issue_access(
        claims,
        user_id=user["id"],
        token_id=token_id,
        issued_at=issued_at,
        minutes=settings.access_token_minutes,
    )
    return {"access": access, "refresh": refresh, "expires_in": settings.access_token_minutes * 60}


def refresh_session(settings: Settings, refresh: str) -> TokenPair:
    """Exchange a refresh token for the next pair.

    Raises NotAuthenticated for an unknown or expired token or an ended session. A token that was exchanged
    before ends the session (RefreshReused), except for 10 s in which its successor has not been used: then
    the same pair is given again.
    """
    now = db.utcnow()
    token_hash = tokens.digest(refresh)
    following = tokens.successor(settings.secret_key, refresh)
    taken = _rotate(token_hash, tokens.digest(following), now)
    if taken is None:
        taken = _repeatable(token_hash, now)
        issued_at: datetime = taken.rotated_at
    else:
        issued_at = now
    session_ends = _require_alive(taken.session_id, taken.user_id, now)
    if issued_at is now:
        own = (Session.id == taken.session_id) & (Session.user_id == taken.user_id)
        db.execute(update(Session).where(own).values(last_seen_at=now))
        _keep(settings, following, taken.user_id, taken.session_id, now, session_ends)
    user = accounts.describe(taken.user_id)
    return _pair(settings, user, taken.session_id, following, issued_at)


def _rotate(token_hash: bytes, successor_hash: bytes, now: datetime) -> db.AnyRow | None:
    """Mark an unused token as used; of many that try at once, one succeeds."""
    unused = (RefreshToken.token_hash == token_hash) & RefreshToken.rotated_at.is_(None)
    used = update(RefreshToken).where(unused, RefreshToken.expires_at > now)
    used = used.values(rotated_at=now, successor_hash=successor_hash)
    return db.execute(used.returning(RefreshToken.session_id, RefreshToken.user_id)).one_or_none()


def _repeatable(token_hash: bytes, now: datetime) -> db.AnyRow:
    """Give a used token whose answer may be repeated; raises NotAuthenticated, RefreshReused."""
    successor = aliased(RefreshToken)
    columns = (RefreshToken.session_id, RefreshToken.user_id, RefreshToken.rotated_at)
    found = db.row(
        select(*columns, successor.rotated_at.label("successor_rotated_at"))
        .outerjoin(successor, successor.token_hash == RefreshToken.successor_hash)
        .where(RefreshToken.token_hash == token_hash)
    )
    if found is None or found.rotated_at is None:
        raise NotAuthenticated("The refresh token is not valid.", code="invalid_token")
    if found.successor_rotated_at is not None or now - found.rotated_at > GRACE:
        # It may have ended already; the answer is the same.
        db.after_rollback(lambda: _revoke(found.user_id, found.session_id))
        events.happened(events.REFRESH_REUSED, user_id=found.user_id, session_id=found.session_id)
        raise RefreshReused
    return found


def _require_alive(session_id: int, user_id: int, now: datetime) -> datetime:
    """Give the end of a session; raises NotAuthenticated when it has come, or its user may not sign in."""
    own = (Session.id == session_id) & (Session.user_id == user_id)
    alive = select(Session.expires_at).join(User, User.id == Session.user_id)
    alive = alive.where(own, Session.revoked_at.is_(None), Session.expires_at > now, User.is_active)
    found = db.row(alive)
    if found is None:
        raise NotAuthenticated("This session has ended.", code="invalid_token")
    ends: datetime = found.expires_at
    return ends


def end_session(user_id: int, session_id: int) -> None:
    """End one session; its tokens are dead with the commit. Raises NotFound when it is not alive."""
    if not _revoke(user_id, session_id):
        raise NotFound


def _revoke(user_id: int, session_id: int) -> bool:
    will_change(user_id)
    own = (Session.user_id == user_id) & (Session.id == session_id)
    ended = update(Session).where(own, Session.revoked_at.is_(None)).values(revoked_at=db.utcnow())
    return db.execute(ended).rowcount > 0


def end_own_session(actor: Actor, session_id: int) -> None:
    """End one of my sessions; raises NotFound."""
    end_session(actor.user_id, session_id)


def list_sessions(actor: Actor, page: PageRequest) -> Page:
    """List my live sessions, newest first."""

    def present(row: db.AnyRow) -> dict[str, Any]:
        fields = ("id", "device", "ip", "created_at", "last_seen_at")
        session = {name: getattr(row, name) for name in fields}
        session["device_name"] = device_name(row.device)
        return session | {"current": row.id == actor.session_id}

    return fetch_page(_live, (), NEWEST_FIRST, page, present, {"owner": actor.user_id, "now": db.utcnow()})


def _live() -> db.AnySelect:
    shown = select(Session.device, Session.ip, Session.last_seen_at, Session.created_at, Session.id)
    own = Session.user_id == bindparam("owner")
    not_over = Session.expires_at > bindparam("now", type_=Session.expires_at.type)
    return shown.where(own, Session.revoked_at.is_(None), not_over)


def end_all_sessions(actor: Actor) -> None:
    """End all my sessions."""
    accounts.end_sessions(actor.user_id, db.utcnow())
    events.on_commit(events.SESSIONS_ENDED, user_id=actor.user_id)
