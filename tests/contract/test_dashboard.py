"""The dashboard: fresh after every write, in the days of its reader."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from noteassist import db
from noteassist.models import DashboardCache
from noteassist.services.dashboard import refreshing

from . import ai, expect

BASE = "/api/dashboard/"
NOTHING = {
    "total_notes": 0,
    "total_chapters": 0,
    "total_topics": 0,
    "notes_this_week": 0,
    "topics_this_week": 0,
}
# Of a clock that no test can stop: when each thing happened.
MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def overview(client):
    return expect.ok(client.get(BASE + "overview/"))


def activity(client):
    return expect.ok(client.get(BASE + "recent-activity/"))["results"]


def usage(client):
    return expect.ok(client.get(BASE + "ai-usage-stats/"))


def progress(client):
    return expect.ok(client.get(BASE + "weekly-progress/"))


def refresh(app):
    with app.app_context():
        return refreshing.refresh_dashboards()


def prepared_rows(app):
    with app.app_context():
        return db.read_rows(select(DashboardCache.user_id, DashboardCache.data_version))


def test_an_empty_account_has_an_empty_dashboard(alice):
    assert overview(alice) == {
        "statistics": NOTHING,
        "ai_usage": {"total": 0, "generate": 0, "improve": 0, "summarize": 0, "code": 0},
        "last_activity": None,
    }
    assert activity(alice) == []
    week = progress(alice)
    today = datetime.now(UTC).date()
    days = [(today - timedelta(days=back)).isoformat() for back in (6, 5, 4, 3, 2, 1, 0)]
    assert week == {
        "period": "7_days",
        "data": [{"date": day, "notes": 0, "topics": 0} for day in days],
        "streak": {"current": 0, "longest": 0},
    }
    stats = usage(alice)
    assert [tool["count"] for tool in stats["by_type"]] == [0, 0, 0, 0]
    assert len(stats["daily"]) == 30 and stats["daily"][-1] == {"date": days[-1], "count": 0, "tokens": 0}


def test_what_is_written_shows_at_once(alice, make_note, note_tree):
    note = make_note(**note_tree(chapters=2, topics=3))
    assert overview(alice)["statistics"] == {
        "total_notes": 1,
        "total_chapters": 2,
        "total_topics": 6,
        "notes_this_week": 1,
        "topics_this_week": 6,
    }
    chapter = note["chapters"][0]["id"]
    expect.ok(alice.post(f"/api/chapters/{chapter}/topics/", json={"name": "More"}), 201)
    assert overview(alice)["statistics"]["total_topics"] == 7
    assert progress(alice)["data"][-1] == {
        "date": datetime.now(UTC).date().isoformat(),
        "notes": 1,
        "topics": 7,
    }
    assert progress(alice)["streak"] == {"current": 1, "longest": 1}


def test_what_is_in_the_trash_does_not_count_until_it_comes_back(alice, note, path):
    before = overview(alice)["statistics"]
    expect.ok(alice.delete(path), 204)
    assert overview(alice)["statistics"] == NOTHING
    # The day of study was one all the same.
    assert progress(alice)["streak"]["current"] == 1
    expect.ok(alice.post(path + "restore/"))
    assert overview(alice)["statistics"] == before


def test_the_start_page_has_all_four_in_one(alice, note):
    four = expect.ok(alice.get(BASE))
    assert four == {
        "overview": overview(alice),
        "recent_activity": expect.ok(alice.get(BASE + "recent-activity/")),
        "ai_usage_stats": usage(alice),
        "weekly_progress": progress(alice),
    }


@pytest.mark.parametrize("name", ["", "overview/", "recent-activity/", "ai-usage-stats/", "weekly-progress/"])
def test_a_dashboard_takes_at_most_three_statements(alice, note, statements, name):
    statements.clear()
    expect.ok(alice.get(BASE + name))
    # One of them asks who is there.
    assert 2 <= len(statements) <= 3


def test_the_latest_things_done_come_first(alice, make_note, patched, do_tasks):
    first = make_note("Cells")
    second = make_note("Plants")
    made = ai.output(alice, do_tasks, "generate")
    patched(f"/api/notes/{first['id']}/", title="Cells and tissue")
    found = activity(alice)
    assert [(item["kind"], item["title"]) for item in found] == [
        ("note_updated", "Cells and tissue"),
        ("generate", made["title"]),
        ("note_created", "Plants"),
    ]
    assert [item["note_id"] for item in found] == [first["id"], None, second["id"]]
    assert found[1]["output_id"] == made["id"]
    assert found[0]["summary"] != "" and all(MOMENT.match(item["happened_at"]) for item in found)
    assert overview(alice)["last_activity"] == found[0]["happened_at"]


def test_a_document_that_was_made_is_an_activity(alice, note, do_tasks):
    task_id = expect.ok(alice.post("/api/notes/export/", json={"format": "md"}), 202)["task_id"]
    do_tasks()
    found = {item["kind"]: item for item in activity(alice)}
    assert found["export"]["task_id"] == task_id


def test_at_most_twenty_things_are_listed(alice, make_note):
    for number in range(23):
        make_note(f"Note {number}")
    assert [item["title"] for item in activity(alice)] == [f"Note {number}" for number in range(22, 2, -1)]


def test_uses_of_ai_tools_are_counted_by_tool(alice, do_tasks):
    ai.output(alice, do_tasks, "generate")
    ai.output(alice, do_tasks, "generate")
    ai.output(alice, do_tasks, "code")
    assert overview(alice)["ai_usage"] == {"total": 3, "generate": 2, "improve": 0, "summarize": 0, "code": 1}
    stats = usage(alice)
    by_tool = {tool["tool"]: tool for tool in stats["by_type"]}
    assert (by_tool["generate"]["count"], by_tool["generate"]["cache_hits"]) == (2, 1)
    assert by_tool["summarize"] == {
        "tool": "summarize",
        "count": 0,
        "tokens": 0,
        "cache_hits": 0,
        "mean_response_time": 0.0,
        "p95_response_time": 0.0,
    }
    assert stats["daily"][-1]["count"] == 3
    assert sum(day["count"] for day in stats["daily"]) == 3


def test_times_are_of_answers_that_a_model_was_asked_for(app, alice):
    add = text("""\
        INSERT INTO ai_usage (user_id, task_id, tool, provider, model, cached, tokens, response_ms, created_at)
        VALUES (:owner, :task, 'improve', 'offline', 'm', :cached, 10, :ms, :at)""")
    with app.app_context(), db.transaction():
        for number in range(1, 41):
            own = {"owner": alice.user["id"], "task": f"{number:032x}", "at": "2026-01-02 03:04:05"}
            db.execute(add, own | {"cached": False, "ms": number * 100})
        for number in range(41, 61):
            own = {"owner": alice.user["id"], "task": f"{number:032x}", "at": "2026-01-02 03:04:05"}
            db.execute(add, own | {"cached": True, "ms": 1})
    improved = usage(alice)["by_type"][1]
    assert improved == {
        "tool": "improve",
        "count": 60,
        "tokens": 600,
        "cache_hits": 20,
        "mean_response_time": 2.05,
        # The 38th of 40: the nearest rank.
        "p95_response_time": 3.8,
    }


def test_nobody_sees_the_numbers_of_others(alice, bob, note, do_tasks):
    ai.output(alice, do_tasks, "generate")
    assert overview(bob)["statistics"] == NOTHING
    assert overview(bob)["ai_usage"]["total"] == 0
    assert activity(bob) == []


def test_a_dashboard_worked_out_beforehand_says_the_same(app, alice, note, statements):
    parts = ("", "overview/", "recent-activity/", "ai-usage-stats/", "weekly-progress/")
    before = [alice.get(BASE + part) for part in parts]
    assert refresh(app) == 1
    statements.clear()
    after = [alice.get(BASE + part) for part in parts]
    assert len(statements) == 2 * len(parts)
    assert [answer.data for answer in after] == [answer.data for answer in before]
    assert [answer.headers["ETag"] for answer in after] == [answer.headers["ETag"] for answer in before]


def test_a_dashboard_worked_out_beforehand_ends_with_the_next_write(app, alice, make_note):
    make_note("First")
    refresh(app)
    make_note("Second")
    assert overview(alice)["statistics"]["total_notes"] == 2
    assert refresh(app) == 1
    assert overview(alice)["statistics"]["total_notes"] == 2
    assert refresh(app) == 0


def test_a_dashboard_worked_out_beforehand_ends_with_the_day(app, alice, note, move_clock, sign_in):
    refresh(app)
    today = progress(alice)["data"][-1]["date"]
    move_clock(24 * 3600)
    again = sign_in(alice.email, alice.password)
    # Signing in is a write, too: as it would be without one.
    with app.app_context(), db.transaction():
        db.execute(text("UPDATE dashboard_cache SET data_version = (SELECT max(data_version) FROM users)"))
    assert [day["date"] for day in progress(again)["data"]].index(today) == 5
    assert refresh(app) == 1


def test_what_is_written_while_a_dashboard_is_worked_out_is_not_lost(app, alice, make_note, monkeypatch):
    make_note("First")
    usual = refreshing.work_out

    def slowly(user_id, calendar):
        worked_out = usual(user_id, calendar)
        make_note("Meanwhile")
        return worked_out

    monkeypatch.setattr(refreshing, "work_out", slowly)
    refresh(app)
    assert prepared_rows(app) == []
    assert overview(alice)["statistics"]["total_notes"] == 2


def test_dashboards_of_those_who_have_not_studied_lately_are_left_alone(app, alice, note, move_clock):
    move_clock(3 * 24 * 3600)
    assert refresh(app) == 0


def test_the_days_are_those_of_the_time_zone(alice, make_note, patched):
    make_note("Now")
    now = datetime.now(UTC)
    for name in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata"):
        patched("/api/auth/me/", profile={"timezone": name})
        last = progress(alice)["data"][-1]
        assert last == {"date": now.astimezone(ZoneInfo(name)).date().isoformat(), "notes": 1, "topics": 0}
        assert usage(alice)["daily"][-1]["date"] == last["date"]


def test_an_unknown_parameter_is_refused(alice):
    for name in ("", "overview/", "recent-activity/", "ai-usage-stats/", "weekly-progress/"):
        expect.problem(alice.get(BASE + name + "?days=3"), 422)
