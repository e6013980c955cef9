"""Days and streaks by the user's calendar."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, text

from noteassist import db
from noteassist.models import NoteRevision, StudyDay
from noteassist.services.study_days import date_of, quarter_of, start_of, streak
from tests.contract import expect

TODAY = date(2026, 3, 10)
ZONES = [
    "UTC",
    "Asia/Kathmandu",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Europe/London",
]


def days_back(*numbers):
    return [TODAY - timedelta(days=number) for number in numbers]


@pytest.mark.parametrize(
    ("numbers", "current", "longest"),
    [
        ((), 0, 0),
        ((0,), 1, 1),
        ((1,), 1, 1),
        ((2,), 0, 1),
        ((0, 1, 2), 3, 3),
        ((1, 2, 4, 5, 6), 2, 3),
        ((0, 0, 1, 1), 2, 2),
        # The clock, or the time zone, was ahead.
        ((-1, 0), 2, 2),
    ],
)
def test_a_streak_ends_today_or_yesterday(numbers, current, longest):
    assert streak(days_back(*numbers), TODAY) == {"current": current, "longest": longest}


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("UTC", date(2026, 3, 8), datetime(2026, 3, 8, tzinfo=UTC)),
        ("Asia/Kolkata", date(2026, 3, 8), datetime(2026, 3, 7, 18, 30, tzinfo=UTC)),
        ("America/New_York", date(2026, 3, 8), datetime(2026, 3, 8, 5, tzinfo=UTC)),
        ("America/New_York", date(2026, 3, 9), datetime(2026, 3, 9, 4, tzinfo=UTC)),
        # Midnight is left out: the day begins at one.
        ("Africa/Cairo", date(2026, 4, 24), datetime(2026, 4, 23, 22, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_local_midnight(zone, day, begins):
    assert start_of(day, ZoneInfo(zone)) == begins


@given(
    moment=st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
def test_a_quarter_hour_has_one_date_everywhere(moment, zone):
    assert date_of(quarter_of(moment), zone) == moment.astimezone(zone).date()


def kept():
    return [
        tuple(row)
        for row in db.read_rows(text("SELECT day, first_quarter, last_quarter FROM study_days ORDER BY day"))
    ]


def test_a_day_keeps_its_first_and_its_last_quarter_hour(context, alice):
    first = expect.ok(alice.post("/api/notes/", json={"title": "Old"}), 201)["id"]
    with db.transaction():
        db.execute(delete(StudyDay))

    def keep(*hours):
        made = [datetime(1970, 1, 3, tzinfo=UTC) + timedelta(hours=hour) for hour in hours]
        records = [
            {"user_id": alice.user["id"], "note_id": first, "number": next(numbers), "created_at": moment}
            for moment in made
        ]
        with db.transaction():
            db.insert_rows(NoteRevision, records)

    numbers = count(2)
    keep(5.1)
    assert kept() == [(2, 20, 20)]
    keep(3.9, 4.5)
    assert kept() == [(2, 15, 20)]
    keep(23.99, 24)
    assert kept() == [(2, 15, 95), (3, 0, 0)]
