"""API keys that live: whose one is, and what it may do."""

from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import bindparam, select, update

from noteassist import db
from noteassist.errors import NotAuthenticated
from noteassist.models import ApiKey, User
from noteassist.security.actors import Actor, KeyUse
from noteassist.security.tokens import digest, new_secret

BEGINNING = "na_"
PREFIX_LENGTH = 11
LONGEST_KEY = 100
# So old may be what is told of a key's last use: then a request need not write.
USE_NOTED_EVERY = timedelta(seconds=60)

_ALIVE = (
    User.is_active,
    ApiKey.expires_at.is_(None) | (ApiKey.expires_at > bindparam("now", type_=ApiKey.expires_at.type)),
)
# What every request with a key asks the database, as sessions.py does for tokens.
_LIVE_KEY = db.Prepared(
    select(
        User.id,
        User.subscription_tier,
        User.is_email_verified,
        User.data_version,
        ApiKey.id.label("key_id"),
        ApiKey.scopes,
        ApiKey.requests_per_hour,
        ApiKey.requests_per_day,
        ApiKey.last_used_at,
    )
    .join(ApiKey, ApiKey.user_id == User.id)
    .where(ApiKey.key_hash == bindparam("key_hash"), *_ALIVE)
)
_STILL_LIVES = db.Prepared(
    select(User.id)
    .join(ApiKey, ApiKey.user_id == User.id)
    .where(ApiKey.id == bindparam("key_id"), User.id == bindparam("owner"), *_ALIVE)
)


def new_key() -> str:
    """Make a key: 256 random bits after a beginning by which it can be told from other secrets."""
    return BEGINNING + new_secret()


def live_key(key: str, now: datetime) -> tuple[Actor, bool]:
    """Give whoever a key belongs to, and whether its use is to be noted; raises NotAuthenticated.

    Whoever comes with a key is never an administrator.
    """
    if not key.startswith(BEGINNING) or len(key) > LONGEST_KEY:
        raise NotAuthenticated("The API key is not valid.", code="invalid_api_key")
    for found in db.read_rows(_LIVE_KEY, {"key_hash": digest(key), "now": now}):
        use = KeyUse(
            key_id=found.key_id,
            scopes=scopes_of(found.scopes),
            requests_per_hour=found.requests_per_hour,
            requests_per_day=found.requests_per_day,
        )
        actor = Actor(
            user_id=found.id,
            session_id=0,
            role="user",
            tier=found.subscription_tier,
            is_email_verified=found.is_email_verified,
            data_version=found.data_version,
            key=use,
        )
        return actor, found.last_used_at is None or found.last_used_at <= now - USE_NOTED_EVERY
    raise NotAuthenticated("The API key is not valid, or not any more.", code="invalid_api_key")


@lru_cache(maxsize=32)
def scopes_of(words: str) -> frozenset[str]:
    """Read the scopes of a key's row."""
    return frozenset(words.split())


def still_lives(actor: Actor, use: KeyUse, now: datetime) -> bool:
    """Say whether the key that somebody came with is still good."""
    return bool(db.read_rows(_STILL_LIVES, {"key_id": use.key_id, "owner": actor.user_id, "now": now}))


def note_use(key_id: int) -> None:
    """Note that a key is used, unless another request has just done so; in the open transaction."""
    now = db.utcnow()
    is_due = ApiKey.last_used_at.is_(None) | (ApiKey.last_used_at <= now - USE_NOTED_EVERY)
    db.execute(update(ApiKey).where(ApiKey.id == key_id, is_due).values(last_used_at=now))
