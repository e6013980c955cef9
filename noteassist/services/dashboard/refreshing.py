"""Working dashboards out beforehand, for those who have studied lately."""

from datetime import timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import bindparam, delete, literal, or_, select

from noteassist import db
from noteassist.models import DashboardCache, Profile, StudyDay, User
from noteassist.services import study_days
from noteassist.services.dashboard.reading import Calendar, work_out

# Who has studied today or yesterday looks at the dashboard; this many users at a time.
LATELY_DAYS = 1
BATCH = 200
KEPT = timedelta(days=2)

_OPTIONS = orjson.OPT_UTC_Z
_STALE = (
    select(User.id, User.data_version, Profile.timezone)
    .join(Profile, Profile.user_id == User.id)
    .join(StudyDay, StudyDay.user_id == User.id)
    .outerjoin(DashboardCache, DashboardCache.user_id == User.id)
    .where(
        User.is_active,
        StudyDay.day >= bindparam("since"),
        or_(
            DashboardCache.user_id.is_(None),
            DashboardCache.data_version != User.data_version,
            DashboardCache.valid_until <= bindparam("now", type_=DashboardCache.valid_until.type),
        ),
    )
    .distinct()
    .limit(BATCH)
)


def refresh_dashboards() -> int:
    """Work out dashboards that do not hold any more, of those who studied lately; gives their number."""
    now = db.utcnow()
    since = study_days.quarter_of(now) // study_days.QUARTERS_A_DAY - LATELY_DAYS
    stale = db.read_rows(_STALE, {"since": since, "now": now})
    for user in stale:
        calendar = Calendar(ZoneInfo(user.timezone), db.utcnow())
        # Read with no transaction open; kept only if nothing was written meanwhile.
        body = orjson.dumps(work_out(user.id, calendar), option=_OPTIONS).decode()
        db.in_transaction(partial(_keep, user.id, user.data_version, calendar, body))
    return len(stale)


def forget_dashboards() -> int:
    """Delete dashboards that ended long ago; gives their number."""
    return db.execute(delete(DashboardCache).where(DashboardCache.valid_until < db.utcnow() - KEPT)).rowcount


def _keep(user_id: int, version: int, calendar: Calendar, body: str) -> None:
    db.execute(delete(DashboardCache).where(DashboardCache.user_id == user_id))
    values: dict[str, Any] = {
        "data_version": version,
        "valid_until": calendar.ends,
        "body": body,
        "refreshed_at": calendar.now,
    }
    columns = [
        literal(value, DashboardCache.__table__.c[name].type).label(name) for name, value in values.items()
    ]
    unchanged = select(User.id, *columns).where(User.id == user_id, User.data_version == version)
    db.execute(db.insert_ignoring(DashboardCache).from_select(["user_id", *values], unchanged))
