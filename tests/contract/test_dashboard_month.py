"""A month of use on a simulated clock: the dashboard must say what was done, by the user's own calendar.

What is expected is counted by hand from the list of things done, hour by hour, without the service's own ways.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.people import ApiClient

from . import ai, expect

DAY = timedelta(days=1)
# New York: clocks go back on 1 November 2026, and went forward on 8 March. Lord Howe's move by half an hour.
MONTHS = [
    ("Asia/Kolkata", date(2026, 10, 10)),
    ("America/New_York", date(2026, 10, 10)),
    ("America/New_York", date(2026, 2, 15)),
    ("Australia/Lord_Howe", date(2026, 3, 20)),
    ("UTC", date(2026, 10, 10)),
]


@dataclass
class Diary:
    """What one user did, as (moment, note id) of notes and topics, and moments of all changes and uses."""

    zone: ZoneInfo
    notes: list[tuple[datetime, int]] = field(default_factory=list)
    topics: list[tuple[datetime, int]] = field(default_factory=list)
    changes: list[datetime] = field(default_factory=list)
    uses: list[tuple[datetime, str]] = field(default_factory=list)

    def day(self, moment):
        return moment.astimezone(self.zone).date()

    def forget(self, note_id):
        self.notes = [entry for entry in self.notes if entry[1] != note_id]
        self.topics = [entry for entry in self.topics if entry[1] != note_id]

    def per_day(self, entries):
        return Counter(self.day(moment) for moment, _ in entries)

    def expected_progress(self, now):
        days = [self.day(now) - DAY * back for back in range(6, -1, -1)]
        notes, topics = self.per_day(self.notes), self.per_day(self.topics)
        data = [{"date": str(day), "notes": notes[day], "topics": topics[day]} for day in days]
        return {"period": "7_days", "data": data, "streak": self.expected_streak(now)}

    def expected_streak(self, now):
        studied = {self.day(moment) for moment in self.changes}
        longest = max((self.run_up_to(day, studied) for day in studied), default=0)
        today = self.day(now)
        current = self.run_up_to(today if today in studied else today - DAY, studied)
        return {"current": current, "longest": longest}

    @staticmethod
    def run_up_to(day, studied):
        length = 0
        while day - DAY * length in studied:
            length += 1
        return length

    def expected_daily(self, now):
        uses = self.per_day(self.uses)
        days = [self.day(now) - DAY * back for back in range(29, -1, -1)]
        return [(str(day), uses[day]) for day in days]


def moments(zone, first, chance):
    """Yield when somebody studies in a month, mostly in the day and often just around midnight."""
    start = datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
    found = []
    for day in range(31):
        if chance.random() < 0.2:
            continue
        for _ in range(chance.randint(1, 2)):
            hour = chance.choice([0.05, 0.2, 23.3, 23.9, 24.4, chance.uniform(1, 23)])
            found.append(start + timedelta(days=day, hours=hour))
    return sorted(found)


def study(client, diary, now, chance, do_tasks):
    """Do something, and write it down."""
    deed = chance.choice(["note", "note", "topic", "change", "trash", "ask"])
    if deed == "ask":
        tool = chance.choice(ai.TOOLS)
        ai.output(client, do_tasks, tool)
        diary.uses.append((now, tool))
        return
    diary.changes.append(now)
    mine = [note_id for _, note_id in diary.notes]
    if deed == "note" or not mine:
        topics = chance.randint(0, 3)
        chapter = {"title": "C", "topics": [{"name": f"T{number}"} for number in range(topics)]}
        note = expect.ok(client.post("/api/notes/", json={"title": "N", "chapters": [chapter]}), 201)
        diary.notes.append((now, note["id"]))
        diary.topics += [(now, note["id"])] * topics
        return
    note_id = chance.choice(mine)
    path = f"/api/notes/{note_id}/"
    if deed == "topic":
        chapter_id = expect.ok(client.get(path))["chapters"][0]["id"]
        expect.ok(client.post(f"/api/chapters/{chapter_id}/topics/", json={"name": "More"}), 201)
        diary.topics.append((now, note_id))
    elif deed == "change":
        expect.ok(client.patch(path, json={"title": f"N {now}"}))
    else:
        expect.ok(client.delete(path), 204)
        diary.forget(note_id)
        # To put something away is not to study.
        diary.changes.pop()


def compare(client, diary, now):
    """Hold the dashboard against the diary."""
    shown = expect.ok(client.get("/api/dashboard/"))
    assert shown["weekly_progress"] == diary.expected_progress(now)
    statistics = shown["overview"]["statistics"]
    assert (statistics["total_notes"], statistics["total_topics"]) == (len(diary.notes), len(diary.topics))
    week = diary.expected_progress(now)["data"]
    assert statistics["notes_this_week"] == sum(day["notes"] for day in week)
    assert statistics["topics_this_week"] == sum(day["topics"] for day in week)
    by_tool = Counter(tool for _, tool in diary.uses)
    assert shown["overview"]["ai_usage"] == {
        "total": len(diary.uses),
        **{tool: by_tool[tool] for tool in ai.TOOLS},
    }
    daily = shown["ai_usage_stats"]["daily"]
    assert [(day["date"], day["count"]) for day in daily] == diary.expected_daily(now)


@pytest.mark.parametrize(("zone", "first"), MONTHS, ids=lambda value: str(value))
def test_a_month_of_use_is_told_as_it_was(app, sign_up, do_tasks, zone, first):
    chance = random.Random(f"{zone} {first}")
    diary = Diary(ZoneInfo(zone))
    days = moments(diary.zone, first, chance)
    with time_machine.travel(days[0] - timedelta(hours=1), tick=False) as clock:
        client = sign_up(email="month@example.com")
        expect.ok(client.patch("/api/auth/me/", json={"profile": {"timezone": zone}}))
        for now in days:
            clock.move_to(now)
            client = ApiClient.signed_in(app, client.email, client.password)
            study(client, diary, now, chance, do_tasks)
            compare(client, diary, now)
        last = now + timedelta(days=2)
        clock.move_to(last)
        compare(ApiClient.signed_in(app, client.email, client.password), diary, last)
    assert len(diary.changes) > 15 and len(diary.uses) > 1
