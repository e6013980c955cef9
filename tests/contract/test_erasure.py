"""The erasure of an account leaves nothing behind, and takes nothing of anybody else."""

import uuid
from datetime import date, datetime

import pytest
from sqlalchemy import func, insert, select, update

from noteassist import db
from noteassist.models import (
    AiCall,
    AuditEntry,
    ConsoleSession,
    DriveConnection,
    DriveUpload,
    EmailToken,
    GoogleIdentity,
    Session,
    Task,
    User,
)
from noteassist.services.account_export import own_tables
from tests.people import ApiClient

from . import ai, expect
from .test_api_keys import make
from .test_two_factor import Device

ME = "/api/auth/me/"
SAMPLES = {
    bytes: b"x" * 32,
    dict: {},
    datetime: db.utcnow(),
    date: db.utcnow().date(),
    float: 1.0,
    int: 1,
    str: "x",
}


def fill(client, note_tree, do_tasks):
    """Use everything there is, once."""
    headers = {"Idempotency-Key": "one"}
    made = expect.ok(client.post("/api/notes/", json=note_tree(2, 2), headers=headers), 201)
    path = f"/api/notes/{made['id']}/"
    expect.ok(client.patch(path, json={"title": f"By {client.email}", "tags": ["own"]}))
    trashed = expect.ok(client.post("/api/notes/", json=note_tree(1, 1)), 201)
    client.delete(f"/api/notes/{trashed['id']}/")
    ai.ask(client)
    client.post("/api/notes/export/", json={"format": "md"})
    do_tasks()
    make(client, "read")
    Device(client)
    by_hand(client)
    anything_else(client)


def by_hand(client):
    """Make what would need Google, or a call to a model that is not made up here."""
    owner, now = client.user["id"], db.utcnow()
    with client.app.app_context(), db.transaction():
        task_id = db.rows(select(Task.id).where(Task.user_id == owner))[0].id
        connection = {"google_sub": client.email, "email": client.email, "connected_at": now}
        tokens = {"refresh_token": "sealed", "access_token": "sealed", "access_expires_at": now}
        db.execute(insert(DriveConnection).values(user_id=owner, **connection, **tokens))
        upload = {"source": "note", "source_id": 1, "google_sub": "1", "file_id": "1", "created_at": now}
        db.execute(insert(DriveUpload).values(user_id=owner, task_id=task_id, **upload))
        identity = {"issuer": "google", "subject": client.email, "email": client.email, "linked_at": now}
        db.execute(insert(GoogleIdentity).values(user_id=owner, **identity))
        call = {"task_id": str(uuid.uuid4()), "attempt": 1, "provider": "offline", "model": "none"}
        figures = {"outcome": "ok", "prompt_tokens": 1, "completion_tokens": 1, "duration_ms": 1}
        db.execute(insert(AiCall).values(user_id=owner, **call, **figures, created_at=now))
        visit = {"session_id": db.rows(select(Session.id).where(Session.user_id == owner))[0].id}
        times = {"last_seen_at": now, "expires_at": now}
        db.execute(
            insert(ConsoleSession).values(user_id=owner, token_hash=uuid.uuid4().bytes * 2, **visit, **times)
        )
        token = {"purpose": "verify_email", "email": client.email, "created_at": now, "expires_at": now}
        db.execute(insert(EmailToken).values(user_id=owner, token_hash=uuid.uuid4().bytes * 2, **token))


def anything_else(client):
    """Make a row in each table that has none yet: what is added to the server later is looked at too."""
    owner = client.user["id"]
    empty = {name for name, count in counts(client.app, owner).items() if not count}
    with client.app.app_context(), db.transaction():
        for table in own_tables():
            if table.name in empty:
                required = [column for column in table.c if is_required(column)]
                values = {column.name: sample(column.type) for column in required}
                db.execute(insert(table).values(**values | {"user_id": owner}))


def sample(kind):
    """A value of a column's type."""
    return SAMPLES[getattr(kind, "impl_instance", kind).python_type]


def is_required(column):
    """Whether a row cannot be without a value of ours."""
    return not (column.nullable or column.default or column.server_default or column.autoincrement is True)


def counts(app, user_id):
    """How many rows of somebody's each table has."""
    with app.app_context():
        return {
            table.name: db.read_rows(select(func.count()).where(table.c.user_id == user_id))[0][0]
            for table in own_tables()
        }


