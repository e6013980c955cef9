"""Notifications: what users are told once, listed and live."""

from typing import Any

from sqlalchemy import bindparam, func, select, update

from noteassist import db
from noteassist.errors import NotFound
from noteassist.models import Notification
from noteassist.paging import Order, Page, PageRequest, fetch_page
from noteassist.security.actors import Actor
from noteassist.services.tasks.telling import user_signal, user_was_told
from noteassist.services.versions import begin_write

LIVE_BATCH = 100
ORDER = Order((Notification.created_at, Notification.id), descending=True)
_COLUMNS = (
    Notification.id,
    Notification.type,
    Notification.title,
    Notification.message,
    Notification.action_id,
    Notification.created_at,
    Notification.read_at,
)
_SINCE = db.Prepared(
    select(*_COLUMNS)
    .where(Notification.user_id == bindparam("owner"), Notification.id > bindparam("after"))
    .order_by(Notification.id)
    .limit(LIVE_BATCH)
)
_LAST = db.Prepared(select(func.max(Notification.id)).where(Notification.user_id == bindparam("owner")))


def notify(user_id: int, kind: str, title: str, message: str, action_id: str) -> None:
    """Tell a user something about `action_id`, once, in the open transaction."""
    values = {"user_id": user_id, "type": kind, "title": title[:255], "message": message}
    row = values | {"action_id": action_id, "created_at": db.utcnow()}
    db.execute(db.insert_ignoring(Notification).values(**row))
    user_was_told(user_id)


def present_notification(row: db.AnyRow) -> dict[str, Any]:
    """Show a notification."""
    return dict(zip((column.key for column in _COLUMNS), row, strict=False))


def list_notifications(actor: Actor, page: PageRequest, *, only_unread: bool = False) -> Page:
    """List my notifications, newest first."""
    return fetch_page(_listing, (only_unread,), ORDER, page, present_notification, {"owner": actor.user_id})


def _listing(only_unread: bool) -> db.AnySelect:
    statement = select(*_COLUMNS, *ORDER.columns).where(Notification.user_id == bindparam("owner"))
    return statement.where(Notification.read_at.is_(None)) if only_unread else statement


class Watch:
    """One who is told of notifications as they come: of those after the given id, or from now on."""

    has_ended = False

    def __init__(self, actor: Actor, after: int | None) -> None:
        self.actor = actor
        self.after = self._last_id() if after is None else after

    @property
    def signals(self) -> tuple[str, ...]:
        """Name the signal of news."""
        return (user_signal(self.actor.user_id),)

    def look(self) -> list[tuple[str, int, dict[str, Any]]]:
        """Give the notifications since the last look, at most 100, in order."""
        found = db.read_rows(_SINCE, {"owner": self.actor.user_id, "after": self.after})
        if found:
            self.after = found[-1].id
        return [("notification", row.id, present_notification(row)) for row in found]

    def _last_id(self) -> int:
        return db.read_rows(_LAST, {"owner": self.actor.user_id})[0][0] or 0


def mark_read(actor: Actor, notification_id: int) -> dict[str, Any]:
    """Mark one of my notifications as read; raises NotFound."""
    begin_write(actor.user_id)
    own = (Notification.user_id == actor.user_id) & (Notification.id == notification_id)
    read_at = func.coalesce(Notification.read_at, bindparam("now", db.utcnow(), Notification.read_at.type))
    found = db.execute(update(Notification).where(own).values(read_at=read_at).returning(*_COLUMNS)).all()
    if not found:
        raise NotFound
    return present_notification(found[0])


def mark_all_read(actor: Actor) -> int:
    """Mark all my notifications as read; gives how many were unread."""
    begin_write(actor.user_id)
    unread = (Notification.user_id == actor.user_id) & Notification.read_at.is_(None)
    return db.execute(update(Notification).where(unread).values(read_at=db.utcnow())).rowcount
