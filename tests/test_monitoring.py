"""The dashboard, the alert rules and the table of metrics speak of metrics that there are."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from noteassist import metrics
from noteassist.blueprints.system.metrics import _families
from noteassist.config import Settings
from noteassist.security import events
from noteassist.services.monitoring import Figures

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "monitoring"
NAME = re.compile(r"\bnoteassist_[a-z_]+")
PARTS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def there_are():
    """Name every series that Prometheus can get."""
    figures = Figures(queued=1, running=1, due=1, longest_wait=1.0, spent_today=1.0)
    capped = Settings(ai_daily_spend_cap=Decimal(1))
    families = [*metrics.REGISTRY.collect(), *_families(capped, figures)]
    return {f"{family.name}{part}" for family in families for part in PARTS[family.type]}


def expressions():
    """Give every expression of the dashboard and of the rules."""
    board = json.loads((FOLDER / "grafana.json").read_text())
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for group in rules["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def test_every_metric_that_is_looked_at_exists():
    named = {name for expression in expressions() for name in NAME.findall(expression)}
    assert len(named) > 15
    assert named - there_are() == set()


def test_the_table_of_metrics_is_complete():
    text = (DOCS / "operations.md").read_text().partition("## Monitoring")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `noteassist_")]
    documented = {name for row in rows for name in NAME.findall(row)}
    histograms = {name.removesuffix("_bucket") for name in there_are() if name.endswith("_bucket")}
    parts = tuple(f"{name}{part}" for name in histograms for part in PARTS["histogram"])
    assert documented == (there_are() - set(parts)) | histograms


def test_labels_that_are_looked_at_exist():
    known = {
        label
        for collected in (metrics.REQUESTS, metrics.AI_CALLS, metrics.AI_TOKENS)
        for label in collected._labelnames
    }
    known |= {"le", "how", "limit", "event", "verdict", "source", "outcome", "kind", "job", "route"}
    for expression in expressions():
        grouped = re.findall(r"by \(([a-z, ]+)\)", expression)
        chosen = re.findall(r"([a-z]+)(?:=|!=|=~|!~)\"", expression)
        assert {name.strip() for names in grouped for name in names.split(",")} | set(chosen) <= known


@pytest.mark.parametrize("about", ["queue_age", "5..", "ai_spend_today", "leases_lost", "noteassist_ready"])
def test_there_is_a_rule_for_what_matters(about):
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
    [rule] = [rule for rule in rules if about in rule["expr"]]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"] and rule["annotations"]["description"]


def test_the_events_of_security_are_listed():
    names = {value for name, value in vars(events).items() if name.isupper() and isinstance(value, str)}
    told = (DOCS / "operations.md").read_text().partition("Events of security:")[2].partition("\n\n")[0]
    assert {name for name in re.findall(r"`([a-z_]+)`", told) if "_" in name} - {"request_id"} == names
