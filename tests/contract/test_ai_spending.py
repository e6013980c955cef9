"""The cap on what AI calls may cost in a day: nothing that costs goes on beyond it, and everything else does."""

from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from noteassist import db
from noteassist.config import BadConfiguration, Settings
from noteassist.config.parsing import parse_prices
from noteassist.services.ai import spending
from noteassist.services.ai.providers import chain_of
from noteassist.worker.runner import Runner
from tests.conftest import KINDS
from tests.people import Mailbox, do_all_due, register
from tests.stand_ins.groq import GroqStandIn

from . import ai, expect

MODEL = "openai/gpt-oss-120b"
PRICES = parse_prices(f"groq:{MODEL}=1000000/1000000")
CENTS = Decimal("0.01")


@pytest.fixture(scope="module")
def groq():
    """A provider whose every token costs 1."""
    with GroqStandIn() as stand_in:
        yield stand_in


@pytest.fixture(params=KINDS)
def make_app(request, tmp_path, groq):
    """Make applications with such a provider and a cap."""
    groq.clear()
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    usual = {**ai.with_groq(groq), "ai_prices": PRICES, "ai_daily_spend_cap": CENTS}
    with ai.application_factory(tmp_path, url, **usual) as make:

        def emptied(**changes):
            app = make(**{"access_token_minutes": 1440, **changes})
            with app.app_context(), db.transaction():
                for table in ("users", "ai_calls", "outbox_mails", "ai_gates"):
                    db.execute(text(f"DELETE FROM {table}"))
            spending._sum.of = None
            return app

        yield emptied


def work(app):
    """Do what is due."""
    do_all_due(Runner(app, app.config["SETTINGS"]))


def make_admin(app, email="admin@example.com"):
    """Register an administrator."""
    admin = register(app, email=email)
    with app.app_context(), db.transaction():
        db.execute(text("UPDATE users SET role = 'admin' WHERE email = :email"), {"email": email})
    return admin


def test_beyond_the_cap_calls_that_cost_are_refused_and_answers_from_the_cache_are_given(make_app, groq):
    app = make_app()
    alice = register(app, email="alice@example.com")
    ai.accepted(ai.ask(alice))
    work(app)
    assert groq.count == 1
    refused = ai.ask(alice, content="Something else.")
    expect.problem(refused, 503, code="ai_spending_cap_reached")
    assert 1 <= int(refused.headers["Retry-After"]) <= 86_401
    again = ai.ask(alice)
    assert ai.accepted(again)["status"] == "succeeded"
    through_flask = ai.ask(alice, content="Another.", headers={"Prefer": "handling=lenient"})
    assert through_flask.status_code == 503
    work(app)
    assert groq.count == 1


def test_tasks_that_were_queued_wait_for_the_next_day_and_say_so(make_app, groq, move_clock):
    app = make_app()
    alice = register(app, email="alice@example.com")
    answers = [ai.ask(alice, content=f"Text {n}.") for n in range(2)]
    work(app)
    assert groq.count == 1
    [waiting] = [
        task for task in (ai.task(alice, answer) for answer in answers) if task["status"] == "queued"
    ]
    assert waiting["waiting_for"] == "provider"
    assert "spent" in waiting["message"]
    next_try = datetime.fromisoformat(waiting["next_try_at"])
    assert abs((next_try - spending._midnight()).total_seconds() - 86_400) < 5
    # It is no failure of the task, and costs nothing while it waits.
    assert ai.used(alice) == 2 or app.config["SETTINGS"].ratelimit_enabled is False
    move_clock(spending.seconds_left() + 5)
    assert ai.ask(alice, content="A new day.").status_code == 202


def test_a_provider_that_costs_nothing_goes_on(make_app, groq):
    app = make_app(ai_fallbacks=("offline",))
    alice = register(app, email="alice@example.com")
    for content in ("One. Two. Three.", "Four. Five. Six."):
        answer = ai.ask(alice, content=content)
        ai.accepted(answer)
        work(app)
    assert groq.count == 1
    ended = ai.task(alice, answer)
    assert (ended["status"], ended["result"]["provider"]) == ("succeeded", "offline")


