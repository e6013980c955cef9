"""Reading a user's dashboard: as it was worked out beforehand, where that still holds, else from the rows."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import and_, bindparam, select

from noteassist import db
from noteassist.models import DashboardCache, Profile
from noteassist.models.ai import TOOLS
from noteassist.security.actors import Actor
from noteassist.services import study_days
from noteassist.services.dashboard import statements
from noteassist.services.tasks.ending import NAMES

WEEK_DAYS = 7
MONTH_DAYS = 30

Rows = Mapping[str, Sequence[Any]]
Shown = dict[str, Any]

_PREPARED = db.Prepared(
    select(Profile.timezone, DashboardCache.body)
    .outerjoin(
        DashboardCache,
        and_(
            DashboardCache.user_id == Profile.user_id,
            DashboardCache.data_version == bindparam("version"),
            DashboardCache.valid_until > bindparam("now", type_=DashboardCache.valid_until.type),
        ),
    )
    .where(Profile.user_id == bindparam("owner"))
)


@dataclass(frozen=True)
class Calendar:
    """What day it is for a user, and when the days of the last week and month began."""

    zone: ZoneInfo
    now: datetime

    @property
    def today(self) -> date:
        """The user's date."""
        return self.now.astimezone(self.zone).date()

    @property
    def times(self) -> dict[str, datetime]:
        """The parameters of statements."""
        week, month = (study_days.days_until(self.today, number)[0] for number in (WEEK_DAYS, MONTH_DAYS))
        starts = {
            "week": study_days.start_of(week, self.zone),
            "month": study_days.start_of(month, self.zone),
        }
        return starts | {"now": self.now}

    @property
    def ends(self) -> datetime:
        """When the day ends, and with it the truth of what is counted by days."""
        return study_days.start_of(self.today + timedelta(days=1), self.zone)

    def by_date(self, rows: Iterable[Any], name: str) -> Counter[date]:
        """Add up the number called `name` of rows whose `a` is a quarter-hour, by the user's dates."""
        found: Counter[date] = Counter()
        for row in rows:
            found[study_days.date_of(row.a, self.zone)] += int(getattr(row, name))
        return found


def get_overview(actor: Actor) -> Shown:
    """Tell how much there is, what is new this week, and how AI tools were used."""
    return _get(actor, "overview", statements.OVERVIEW)


def get_activity(actor: Actor) -> Shown:
    """List the latest things done, newest first."""
    return _get(actor, "recent_activity", statements.ACTIVITY)


def get_ai_usage(actor: Actor) -> Shown:
    """Tell how AI tools were used: by tool, and by day for 30 days."""
    return _get(actor, "ai_usage_stats", statements.AI_USAGE)


def get_progress(actor: Actor) -> Shown:
    """Tell what was written on each of seven days, and for how many days in a row."""
    return _get(actor, "weekly_progress", statements.PROGRESS)


def get_dashboard(actor: Actor) -> Shown:
    """Give all four under their names."""
    return _get(actor, None, statements.EVERYTHING)


def _get(actor: Actor, name: str | None, parts: tuple[str, ...]) -> Shown:
    """Read one of the four, or all; two statements, or one where they were worked out beforehand."""
    now = db.utcnow()
    prepared = db.row(_PREPARED, {"owner": actor.user_id, "version": actor.data_version, "now": now})
    if prepared is not None and prepared.body is not None:
        everything: Shown = orjson.loads(prepared.body)
        return everything if name is None else everything[name]
    calendar = Calendar(ZoneInfo(prepared.timezone if prepared else "UTC"), now)
    rows = statements.read_parts(parts, actor.user_id, calendar.times)
    return everything_of(rows, calendar) if name is None else PRESENTERS[name](rows, calendar)


def work_out(user_id: int, calendar: Calendar) -> Shown:
    """Work out a user's whole dashboard from the rows."""
    return everything_of(statements.read_parts(statements.EVERYTHING, user_id, calendar.times), calendar)


