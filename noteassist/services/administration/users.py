"""Users as administrators see and change them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update

from noteassist import db
from noteassist.errors import LastAdmin, NotFound
from noteassist.models import AiOutput, AiUsage, Note, Session, Task, Topic, User
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor, Origin
from noteassist.services import accounts
from noteassist.services.audit import Deed, record
from noteassist.services.versions import begin_write

NEWEST_FIRST = Order((User.created_at, User.id), descending=True)
CHANGEABLE = ("is_active", "role", "subscription_tier")
_COLUMNS = (
    User.id,
    User.email,
    User.name,
    User.role,
    User.subscription_tier,
    User.is_active,
    User.is_email_verified,
    User.created_at,
    User.last_login_at,
)
# An account that was closed is being erased: nobody manages it any more.
_exists = User.closed_at.is_(None)
_ONE = db.Prepared(select(*_COLUMNS).where(User.id == bindparam("user"), _exists))
_OTHER_ADMIN = db.Prepared(
    select(User.id)
    .where(User.role == "admin", User.is_active, _exists, User.id != bindparam("user"))
    .limit(1)
)


def _number_of(model: Any, *conditions: Any) -> Any:
    mine = model.user_id == bindparam("user")
    return select(func.count()).select_from(model).where(mine, *conditions).scalar_subquery()


_COUNTS = db.Prepared(
    select(
        _number_of(Note, Note.deleted_at.is_(None)).label("notes"),
        _number_of(Note, Note.deleted_at.is_not(None)).label("notes_in_trash"),
        _number_of(Topic).label("topics"),
        _number_of(AiOutput).label("ai_outputs"),
        _number_of(AiUsage).label("ai_requests"),
        select(func.coalesce(func.sum(AiUsage.tokens), 0))
        .where(AiUsage.user_id == bindparam("user"))
        .scalar_subquery()
        .label("ai_tokens"),
        _number_of(Task).label("tasks"),
        _number_of(
            Session,
            Session.revoked_at.is_(None),
            Session.expires_at > bindparam("now", type_=Session.expires_at.type),
        ).label("sessions"),
    )
)


@dataclass(frozen=True)
class UserFilter:
    """Which users are wanted; None is all. `q` is part of an address or a name."""

    q: str | None = None
    role: str | None = None
    tier: str | None = None
    is_active: bool | None = None


def list_users(page: PageRequest, wanted: UserFilter) -> Page:
    """List users, newest first."""
    values: dict[str, Any] = {name: value for name, value in vars(wanted).items() if value is not None}
    if "q" in values:
        values["q_folded"] = values["q"].strip().lower()
    return fetch_page(_listing, (frozenset(values),), NEWEST_FIRST, page, _present, values)


def _listing(names: frozenset[str]) -> db.AnySelect:
    statement = select(*_COLUMNS, *NEWEST_FIRST.columns).where(_exists)
    if "q" in names:
        folded = bindparam("q_folded", type_=User.email.type)
        places = (
            db.instr(User.email, folded) > 0,
            db.instr(func.lower(User.name), folded) > 0,
            # SQLite's lower() knows ASCII alone.
            db.instr(User.name, bindparam("q", type_=User.name.type)) > 0,
        )
        statement = statement.where(or_(*places))
    if "role" in names:
        statement = statement.where(User.role == bindparam("role"))
    if "tier" in names:
        statement = statement.where(User.subscription_tier == bindparam("tier"))
    if "is_active" in names:
        statement = statement.where(User.is_active == bindparam("is_active", type_=User.is_active.type))
    return statement


def _present(row: db.AnyRow) -> dict[str, Any]:
    return dict(zip((column.key for column in _COLUMNS), row, strict=False))


def get_user(user_id: int) -> dict[str, Any]:
    """Show a user with what is theirs, in numbers; raises NotFound."""
    user = _read(user_id)
    counts = db.rows(_COUNTS, {"user": user_id, "now": db.utcnow()})[0]
    return user | {"counts": {name: int(value) for name, value in counts._asdict().items()}}


def _read(user_id: int) -> dict[str, Any]:
    found = db.row(_ONE, {"user": user_id})
    if found is None:
        raise NotFound
    return _present(found)


def change_user(actor: Actor, origin: Origin, user_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change what a user may do, and write it down; raises NotFound, LastAdmin.

    Who is disabled is signed out everywhere with the commit.
    """
    # Of two administrators who demote each other in the same moment, the second one sees what the first has done.
    db.exclusive("administrators")
    begin_write(user_id)
    before = _read(user_id)
    wanted = {name: changes[name] for name in CHANGEABLE if name in changes}
    changed = {name: value for name, value in wanted.items() if before[name] != value}
    if _is_admin(before) and not _is_admin(before | changed):
        _require_another_admin(user_id)
    if changed:
        db.execute(update(User).where(User.id == user_id).values(**changed))
    if changed.get("is_active") is False:
        accounts.end_sessions(user_id, db.utcnow())
    details = {"before": {name: before[name] for name in changed}, "after": changed}
    record(actor, origin, Deed("user.update", "user", str(user_id), details))
    return get_user(user_id)


def _is_admin(user: Mapping[str, Any]) -> bool:
    return bool(user["role"] == "admin" and user["is_active"])


def _require_another_admin(user_id: int) -> None:
    if db.row(_OTHER_ADMIN, {"user": user_id}) is None:
        raise LastAdmin
