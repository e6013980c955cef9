"""Who becomes administrator, and what is left of an account that was closed."""

import dataclasses

import pytest
from sqlalchemy import select

from noteassist import db
from noteassist.models import Note, Session, User
from noteassist.services import accounts, housekeeping
from noteassist.services.demo.seeding import DEMO_EMAIL, make_demo_account, seed_accounts
from tests.people import PASSWORD, ApiClient, register


@pytest.fixture
def in_development(app, monkeypatch):
    """The application as it is in development."""
    settings = dataclasses.replace(app.config["SETTINGS"], environment="development")
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    return app


def role(client):
    return client.user["role"]


def test_in_development_the_first_account_is_the_administrator(in_development):
    assert role(register(in_development, email="a@example.com")) == "admin"
    assert role(register(in_development, email="b@example.com")) == "user"


def test_elsewhere_nobody_is_by_being_first(app):
    assert role(register(app, email="a@example.com")) == "user"


def test_of_many_first_registrations_at_once_one_is_the_administrator(in_development, in_parallel):
    clients = in_parallel([lambda n=n: register(in_development, email=f"{n}@example.com") for n in range(8)])
    assert sorted(map(role, clients)) == ["admin"] + ["user"] * 7


def test_a_seeded_account_does_not_take_the_place(in_development, context, settings):
    make_demo_account(settings, PASSWORD)
    assert ApiClient.signed_in(in_development, DEMO_EMAIL, PASSWORD).user["role"] == "user"
    assert role(register(in_development, email="a@example.com")) == "admin"


def test_a_refused_registration_does_not_take_the_place(in_development, anonymous):
    body = {"email": "a@example.com", "password": "short"}
    assert anonymous.post("/api/auth/register/", json=body).status_code == 422
    assert role(register(in_development, email="a@example.com")) == "admin"


def test_a_closed_account_does_not_keep_the_place(in_development):
    first = register(in_development, email="a@example.com")
    first.delete("/api/auth/me/", json={"password": first.password})
    assert role(register(in_development, email="b@example.com")) == "admin"


def test_closed_signup_lets_nobody_in(app, anonymous, monkeypatch):
    settings = dataclasses.replace(app.config["SETTINGS"], signup_open=False)
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    answer = anonymous.post("/api/auth/register/", json={"email": "a@example.com", "password": PASSWORD})
    assert (answer.status_code, answer.json["code"]) == (403, "signup_closed")


def test_promoting_keeps_the_password_and_works_at_once(alice, context):
    assert accounts.promote("ALICE@example.com")
    assert alice.get("/api/auth/me/").json["role"] == "admin"
    assert not accounts.promote("nobody@example.com")


def test_a_closed_account_is_erased_and_its_address_is_free(alice, bob, note_tree, context, do_tasks, app):
    for person in (alice, bob):
        person.post("/api/notes/", json=note_tree())
    alice.delete("/api/auth/me/", json={"password": alice.password})
    do_tasks()
    assert [row.email for row in db.read_rows(select(User.email))] == [bob.email]
    tables = [table for table in db.Base.metadata.sorted_tables if "user_id" in table.c]
    owners = {row.user_id for table in tables for row in db.read_rows(select(table.c.user_id)) if row.user_id}
    assert owners == {bob.user["id"]}
    register(app, email=alice.email)


SOME_CODE = {"prompt": "Add two numbers", "programming_language": "python"}


def forget():
    """Do what comes round."""
    db.in_transaction(housekeeping.forget_expired)
    db.in_transaction(housekeeping.empty_trash)


def test_what_has_expired_is_forgotten(alice, context, move_clock, note_tree):
    note = alice.post("/api/notes/", json=note_tree(), headers={"Idempotency-Key": "k"}).json
    alice.delete(f"/api/notes/{note['id']}/")
    forget()
    assert len(db.read_rows(select(Note.id))) == len(db.read_rows(select(Session.id))) == 1
    move_clock(91 * 86400)
    forget()
    emptied = ("notes", "sessions", "refresh_tokens", "email_tokens", "idempotency_keys")
    assert [name for name in emptied if db.read_rows(db.Base.metadata.tables[name].select())] == []


def test_calls_of_providers_and_notifications_are_kept_for_long_and_not_for_ever(
    alice, context, move_clock, do_tasks
):
    kept = {"notifications": 90, "ai_calls": 400}
    assert alice.post("/api/ai-tools/code/", json=SOME_CODE).status_code == 202
    do_tasks()

    def left():
        forget()
        return {name for name in kept if db.read_rows(db.Base.metadata.tables[name].select())}

    assert left() == set(kept)
    move_clock(91 * 86400)
    assert left() == {"ai_calls"}
    move_clock(310 * 86400)
    assert left() == set()


def test_a_session_ends_at_an_absolute_date_although_it_is_used_daily(alice, move_clock):
    refresh = alice.refresh
    for day in range(89):
        move_clock(86400)
        answer = alice.post(
            "/api/auth/token/refresh/", json={"refresh": refresh}, headers={"Authorization": ""}
        )
        assert answer.status_code == 200, day
        refresh = answer.json["refresh"]
    move_clock(86400)
    answer = alice.post("/api/auth/token/refresh/", json={"refresh": refresh}, headers={"Authorization": ""})
    assert answer.status_code == 401


def test_the_same_seed_fills_both_databases_with_the_same(context, settings):
    for _ in seed_accounts(settings, PASSWORD, users=2, notes=3, chapters=2, topics=2, seed=7):
        pass
    titles = [row.title for row in db.read_rows(select(Note.title).order_by(Note.id))]
    counts = {
        (row.chapter_count, row.topic_count)
        for row in db.read_rows(select(Note.chapter_count, Note.topic_count))
    }
    assert len(titles) == 6
    assert counts == {(2, 4)}
    with pytest.raises(accounts.EmailTaken):
        next(seed_accounts(settings, PASSWORD, users=1, notes=1, chapters=1, topics=1, seed=7))
