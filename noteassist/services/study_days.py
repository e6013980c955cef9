"""Days of study, read as days of the user's own calendar; a trigger keeps them with each revision of a note."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

QUARTER_SECONDS = 900
QUARTERS_A_DAY = 96


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
