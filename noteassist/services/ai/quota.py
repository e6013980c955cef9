"""How many AI calls a user has left in this hour.

A task is its own reservation: it counts while it is under way and once it has succeeded, and no longer when it
failed or was cancelled. So nothing has to be given back, and no crash can lose a call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import QuotaExceeded
from noteassist.models import Task
from noteassist.models.ai import TOOLS
from noteassist.security.actors import Actor

WINDOW = timedelta(hours=1)
FACTORS = {"FREE": 1, "BASIC": 3, "PRO": 10}

_USED = db.Prepared(
    select(Task.kind, func.count().label("used"), func.min(Task.created_at).label("oldest"))
    .where(
        Task.user_id == bindparam("owner"),
        Task.created_at > bindparam("since", type_=Task.created_at.type),
        Task.kind.in_(TOOLS),
        Task.status.in_(("queued", "running", "succeeded")),
        ~Task.is_cached,
    )
    .group_by(Task.kind)
)


@dataclass(frozen=True)
class Allowance:
    """What may be used in an hour, what was, and in how many seconds the next call comes free."""

    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        """Give what is left."""
        return max(0, self.limit - self.used)

    def after_one_more(self) -> "Allowance":
        """Give what is left when one more call is made now."""
        return Allowance(self.limit, self.used + 1, self.reset or int(WINDOW.total_seconds()))

    @property
    def headers(self) -> dict[str, str]:
        """Give it as the headers of an answer."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


@dataclass(frozen=True)
class Quota:
    """The allowances of one user: `total` over all tools, `generate` within it."""

    total: Allowance
    generate: Allowance
    used_by_tool: Mapping[str, int]

    def of_tool(self, tool: str) -> Allowance:
        """Give the allowance that is nearest to its end for this tool."""
        if tool == "generate" and self.generate.remaining <= self.total.remaining:
            return self.generate
        return self.total


def read_quota(settings: Settings, actor: Actor) -> Quota:
    """Read what I have used in the last hour."""
    now = db.utcnow()
    found = db.rows(_USED, {"owner": actor.user_id, "since": now - WINDOW})
    used = {row.kind: row.used for row in found}
    oldest = {row.kind: row.oldest for row in found}
    factor = FACTORS[actor.tier]
    return Quota(
        total=Allowance(
            settings.limit_ai * factor, sum(used.values()), _seconds_until_free(oldest.values(), now)
        ),
        generate=Allowance(
            settings.limit_ai_generate * factor,
            used.get("generate", 0),
            _seconds_until_free([oldest[kind] for kind in oldest if kind == "generate"], now),
        ),
        used_by_tool=used,
    )


def _seconds_until_free(oldest: Any, now: datetime) -> int:
    times = list(oldest)
    if not times:
        return 0
    return max(1, int((min(times) + WINDOW - now).total_seconds()) + 1)


def read_allowance(settings: Settings, actor: Actor, tool: str) -> Allowance | None:
    """Read what is left for a tool; None where limits are switched off.

    It stays true until the end of a transaction that has locked the user's row before (`begin_write`).
    """
    return read_quota(settings, actor).of_tool(tool) if settings.ratelimit_enabled else None


def exceeded(allowance: Allowance) -> QuotaExceeded:
    """Make the refusal of one call too many."""
    return QuotaExceeded(
        f"You have used your {allowance.limit} AI calls of this hour.",
        headers=allowance.headers | {"Retry-After": str(allowance.reset)},
    )


def describe_quota(settings: Settings, actor: Actor) -> dict[str, Any]:
    """Show what I have used, what I may, and when it comes back, per tool and over all."""
    quota = read_quota(settings, actor)
    tools = {}
    for tool in TOOLS:
        limit = quota.generate if tool == "generate" else quota.total
        left = min(limit.remaining, quota.total.remaining)
        shown = {"used": quota.used_by_tool.get(tool, 0), "limit": limit.limit}
        tools[tool] = shown | {"remaining": left, "reset": limit.reset}
    total = quota.total
    overall = {"used": total.used, "limit": total.limit, "remaining": total.remaining, "reset": total.reset}
    return {"enforced": settings.ratelimit_enabled, "total": overall, "tools": tools}