def everything(app, since):
    """What is written in the whole database; of the log that nobody can empty, what came `since` a time."""
    with app.app_context(), db.db.engine.connect() as connection:
        return " ".join(
            str(row)
            for table in db.Base.metadata.sorted_tables
            for row in connection.execute(
                table.select().where(AuditEntry.created_at >= since)
                if table is AuditEntry.__table__
                else table.select()
            )
        )


def test_nothing_of_a_closed_account_is_left_and_nothing_else_is_gone(
    app, alice, bob, note_tree, do_tasks, mailbox
):
    began = db.utcnow()
    for client in (alice, bob):
        fill(client, note_tree, do_tasks)
    mailbox.to(alice.email)
    filled, kept = counts(app, alice.user["id"]), counts(app, bob.user["id"])
    assert [name for name, count in filled.items() if not count] == []
    assert alice.delete(ME, json={"password": alice.password}).status_code == 202
    mailbox.to(alice.email)
    do_tasks()
    assert {name: count for name, count in counts(app, alice.user["id"]).items() if count} == {}
    assert counts(app, bob.user["id"]) == kept
    assert alice.email not in everything(app, began)
    assert bob.email in everything(app, began)


def test_each_table_of_users_goes_with_its_user():
    for table in own_tables():
        owners = [key for key in table.foreign_keys if key.parent.name == "user_id"]
        assert owners, table.name
        assert {key.ondelete for key in owners} == {"CASCADE"}, table.name


@pytest.fixture
def without_password(app, alice):
    """Alice, whose account was made by signing in with Google."""
    with app.app_context(), db.transaction():
        db.execute(update(User).where(User.id == alice.user["id"]).values(password_hash=None))
    return alice


class TestWithoutPassword:
    """Accounts that have no password are closed by a token that is mailed."""

    def test_a_token_is_mailed_and_closes_it(self, without_password, mail_token, do_tasks, app):
        client = without_password
        expect.problem(client.delete(ME, json={}), 401, code="confirmation_mailed")
        expect.ok(client.get(ME))
        token = mail_token(client.email)
        assert client.delete(ME, json={"token": token}).status_code == 202
        expect.unauthorized(client.get(ME))
        do_tasks()
        assert sum(counts(app, client.user["id"]).values()) == 0

    def test_a_password_that_it_does_not_have_closes_nothing(self, without_password):
        answer = without_password.delete(ME, json={"password": "anything at all"})
        expect.problem(answer, 401, code="confirmation_mailed")
        expect.ok(without_password.get(ME))

    def test_a_token_of_another_kind_or_person_closes_nothing(
        self, without_password, bob, anonymous, mail_token, app
    ):
        client = without_password
        anonymous.post("/api/auth/password/forgot/", json={"email": client.email})
        other_kind = mail_token(client.email)
        expect.problem(client.delete(ME, json={"token": other_kind}), 422, code="invalid_token")
        with app.app_context(), db.transaction():
            db.execute(update(User).where(User.id == bob.user["id"]).values(password_hash=None))
        expect.problem(bob.delete(ME, json={}), 401)
        of_bob = mail_token(bob.email)
        expect.problem(client.delete(ME, json={"token": of_bob}), 422, code="invalid_token")
        # What was refused did not use it up.
        assert bob.delete(ME, json={"token": of_bob}).status_code == 202
        expect.ok(client.get(ME))

    def test_a_token_ends(self, without_password, mail_token, move_clock):
        client = without_password
        client.delete(ME, json={})
        token = mail_token(client.email)
        move_clock(3700)
        fresh = ApiClient(
            client.app, {"access": client.access, "refresh": client.refresh, "user": client.user}
        )
        answer = fresh.post("/api/token/refresh/", json={"refresh": client.refresh})
        fresh.access = expect.ok(answer)["access"]
        expect.problem(fresh.delete(ME, json={"token": token}), 422, code="invalid_token")

    def test_a_password_can_be_set_by_mail(self, without_password, anonymous, mail_token):
        client = without_password
        anonymous.post("/api/auth/password/forgot/", json={"email": client.email})
        body = {"token": mail_token(client.email), "password": "a password of her own"}
        assert anonymous.post("/api/auth/password/reset/", json=body).status_code == 204
        sign_in = {"email": client.email, "password": "a password of her own"}
        expect.ok(anonymous.post("/api/token/", json=sign_in))


def test_a_token_does_not_replace_a_password(alice):
    expect.invalid(alice.delete(ME, json={}), "password")
    expect.invalid(alice.delete(ME, json={"token": "x"}), "password")