def test_without_a_cap_everything_goes_on(make_app, groq):
    app = make_app(ai_daily_spend_cap=None)
    alice = register(app, email="alice@example.com")
    for number in range(2):
        assert ai.ask(alice, content=f"Text {number}.").status_code == 202
        work(app)
    assert groq.count == 2


def test_administrators_are_told_once_a_day(make_app, tmp_path):
    app = make_app(ai_daily_spend_cap=Decimal(10**6), ai_prices=PRICES)
    admin, alice = make_admin(app), register(app, email="alice@example.com")
    mailbox = Mailbox(app, tmp_path / "outbox")
    [link] = chain_of(app.config["SETTINGS"])
    record(app, alice, 799_999)
    spending.note_call(app.config["SETTINGS"], link, 0, 0)
    assert alerts(mailbox, admin) == (0, 0)
    for tokens in (1, 1, 300_000):
        record(app, alice, tokens)
        with app.app_context():
            spending.note_call(app.config["SETTINGS"], link, tokens, 0)
        work(app)
    assert alerts(mailbox, admin) == (1, 1)
    assert alerts(mailbox, alice) == (0, 0)


def test_of_two_processes_one_tells_them(make_app, tmp_path, in_parallel):
    apps = [make_app(ai_daily_spend_cap=Decimal(10)) for _ in range(2)]
    admin = make_admin(apps[0])
    record(apps[0], admin, 9)
    [link] = chain_of(apps[0].config["SETTINGS"])

    def note(app):
        with app.app_context():
            spending.note_call(app.config["SETTINGS"], link, 1, 1)

    in_parallel([lambda app=app: note(app) for app in apps * 4])
    assert alerts(Mailbox(apps[0], tmp_path / "outbox"), admin) == (1, 1)


def record(app, user, tokens):
    """Record a call of so many tokens."""
    row = {
        "u": user.user["id"],
        "t": "00000000000000000000000000000000",
        "m": MODEL,
        "n": tokens,
        "at": db.utcnow(),
    }
    columns = "user_id, task_id, attempt, provider, model, outcome, prompt_tokens, created_at"
    statement = f"INSERT INTO ai_calls ({columns}) VALUES (:u, :t, 1, 'groq', :m, 'ok', :n, :at)"
    with app.app_context(), db.transaction():
        db.execute(text(statement), {**row, "at": str(row["at"].replace(tzinfo=None))})


def alerts(mailbox, client):
    """Count the mails and the notifications about spending."""
    mails = [mail for mail in mailbox.to(client.email) if "spending" in mail["Subject"]]
    told = [row for row in expect.walk(client, "/api/notifications/") if "spending" in row["title"]]
    return len(mails), len(told)


def test_the_cost_of_a_call_is_that_of_its_tokens():
    settings = Settings(ai_prices=parse_prices("groq:a=0.59/0.79, openai_compatible:b:7b=1/2"))
    assert spending.cost_of(settings, "groq", "a", 1_000_000, 2_000_000) == Decimal("2.17")
    assert spending.cost_of(settings, "openai_compatible", "b:7b", 1, 1) == Decimal("0.000003")
    assert spending.cost_of(settings, "groq", "unknown", 10**6, 10**6) == 0


@pytest.mark.parametrize(
    "prices", ["groq=1/2", "x:a=1/2", "groq:a=1", "groq:a=-1/2", "groq:a=1/x", "groq:=1/2"]
)
def test_prices_that_cannot_be_read_are_refused_at_the_start(prices):
    with pytest.raises(BadConfiguration, match="AI_PRICES"):
        Settings.from_env({"AI_PRICES": prices})


def test_a_cap_without_prices_is_refused_at_the_start():
    with pytest.raises(BadConfiguration, match="AI_DAILY_SPEND_CAP needs AI_PRICES"):
        Settings.from_env({"AI_DAILY_SPEND_CAP": "5"})