def everything_of(rows: Rows, calendar: Calendar) -> Shown:
    """Present all four."""
    return {name: present(rows, calendar) for name, present in PRESENTERS.items()}


def _overview(rows: Rows, _calendar: Calendar) -> Shown:
    totals, added = rows["totals"][0], rows["added"][0]
    uses = {row.label: row for row in rows["uses"]}
    by_tool = {tool: uses[tool].a if tool in uses else 0 for tool in TOOLS}
    times = [row.at for row in (totals, *uses.values()) if row.at is not None]
    return {
        "statistics": {
            "total_notes": totals.a,
            "total_chapters": totals.b,
            "total_topics": totals.c,
            "notes_this_week": totals.d,
            "topics_this_week": totals.e + added.a,
        },
        "ai_usage": {"total": sum(by_tool.values()), **by_tool},
        "last_activity": max(times, default=None),
    }


def _activity(rows: Rows, _calendar: Calendar) -> Shown:
    done = [
        *(_note_done(row) for row in rows["latest_notes"]),
        *(_output_made(row) for row in rows["latest_outputs"]),
        *(_task_done(row) for row in rows["latest_tasks"]),
    ]
    done.sort(key=lambda item: item["happened_at"], reverse=True)
    return {"results": done[: statements.LATEST], "next": None, "previous": None}


def _note_done(row: Any) -> Shown:
    return _done("note_created" if row.b else "note_updated", row, summary=row.more, note_id=row.a)


def _output_made(row: Any) -> Shown:
    return _done(row.more, row, summary=NAMES[row.more], output_id=row.a, note_id=row.b or None)


def _task_done(row: Any) -> Shown:
    name = NAMES[row.more]
    return _done(row.more, row, title=name, summary=f"{name} is ready", task_id=str(uuid.UUID(row.label)))


def _done(kind: str, row: Any, **known: Any) -> Shown:
    ids = {"note_id": None, "output_id": None, "task_id": None}
    return {"kind": kind, "title": row.label, **ids, "happened_at": row.at, **known}


def _ai_usage(rows: Rows, calendar: Calendar) -> Shown:
    found = {row.label: row for row in rows["tools"]}
    uses, tokens = (calendar.by_date(rows["month"], name) for name in "bc")
    days = study_days.days_until(calendar.today, MONTH_DAYS)
    return {
        "by_type": [_tool(tool, found.get(tool)) for tool in TOOLS],
        "daily": [{"date": day.isoformat(), "count": uses[day], "tokens": tokens[day]} for day in days],
    }


def _tool(tool: str, row: Any | None) -> Shown:
    count, tokens, hits, milliseconds, slow = (row.a, row.b, row.c, row.d, row.e) if row else (0,) * 5
    answered = count - hits
    return {
        "tool": tool,
        "count": count,
        "tokens": tokens,
        "cache_hits": hits,
        "mean_response_time": round(milliseconds / answered / 1000, 3) if answered else 0.0,
        "p95_response_time": slow / 1000,
    }


def _progress(rows: Rows, calendar: Calendar) -> Shown:
    made = {name: calendar.by_date(rows[name], "b") for name in ("notes", "topics")}
    days = study_days.days_until(calendar.today, WEEK_DAYS)
    quarters = (
        row.a * study_days.QUARTERS_A_DAY + quarter for row in rows["days"] for quarter in (row.b, row.c)
    )
    studied = (study_days.date_of(quarter, calendar.zone) for quarter in quarters)
    return {
        "period": "7_days",
        "data": [
            {"date": day.isoformat(), "notes": made["notes"][day], "topics": made["topics"][day]}
            for day in days
        ],
        "streak": study_days.streak(studied, calendar.today),
    }


PRESENTERS = {
    "overview": _overview,
    "recent_activity": _activity,
    "ai_usage_stats": _ai_usage,
    "weekly_progress": _progress,
}
