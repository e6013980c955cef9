"""The numbers of the instance: what is counted, and that it is always what is there."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import insert, text

from noteassist import db
from noteassist.config.parsing import parse_prices
from noteassist.models import AiCall, AiUsage
from noteassist.services.administration.usage import read_ai_usage

from . import expect

OVERVIEW, USAGE = "/api/admin/overview/", "/api/admin/ai-usage/"


@pytest.fixture
def use(app):
    """Write down uses of AI tools, and the calls that they took."""

    def write(client, *uses, provider="groq", model="m", days_ago=0):
        now = db.utcnow() - timedelta(days=days_ago)
        whose = {"user_id": client.user["id"], "provider": provider, "model": model, "created_at": now}
        with app.app_context(), db.transaction():
            for tool, tokens, milliseconds in uses:
                task = str(uuid.uuid4())
                row = {"task_id": task, "tool": tool, "tokens": tokens, "response_ms": milliseconds}
                db.execute(insert(AiUsage).values(**whose, **row))
                call = {"task_id": task, "attempt": 1, "outcome": "ok", "prompt_tokens": tokens}
                db.execute(insert(AiCall).values(**whose, **call, completion_tokens=2 * tokens))

    return write


def test_an_instance_with_nothing_in_it_has_an_overview(root):
    assert expect.ok(root.get(OVERVIEW)) == {
        "users": {"total": 1, "active_this_week": 1, "activity_rate": 100.0},
        "content": {"total_notes": 0, "total_topics": 0, "avg_topics_per_note": 0.0},
        "ai_usage": {"total_requests": 0, "avg_response_time": 0.0, "total_tokens": 0},
    }


def test_the_overview_counts_what_is_there_at_once(root, alice, note, make_note, use):
    make_note()
    use(alice, ("improve", 100, 2000), ("code", 50, 1000))
    assert expect.ok(root.get(OVERVIEW)) == {
        "users": {"total": 2, "active_this_week": 2, "activity_rate": 100.0},
        "content": {"total_notes": 2, "total_topics": 4, "avg_topics_per_note": 2.0},
        "ai_usage": {"total_requests": 2, "avg_response_time": 1.5, "total_tokens": 150},
    }
    alice.delete(f"/api/notes/{note['id']}/")
    assert expect.ok(root.get(OVERVIEW))["content"]["total_notes"] == 1


def test_who_has_not_come_for_a_week_is_not_active(app, root, alice, bob):
    long_ago = {"then": db.utcnow() - timedelta(days=8), "alice": alice.user["id"]}
    with app.app_context(), db.transaction():
        db.execute(text("UPDATE users SET last_login_at = :then WHERE id = :alice"), long_ago)
        db.execute(text("UPDATE sessions SET last_seen_at = :then WHERE user_id = :alice"), long_ago)
    users = expect.ok(root.get(OVERVIEW))["users"]
    assert users == {"total": 3, "active_this_week": 2, "activity_rate": 66.7}


def test_an_overview_costs_two_statements(root, statements):
    statements.clear()
    root.get(OVERVIEW)
    assert len(statements) == 2


def test_what_was_used_stays_used_when_the_account_is_erased(root, alice, use, do_tasks):
    use(alice, ("improve", 100, 2000))
    assert alice.delete("/api/auth/me/", json={"password": alice.password}).status_code == 202
    do_tasks()
    assert expect.ok(root.get(OVERVIEW))["ai_usage"]["total_tokens"] == 100
    assert expect.ok(root.get(USAGE))["by_user"] == []


def test_use_is_summed_up_by_tool_user_model_and_day(root, alice, bob, use):
    use(alice, ("improve", 100, 2000), ("improve", 300, 1000))
    use(bob, ("code", 50, 500), days_ago=2)
    use(bob, ("code", 7, 500), days_ago=40)
    usage = expect.ok(root.get(USAGE))
    by_type = {entry["type"]: entry for entry in usage["by_type"]}
    assert list(by_type) == ["generate", "improve", "summarize", "code"]
    assert (by_type["improve"]["requests"], by_type["improve"]["tokens"]) == (2, 400)
    assert by_type["improve"]["avg_response_time"] == 1.5
    assert by_type["code"]["requests"] == 1
    assert [(entry["email"], entry["tokens"]) for entry in usage["by_user"]] == [
        ("alice@example.com", 400),
        ("bob@example.com", 50),
    ]
    [model] = usage["by_model"]
    assert (model["calls"], model["prompt_tokens"], model["completion_tokens"]) == (3, 450, 900)
    assert len(usage["daily"]) == 30
    assert [day["requests"] for day in usage["daily"][-3:]] == [1, 0, 2]
    assert usage["daily"][-1]["improve"] == 2
    assert usage["daily"][-1]["date"] == db.utcnow().date().isoformat()


def test_prices_make_tokens_into_dollars(app, context, settings, root, alice, use):
    use(alice, ("improve", 1_000_000, 10))
    use(alice, ("improve", 10, 10), model="unheard-of")
    usage = expect.ok(root.get(USAGE))
    assert (usage["total_cost"], len(usage["unpriced"])) == (0.0, 2)
    object.__setattr__(settings, "ai_prices", parse_prices("groq:m=0.5/1.25"))
    try:
        usage = read_ai_usage(settings)
    finally:
        object.__setattr__(settings, "ai_prices", ())
    assert usage["total_cost"] == 3.0
    assert usage["unpriced"] == ["groq:unheard-of"]
    assert usage["by_user"][0]["cost"] == usage["daily"][-1]["cost"] == 3.0


def test_counts_by_day_are_the_sums_of_the_rows(app, context, in_parallel, alice, bob, use):
    uses = [("code", n, 10 * n) for n in range(1, 6)]
    in_parallel([lambda who=who: use(who, *uses) for who in (alice, bob) * 4])
    sums = "count(*), sum(tokens), sum(response_ms)"
    counted = "sum(requests), sum(tokens), sum(response_ms)"
    rows = db.read_rows(text(f"SELECT {sums} FROM ai_usage"))
    days = db.read_rows(text(f"SELECT {counted} FROM ai_usage_daily"))
    assert [int(value) for value in rows[0]] == [int(value) for value in days[0]] == [40, 120, 1200]


def test_a_rolled_back_use_is_not_counted(app, context, alice):
    row = {"user_id": alice.user["id"], "task_id": str(uuid.uuid4()), "tool": "code", "provider": "p"}
    with pytest.raises(ZeroDivisionError), db.transaction():
        db.execute(insert(AiUsage).values(**row, model="m", tokens=5, created_at=db.utcnow()))
        raise ZeroDivisionError
    assert db.read_rows(text("SELECT 1 FROM ai_usage_daily")) == []


def test_system_stats_tell_of_every_part_and_of_no_host(app, root):
    stats = expect.ok(root.get("/api/admin/system-stats/"))
    parts = {"database", "cache", "queue", "workers", "sandbox", "providers", "drive", "versions"}
    assert set(stats) == parts
    assert stats["database"]["kind"] in {"sqlite", "postgresql"} and stats["database"]["size_bytes"] > 0
    assert stats["queue"]["queued"] >= 0 and stats["workers"]["kind"] == "embedded"
    words = str(stats)
    assert "127.0.0.1" not in words and app.config["SETTINGS"].secret_key not in words
