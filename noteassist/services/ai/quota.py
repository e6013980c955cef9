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
# Tasks in one of these count.
UNDER_WAY_OR_DONE = ("queued", "running", "succeeded")

_USED = db.Prepared(
    select(Task.kind, func.count().label("used"), func.min(Task.created_at).label("oldest"))
    .where(
        Task.user_id == bindparam("owner"),
        Task.created_at > bindparam("since", type_=Task.created_at.type),
        Task.kind.in_(TOOLS),
        Task.status.in_(UNDER_WAY_OR_DONE),
        ~Task.is_cached,
    )
    .group_by(Task.kind)
)


# How many calls, and when the first of them was.
Used = tuple[int, datetime | None]


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

    @classmethod
    def of(
        cls,
        settings: Settings,
        tier: str,
        now: datetime,
        *,
        total: Used = (0, None),
        generate: Used = (0, None),
    ) -> "Quota":
        """Make the quota of a tier of which so much was used."""
        factor = FACTORS[tier]
        return cls(
            Allowance(settings.limit_ai * factor, total[0], _seconds_until_free(total[1], now)),
            Allowance(
                settings.limit_ai_generate * factor, generate[0], _seconds_until_free(generate[1], now)
            ),
        )

    def of_tool(self, tool: str) -> Allowance:
        """Give the allowance that is nearest to its end for this tool."""
        if tool == "generate" and self.generate.remaining <= self.total.remaining:
            return self.generate
        return self.total


def _seconds_until_free(oldest: datetime | None, now: datetime) -> int:
    return 0 if oldest is None else max(1, int((oldest + WINDOW - now).total_seconds()) + 1)


def read_use(actor: Actor, now: datetime) -> dict[str, Used]:
    """Read what I have used of each tool in the hour before."""
    found = db.rows(_USED, {"owner": actor.user_id, "since": now - WINDOW})
    return {row.kind: (row.used, row.oldest) for row in found}


def quota_after(settings: Settings, actor: Actor, use: Mapping[str, Used], now: datetime) -> Quota:
    """Give what is left after this use."""
    oldest = [first for _, first in use.values() if first is not None]
    total = (sum(used for used, _ in use.values()), min(oldest, default=None))
    return Quota.of(settings, actor.tier, now, total=total, generate=use.get("generate", (0, None)))


def read_allowance(settings: Settings, actor: Actor, tool: str) -> Allowance | None:
    """Read what is left for a tool; None where limits are switched off.

    It stays true until the end of a transaction that has locked the user's row before (`begin_write`).
    """
    if not settings.ratelimit_enabled:
        return None
    now = db.utcnow()
    return quota_after(settings, actor, read_use(actor, now), now).of_tool(tool)


def exceeded(allowance: Allowance) -> QuotaExceeded:
    """Make the refusal of one call too many."""
    return QuotaExceeded(
        f"You have used your {allowance.limit} AI calls of this hour.",
        headers=allowance.headers | {"Retry-After": str(allowance.reset)},
    )


def describe_quota(settings: Settings, actor: Actor) -> dict[str, Any]:
    """Show what I have used, what I may, and when it comes back, per tool and over all."""
    now = db.utcnow()
    use = read_use(actor, now)
    quota = quota_after(settings, actor, use, now)
    tools = {}
    for tool in TOOLS:
        limit = quota.generate if tool == "generate" else quota.total
        left = min(limit.remaining, quota.total.remaining)
        shown = {"used": use.get(tool, (0, None))[0], "limit": limit.limit}
        tools[tool] = shown | {"remaining": left, "reset": limit.reset}
    total = quota.total
    overall = {"used": total.used, "limit": total.limit, "remaining": total.remaining, "reset": total.reset}
    return {"enforced": settings.ratelimit_enabled, "total": overall, "tools": tools}
