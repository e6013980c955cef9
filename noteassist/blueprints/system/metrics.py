"""Metrics for Prometheus, and who may read them."""

import hmac
import ipaddress
from collections.abc import Iterator
from typing import cast
from wsgiref.types import WSGIEnvironment

from flask import current_app
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy.exc import SQLAlchemyError

from noteassist import metrics
from noteassist.config import Settings
from noteassist.errors import NotAuthenticated
from noteassist.security import events
from noteassist.services.monitoring import Figures, Gauge

# By one of these a proxy says that the caller is somebody else.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


def require_reader(settings: Settings, environ: WSGIEnvironment) -> None:
    """Let in whoever has METRICS_TOKEN; where there is none, programs on this machine. Raises NotAuthenticated."""
    if settings.metrics_token:
        given = environ.get("HTTP_AUTHORIZATION", "").encode()
        is_reader = hmac.compare_digest(given, f"Bearer {settings.metrics_token}".encode())
    else:
        is_forwarded = any(header in environ for header in FORWARDED)
        is_reader = not is_forwarded and _is_this_machine(str(environ.get("REMOTE_ADDR", "")))
    if not is_reader:
        events.happened(events.METRICS_REFUSED)
        raise NotAuthenticated("Metrics need the token METRICS_TOKEN.")


def _is_this_machine(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        # No address at all: a socket in the file system.
        return not address


def metrics_text(settings: Settings) -> bytes:
    """Write all metrics: those of every process, and what the database tells."""
    try:
        figures: Figures | None = _gauge().read(settings)
    except SQLAlchemyError:
        figures = None
    return metrics.written(settings.metrics_dir, _families(settings, figures))


def _gauge() -> Gauge:
    """Give what reads the database of the current application."""
    return cast("Gauge", current_app.extensions.setdefault("noteassist_gauge", Gauge()))


def _families(settings: Settings, figures: Figures | None) -> Iterator[Metric]:
    yield GaugeMetricFamily("noteassist_ready", "Whether the database answers.", float(figures is not None))
    if figures is None:
        return
    tasks = GaugeMetricFamily("noteassist_tasks", "Tasks under way, by state.", labels=["status"])
    tasks.add_metric(["queued"], figures.queued)
    tasks.add_metric(["running"], figures.running)
    yield tasks
    yield GaugeMetricFamily("noteassist_tasks_due", "Tasks that could be worked on now.", figures.due)
    yield GaugeMetricFamily(
        "noteassist_queue_age_seconds", "How long the oldest due task has been waiting.", figures.longest_wait
    )
    yield GaugeMetricFamily(
        "noteassist_ai_spend_today", "What the AI calls of today (UTC) cost.", figures.spent_today
    )
    if settings.ai_daily_spend_cap is not None:
        cap = float(settings.ai_daily_spend_cap)
        yield GaugeMetricFamily("noteassist_ai_spend_cap", "AI_DAILY_SPEND_CAP.", cap)
