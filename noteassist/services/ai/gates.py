"""The gate before each provider, shared by all workers: closed when it asked to be left alone, or keeps failing.

It stands in the database, so that a restart, another machine or an emptied Redis does not forget it.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, text

from noteassist import db
from noteassist.models import AiGate
from noteassist.services.ai.providers import Link

# After so many failures in a row a provider is left alone for a while.
FAILURES_UNTIL_CLOSED = 5
BREAK_SECONDS = 15.0
MISCONFIGURED_SECONDS = 60.0
RATE_LIMITED, FAILING, MISCONFIGURED = "rate_limited", "failing", "misconfigured"

_READ = "SELECT failures, reason, {left} AS seconds FROM ai_gates WHERE provider = :provider"
_CLOSE = """\
INSERT INTO ai_gates (provider, closed_until, failures, reason) VALUES (:provider, {until}, 0, :reason)
ON CONFLICT (provider) DO UPDATE SET closed_until = {later}, reason = :reason"""
_FAILED = """\
INSERT INTO ai_gates (provider, failures, reason) VALUES (:provider, 1, '')
ON CONFLICT (provider) DO UPDATE SET failures = ai_gates.failures + 1
RETURNING failures"""


@dataclass(frozen=True)
class Gate:
    """How a provider's gate stands: `seconds` until it opens, 0 where it is open."""

    seconds: float
    reason: str
    failures: int


def read_gate(provider: str) -> Gate:
    """Say how a provider's gate stands."""
    found = db.read_rows(_read(), {"provider": provider})
    if not found:
        return Gate(0.0, "", 0)
    return Gate(max(0.0, float(found[0].seconds)), found[0].reason, found[0].failures)


def key_of(link: Link) -> str:
    """Name the gate of one model: limits are a model's, and a model may be shut down alone."""
    return f"{link.provider}:{link.model}"[:160]


def gate_of(link: Link) -> Gate:
    """Say how the gates before a link stand, the provider's and the model's: the one that is closed longer counts."""
    return max(
        read_gate(link.provider), read_gate(key_of(link)), key=lambda gate: (gate.seconds, gate.failures)
    )


def is_open(link: Link) -> bool:
    """Say whether a provider's model may be asked now."""
    return gate_of(link).seconds == 0


@db.per_database
def _read() -> Any:
    return text(_READ.format(left=db.seconds_until("closed_until")))


def close_gate(provider: str, seconds: float, reason: str) -> bool:
    """Close a provider's gate for so many seconds; says whether the reason is news."""
    with db.transaction():
        before = db.row(
            select(AiGate.reason, AiGate.closed_until).where(AiGate.provider == bindparam("p")),
            {"p": provider},
        )
        until = db.clock("seconds")
        later = f"{db.greater_of()}({until}, coalesce(ai_gates.closed_until, {until}))"
        statement = text(_CLOSE.format(until=until, later=later))
        db.execute(statement, {"provider": provider, "seconds": seconds, "reason": reason})
    return before is None or before.reason != reason


def note_failure(provider: str) -> None:
    """Count a failure of a provider; after some in a row its gate is closed for a moment."""
    with db.transaction():
        failures = db.execute(text(_FAILED), {"provider": provider}).scalar_one()
    if failures >= FAILURES_UNTIL_CLOSED:
        close_gate(provider, BREAK_SECONDS, FAILING)


def note_success(link: Link) -> None:
    """Forget the failures of a provider that has answered; a gate that was closed meanwhile stays so."""
    is_past = f"(closed_until IS NULL OR closed_until <= {db.clock()})"
    forget = f"DELETE FROM ai_gates WHERE provider IN (:provider, :model) AND {is_past}"  # noqa: S608  # our own SQL
    with db.transaction():
        db.execute(text(forget), {"provider": link.provider, "model": key_of(link)})
