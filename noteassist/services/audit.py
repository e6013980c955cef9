"""The audit log: who did what to whom, from where. Entries are written and read, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select

from noteassist import db
from noteassist.models import AuditEntry, User
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor, Origin

NEWEST_FIRST = Order((AuditEntry.created_at, AuditEntry.id), descending=True)
_COLUMNS = (
    AuditEntry.id,
    AuditEntry.created_at,
    AuditEntry.actor_id,
    AuditEntry.actor_email,
    AuditEntry.action,
    AuditEntry.target_kind,
    AuditEntry.target_id,
    AuditEntry.details,
    AuditEntry.ip,
    AuditEntry.device,
    AuditEntry.request_id,
)
_EMAIL = db.Prepared(select(User.email).where(User.id == bindparam("actor")))


@dataclass(frozen=True)
class Deed:
    """What was done (`user.update`), and to what; `details` hold what was and what is, and never a secret."""

    action: str
    target_kind: str
    target_id: str
    details: Mapping[str, Any]


def record(actor: Actor, origin: Origin, deed: Deed) -> None:
    """Write down what somebody does, in the open transaction: the deed and its entry stand or fall together."""
    record_of(actor.user_id, origin, deed)


def record_of(actor_id: int, origin: Origin, deed: Deed) -> None:
    """Write down what was done, or tried, in the name of an account; see `record`."""
    found = db.row(_EMAIL, {"actor": actor_id})
    values = {
        "created_at": db.utcnow(),
        "actor_id": actor_id,
        "actor_email": found.email if found else "",
        "action": deed.action,
        "target_kind": deed.target_kind,
        "target_id": deed.target_id[:255],
        "details": dict(deed.details),
        "ip": origin.ip[:45],
        "device": origin.device[:255],
        "request_id": origin.request_id[:128],
    }
    db.execute(insert(AuditEntry).values(**values))


@dataclass(frozen=True)
class AuditFilter:
    """Which entries are wanted; None is all."""

    actor_id: int | None = None
    action: str | None = None
    target_kind: str | None = None
    target_id: str | None = None
    after: datetime | None = None
    before: datetime | None = None


def list_entries(page: PageRequest, wanted: AuditFilter) -> Page:
    """List what was done, newest first."""
    values = {name: value for name, value in vars(wanted).items() if value is not None}
    return fetch_page(_listing, (tuple(sorted(values)),), NEWEST_FIRST, page, _present, values)


def _listing(names: tuple[str, ...]) -> db.AnySelect:
    statement = select(*_COLUMNS, *NEWEST_FIRST.columns)
    for name in names:
        if name in {"after", "before"}:
            limit = bindparam(name, type_=AuditEntry.created_at.type)
            is_within = AuditEntry.created_at >= limit if name == "after" else AuditEntry.created_at < limit
            statement = statement.where(is_within)
        else:
            statement = statement.where(getattr(AuditEntry, name) == bindparam(name))
    return statement


def _present(row: db.AnyRow) -> dict[str, Any]:
    return dict(zip((column.key for column in _COLUMNS), row, strict=False))
