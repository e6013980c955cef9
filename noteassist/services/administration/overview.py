"""The numbers of the whole instance.

Uncached it reads three things: the users, an index of the live notes that holds their topic counts, and the counts of
AI use by day (docs/adr/0030-administration.md).
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, func, or_, select, true

from noteassist import db
from noteassist.models import AiUsageDay, Note, Session, User

WEEK = timedelta(days=7)
# What is counted this quickly is not worth remembering: a small instance always sees the present.
SMALL = 20_000

# Read as one set: looking each user up would take four times as long.
_was_here = User.id.in_(
    select(Session.user_id).where(Session.last_seen_at >= bindparam("since", type_=Session.last_seen_at.type))
)
_is_active = User.is_active & or_(
    User.last_login_at >= bindparam("since", type_=User.last_login_at.type), _was_here
)
_USERS = (
    select(func.count().label("total"), func.count().filter(_is_active).label("active"))
    .select_from(User)
    .where(User.closed_at.is_(None))
    .subquery()
)
_NOTES = (
    select(func.count().label("total"), func.coalesce(func.sum(Note.topic_count), 0).label("topics"))
    .select_from(Note)
    .where(Note.deleted_at.is_(None))
    .subquery()
)
_USAGE = select(
    func.coalesce(func.sum(AiUsageDay.requests), 0).label("requests"),
    func.coalesce(func.sum(AiUsageDay.tokens), 0).label("tokens"),
    func.coalesce(func.sum(AiUsageDay.response_ms), 0).label("response_ms"),
).subquery()
_OVERVIEW = db.Prepared(
    select(
        _USERS.c.total.label("users"),
        _USERS.c.active,
        _NOTES.c.total.label("notes"),
        _NOTES.c.topics,
        _USAGE.c.requests,
        _USAGE.c.tokens,
        _USAGE.c.response_ms,
    )
    .select_from(_USERS)
    .join(_NOTES, true())
    .join(_USAGE, true())
)


def read_overview() -> dict[str, Any]:
    """Count users, content and AI use of the whole instance, in one statement."""
    found = db.rows(_OVERVIEW, {"since": db.utcnow() - WEEK})[0]
    notes, topics, requests = int(found.notes), int(found.topics), int(found.requests)
    return {
        "users": {
            "total": found.users,
            "active_this_week": found.active,
            "activity_rate": round(100 * found.active / found.users, 1) if found.users else 0.0,
        },
        "content": {
            "total_notes": notes,
            "total_topics": topics,
            "avg_topics_per_note": round(topics / notes, 2) if notes else 0.0,
        },
        "ai_usage": {
            "total_requests": requests,
            "avg_response_time": mean_seconds(found.response_ms, requests),
            "total_tokens": int(found.tokens),
        },
    }


def mean_seconds(milliseconds: Any, number: int) -> float:
    """Give the mean in seconds, 0 where there is nothing."""
    return round(int(milliseconds) / number / 1000, 3) if number else 0.0


def is_large(overview: dict[str, Any]) -> bool:
    """Say whether there is so much to count that the result is worth keeping for a while."""
    counted: tuple[int, ...] = (
        overview["users"]["total"],
        overview["content"]["total_notes"],
        overview["ai_usage"]["total_requests"],
    )
    return sum(counted) > SMALL
