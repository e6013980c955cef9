"""AI use of the whole instance over the last 30 days: by tool, model, user and day, with what it cost."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select

from noteassist import db
from noteassist.config import Settings
from noteassist.models import AiCall, AiCallDay, AiUsage, AiUsageDay, User
from noteassist.models.ai import TOOLS
from noteassist.services.administration.overview import mean_seconds
from noteassist.services.ai.spending import cost_of, price_of

DAYS = 30
PERIOD = f"{DAYS}_days"
MOST_USERS = 20
_SUMS = tuple(
    func.sum(getattr(AiUsageDay, name)).label(name)
    for name in ("requests", "cached", "tokens", "response_ms")
)
_SPENT = tuple(
    func.sum(getattr(AiCallDay, name)).label(name)
    for name in ("calls", "failed", "prompt_tokens", "completion_tokens", "duration_ms")
)
_first = bindparam("first", type_=AiUsageDay.day.type)
_BY_TOOL_AND_DAY = db.Prepared(
    select(AiUsageDay.day, AiUsageDay.tool, *_SUMS)
    .where(AiUsageDay.day >= _first)
    .group_by(AiUsageDay.day, AiUsageDay.tool)
)
_CALLS = db.Prepared(
    select(AiCallDay.day, AiCallDay.provider, AiCallDay.model, *_SPENT)
    .where(AiCallDay.day >= _first)
    .group_by(AiCallDay.day, AiCallDay.provider, AiCallDay.model)
)
_since = bindparam("since", type_=AiUsage.created_at.type)
_TOP = (
    select(
        AiUsage.user_id,
        func.count().label("requests"),
        func.sum(AiUsage.tokens).label("tokens"),
        func.sum(AiUsage.response_ms).label("response_ms"),
    )
    .where(AiUsage.created_at >= _since)
    .group_by(AiUsage.user_id)
    .order_by(func.sum(AiUsage.tokens).desc(), func.count().desc(), AiUsage.user_id)
    .limit(MOST_USERS)
    .subquery()
)
_BY_USER = db.Prepared(
    select(User.email, _TOP)
    .join(User, User.id == _TOP.c.user_id)
    .order_by(_TOP.c.tokens.desc(), _TOP.c.requests.desc(), _TOP.c.user_id)
)
_BILLED = (AiCall.user_id, AiCall.provider, AiCall.model)


def read_ai_usage(settings: Settings) -> dict[str, Any]:
    """Sum up the AI use of the last 30 days, today included, in UTC."""
    today = db.utcnow().date()
    first = today - timedelta(days=DAYS - 1)
    used = db.rows(_BY_TOOL_AND_DAY, {"first": first})
    calls = db.rows(_CALLS, {"first": first})
    by_tool = [_tool(tool, [row for row in used if row.tool == tool]) for tool in TOOLS]
    by_model = _models(settings, calls)
    return {
        "period": PERIOD,
        "currency": "USD",
        "total_cost": round(sum(entry["cost"] for entry in by_model), 4),
        "unpriced": [f"{entry['provider']}:{entry['model']}" for entry in by_model if not entry["priced"]],
        "by_type": by_tool,
        "by_model": by_model,
        "by_user": _users(settings, first),
        "daily": [_day(settings, first + timedelta(days=n), used, calls) for n in range(DAYS)],
    }


def _added(rows: Iterable[Any], name: str) -> int:
    return sum(int(getattr(row, name)) for row in rows)


def _tool(tool: str, rows: Sequence[Any]) -> dict[str, Any]:
    requests = _added(rows, "requests")
    return {
        "type": tool,
        "requests": requests,
        "cached": _added(rows, "cached"),
        "tokens": _added(rows, "tokens"),
        "avg_response_time": mean_seconds(_added(rows, "response_ms"), requests),
    }


def _models(settings: Settings, calls: Sequence[Any]) -> list[dict[str, Any]]:
    """Show each model, the dearest first; what has no price costs nothing here and says so."""
    shown = []
    for provider, model in {(row.provider, row.model) for row in calls}:
        rows = [row for row in calls if (row.provider, row.model) == (provider, model)]
        number = _added(rows, "calls")
        entry = {
            "provider": provider,
            "model": model,
            "calls": number,
            "failed": _added(rows, "failed"),
            "prompt_tokens": _added(rows, "prompt_tokens"),
            "completion_tokens": _added(rows, "completion_tokens"),
            "avg_duration": mean_seconds(_added(rows, "duration_ms"), number),
            "cost": round(_cost(settings, rows), 4),
            "priced": provider == "offline" or price_of(settings, provider, model) is not None,
        }
        shown.append(entry)
    return sorted(
        shown, key=lambda entry: (-entry["cost"], -entry["calls"], entry["provider"], entry["model"])
    )


def _users(settings: Settings, first: date) -> list[dict[str, Any]]:
    since = datetime.combine(first, time(), UTC)
    found = db.rows(_BY_USER, {"since": since})
    bills = _bills([row.user_id for row in found], since)
    return [
        {
            "user_id": row.user_id,
            "email": row.email,
            "requests": int(row.requests),
            "tokens": int(row.tokens),
            "avg_response_time": mean_seconds(row.response_ms, int(row.requests)),
            "cost": round(_cost(settings, [bill for bill in bills if bill.user_id == row.user_id]), 4),
        }
        for row in found
    ]


def _bills(user_ids: Sequence[int], since: datetime) -> Sequence[Any]:
    if not user_ids:
        return []
    tokens = (
        func.sum(AiCall.prompt_tokens).label("prompt_tokens"),
        func.sum(AiCall.completion_tokens).label("completion_tokens"),
    )
    theirs = AiCall.user_id.in_(user_ids) & (AiCall.created_at >= since)
    return db.rows(select(*_BILLED, *tokens).where(theirs).group_by(*_BILLED))


def _day(settings: Settings, day: date, used: Sequence[Any], calls: Sequence[Any]) -> dict[str, Any]:
    rows = [row for row in used if row.day == day]
    counts = {tool: _added([row for row in rows if row.tool == tool], "requests") for tool in TOOLS}
    requests = sum(counts.values())
    return {
        "date": day.isoformat(),
        "requests": requests,
        "tokens": _added(rows, "tokens"),
        "avg_response_time": mean_seconds(_added(rows, "response_ms"), requests),
        "cost": round(_cost(settings, [row for row in calls if row.day == day]), 4),
        **counts,
    }


def _cost(settings: Settings, rows: Iterable[Any]) -> float:
    """Give what calls cost in dollars: failed ones too, for what the provider counted is what it bills."""
    costs = (
        cost_of(settings, row.provider, row.model, int(row.prompt_tokens), int(row.completion_tokens))
        for row in rows
    )
    return float(sum(costs))
