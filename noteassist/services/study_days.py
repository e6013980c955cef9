"""Days of study: kept with each change to a note, and read as days of the user's own calendar."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from noteassist import db

QUARTER_SECONDS = 900
QUARTERS_A_DAY = 96

_KEEP = """\
INSERT INTO study_days (user_id, day, first_quarter, last_quarter) VALUES (:owner, :day, :first, :last)
ON CONFLICT (user_id, day) DO UPDATE SET
    first_quarter = {lesser}(study_days.first_quarter, excluded.first_quarter),
    last_quarter = {greater}(study_days.last_quarter, excluded.last_quarter)
WHERE excluded.first_quarter < study_days.first_quarter OR excluded.last_quarter > study_days.last_quarter
RETURNING day"""


@db.per_database
def _keep() -> db.Prepared:
    return db.Prepared(text(_KEEP.format(lesser=db.lesser_of(), greater=db.greater_of())))


def keep_days(user_id: int, moments: Sequence[datetime]) -> None:
    """Keep, in the open write, that a user studied at these moments."""
    days: dict[int, list[int]] = {}
    for moment in moments:
        day, quarter = divmod(quarter_of(moment), QUARTERS_A_DAY)
        days.setdefault(day, []).append(quarter)
    for day, quarters in days.items():
        db.rows(_keep(), {"owner": user_id, "day": day, "first": min(quarters), "last": max(quarters)})


def quarter_of(moment: datetime) -> int:
    """Give the number of the quarter-hour since 1970 in UTC."""
    return int(moment.timestamp() // QUARTER_SECONDS)


def date_of(quarter: int, zone: ZoneInfo) -> date:
    """Give the date that a quarter-hour, by its number since 1970, has in a time zone."""
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, zone).date()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Give the moment, in UTC, at which a day begins in a time zone.

    Where clocks leave midnight out, it is the moment at which they do.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def days_until(today: date, number: int) -> list[date]:
    """List so many days that end with today."""
    return [today - timedelta(days=back) for back in reversed(range(number))]


def streak(days: Iterable[date], today: date) -> dict[str, int]:
    """Tell how many days in a row somebody has studied: `current`, up to today or yesterday, and `longest`."""
    run = longest = 0
    last: date | None = None
    for day in sorted(set(days)):
        run = run + 1 if last is not None and day - last == timedelta(days=1) else 1
        longest = max(longest, run)
        last = day
    is_going_on = last is not None and last >= today - timedelta(days=1)
    return {"current": run if is_going_on else 0, "longest": longest}
