"""Points in time as files show them."""

from datetime import UTC, date, datetime
from typing import Any


def shown_time(value: Any) -> str | None:
    """Write a time as RFC 3339 in UTC; None for what is no time."""
    moment = read_time(value)
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def read_time(value: Any) -> datetime | None:
    """Read a time, a date or the text of either; one without a zone is in UTC. None for anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return None
