"""API keys: what programs use instead of a sign-in."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from noteassist import db
from noteassist.account_errors import TooManyKeys
from noteassist.errors import NotFound, Unprocessable
from noteassist.models import ApiKey
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security import keys
from noteassist.security.actors import Actor
from noteassist.security.tokens import digest
from noteassist.services import accounts, mail
from noteassist.services.versions import begin_write

MOST_KEYS = 100
"""So many keys somebody may have at a time."""
NEWEST_FIRST = Order((ApiKey.created_at, ApiKey.id), descending=True)
_OWN = (ApiKey.user_id == bindparam("owner")) & (ApiKey.id == bindparam("key"))


def _shown() -> db.AnySelect:
    return select(
        ApiKey.name,
        ApiKey.prefix,
        ApiKey.scopes,
        ApiKey.requests_per_hour,
        ApiKey.requests_per_day,
        ApiKey.expires_at,
        ApiKey.last_used_at,
        ApiKey.created_at,
        ApiKey.id,
    )


def _mine() -> db.AnySelect:
    return _shown().where(ApiKey.user_id == bindparam("owner"))


def _present(row: db.AnyRow) -> dict[str, Any]:
    shown = row._asdict()
    return shown | {"scopes": shown["scopes"].split(), "last_used": shown.pop("last_used_at")}


def list_keys(actor: Actor, page: PageRequest) -> Page:
    """List my keys, newest first; what they open with is not kept."""
    return fetch_page(_mine, (), NEWEST_FIRST, page, _present, {"owner": actor.user_id})


def get_key(actor: Actor, key_id: int) -> dict[str, Any]:
    """Show one of my keys; raises NotFound."""
    found = db.row(_shown().where(_OWN), {"owner": actor.user_id, "key": key_id})
    if found is None:
        raise NotFound
    return _present(found)


def make_key(actor: Actor, wishes: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Make a key; gives it as it is shown from now on, and what it opens with, which is never shown again.

    Raises Unprocessable for an end that has passed, TooManyKeys.
    """
    values = _values(wishes)
    begin_write(actor.user_id)
    owner = ApiKey.user_id == actor.user_id
    if db.rows(select(func.count()).where(owner))[0][0] >= MOST_KEYS:
        raise TooManyKeys
    key = keys.new_key()
    kept = {"key_hash": digest(key), "prefix": key[: keys.PREFIX_LENGTH], "created_at": db.utcnow()}
    row = insert(ApiKey).values(user_id=actor.user_id, **kept, **values).returning(ApiKey.id)
    key_id = int(db.execute(row).scalar_one())
    _tell(actor, "api_key_made")
    return get_key(actor, key_id), key


def change_key(actor: Actor, key_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change what one of my keys is called and may do; raises NotFound, Unprocessable."""
    values = _values(changes)
    begin_write(actor.user_id)
    if values:
        own = (ApiKey.user_id == actor.user_id) & (ApiKey.id == key_id)
        db.execute(update(ApiKey).where(own).values(**values))
    return get_key(actor, key_id)


def revoke_key(actor: Actor, key_id: int) -> None:
    """Make one of my keys worthless, from the commit on; raises NotFound."""
    begin_write(actor.user_id)
    own = (ApiKey.user_id == actor.user_id) & (ApiKey.id == key_id)
    if not db.execute(delete(ApiKey).where(own)).rowcount:
        raise NotFound
    _tell(actor, "api_key_revoked")


def _values(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """Give the columns of what is wished for; raises Unprocessable."""
    values = dict(wishes)
    if "scopes" in values:
        values["scopes"] = " ".join(_in_order(values["scopes"]))
    ends = values.get("expires_at")
    if ends is not None and ends <= db.utcnow():
        raise Unprocessable(errors={"json": {"expires_at": ["This has passed."]}})
    return values


def _in_order(scopes: Sequence[str]) -> list[str]:
    return [scope for scope in ("read", "write", "ai") if scope in scopes]


def _tell(actor: Actor, template: str) -> None:
    mail.send_later(template, accounts.email_of(actor.user_id), user_id=actor.user_id)
