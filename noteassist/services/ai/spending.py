"""What the AI calls of today cost, and the cap on it.

Money is spent by calls, whatever comes of them, so it is counted from their records. A day is one of UTC. What calls
under way will cost is not known: the cap may be passed by those.
"""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import bindparam, func, select

from noteassist import db, metrics
from noteassist.config import Settings
from noteassist.config.parsing import AiPrice
from noteassist.errors import SpendingCapReached
from noteassist.models import AiCall, User
from noteassist.services import mail
from noteassist.services.ai.providers import Link
from noteassist.services.notifications import notify
from noteassist.services.tasks.creation import create

ALERT_SHARE = Decimal("0.8")
# How long a sum is believed by the process that read it.
KEPT_SECONDS = 2.0
ALERT = "spending_alert"

_TODAY = db.Prepared(
    select(
        AiCall.provider,
        AiCall.model,
        func.sum(AiCall.prompt_tokens).label("prompt"),
        func.sum(AiCall.completion_tokens).label("completion"),
    )
    .where(AiCall.created_at >= bindparam("since", type_=AiCall.created_at.type))
    .group_by(AiCall.provider, AiCall.model)
)


class Sum:
    """A sum that was read a moment ago, of one database."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.of: tuple[str, datetime] | None = None
        self.read_at = 0.0
        self.amount = Decimal(0)


_sum = Sum()


def price_of(settings: Settings, provider: str, model: str) -> AiPrice | None:
    """Give the price of a provider's model, None where it is not known."""
    found = (price for price in settings.ai_prices if (price.provider, price.model) == (provider, model))
    return next(found, None)


def cost_of(settings: Settings, provider: str, model: str, prompt: int, completion: int) -> Decimal:
    """Give what a call costs; nothing where the price is not known."""
    price = price_of(settings, provider, model)
    return Decimal(0) if price is None else price.cost(prompt, completion)


def is_free(settings: Settings, link: Link) -> bool:
    """Say whether asking a provider's model costs nothing."""
    price = price_of(settings, link.provider, link.model)
    return price is None or not (price.input or price.output)


def spent_today(settings: Settings) -> Decimal:
    """Give what today's calls have cost, as it was at most two seconds ago."""
    if not settings.ai_prices:
        return Decimal(0)
    since = _midnight()
    key = (settings.database_url, since)
    with _sum.lock:
        if _sum.of != key or time.monotonic() - _sum.read_at > KEPT_SECONDS:
            _sum.amount = _read(settings, since)
            _sum.of, _sum.read_at = key, time.monotonic()
        return _sum.amount


def _read(settings: Settings, since: datetime) -> Decimal:
    costs = (
        cost_of(settings, row.provider, row.model, int(row.prompt), int(row.completion))
        for row in db.read_rows(_TODAY, {"since": since})
    )
    return sum(costs, Decimal(0))


def is_capped(settings: Settings) -> bool:
    """Say whether today's cap is reached."""
    cap = settings.ai_daily_spend_cap
    return cap is not None and spent_today(settings) >= cap


def must_wait(settings: Settings, chain: Sequence[Link]) -> bool:
    """Say whether nobody in the chain may be asked today, because each of them costs something."""
    if settings.ai_daily_spend_cap is None or any(is_free(settings, link) for link in chain):
        return False
    return is_capped(settings)


def refusal() -> SpendingCapReached:
    """Make the refusal of a call that would cost."""
    return SpendingCapReached(seconds_left())


def seconds_left() -> int:
    """Give the seconds until the next day begins."""
    return max(1, int((_midnight() + timedelta(days=1) - db.utcnow()).total_seconds()) + 1)


def _midnight() -> datetime:
    return db.utcnow().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def note_call(settings: Settings, link: Link, prompt: int, completion: int) -> None:
    """Count a call that was made; once a day, administrators are told that most of the cap is spent."""
    cost = cost_of(settings, link.provider, link.model, prompt, completion)
    metrics.AI_TOKENS.labels(link.provider, link.model, "prompt").inc(prompt)
    metrics.AI_TOKENS.labels(link.provider, link.model, "completion").inc(completion)
    metrics.AI_SPEND.labels(link.provider, link.model).inc(float(cost))
    cap = settings.ai_daily_spend_cap
    if cap is None or not cost:
        return
    with _sum.lock:
        # What was just spent is not to be overlooked.
        _sum.of = None
    if spent_today(settings) >= cap * ALERT_SHARE:
        with db.transaction():
            # Its tick is unique: of all processes that find out, one makes the task.
            create(ALERT, {}, tick=f"{ALERT}:{_midnight():%Y-%m-%d}")


def tell_administrators(settings: Settings) -> None:
    """Tell administrators that most of today's cap is spent, in the open transaction."""
    db.after_commit(metrics.AI_ALERTS.inc)
    told = {"spent": f"{spent_today(settings):.2f}", "cap": f"{settings.ai_daily_spend_cap}"}
    message = f"AI calls have cost {told['spent']} today, of {told['cap']} that may be spent."
    for admin in db.rows(select(User.id, User.email).where(User.role == "admin", User.is_active)):
        mail.send_later(ALERT, admin.email, user_id=admin.id)
        notify(admin.id, "warning", "AI spending is near its cap", message, f"{ALERT}:{_midnight():%Y-%m-%d}")
