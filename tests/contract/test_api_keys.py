"""API keys: made, listed, changed, revoked, and used by programs."""

from datetime import timedelta
from itertools import islice

import pytest
from sqlalchemy import select, text, update

from noteassist import db
from noteassist.models import ApiKey, IdempotencyKey
from tests.people import ApiClient

from . import ai, expect

KEYS = "/api/auth/api-keys/"
SCOPES = ("read", "write", "ai")


def make(client, *scopes, **fields):
    """Make a key; answers what was answered."""
    return expect.ok(client.post(KEYS, json={"name": "A program", "scopes": list(scopes), **fields}), 201)


def holder(client, *scopes, **fields):
    """A client that has a key of this client's user, and no session."""
    return Holder(client.app, make(client, *scopes, **fields)["key"])


class Holder(ApiClient):
    """A program with an API key."""

    def __init__(self, app, key):
        super().__init__(app)
        self.key = key

    def open(self, path, *, headers=None, **options):
        return super().open(path, headers={"X-API-Key": self.key, **(headers or {})}, **options)


@pytest.fixture
def program(alice):
    """A program with every scope, of Alice's."""
    return holder(alice, *SCOPES)


def test_a_key_is_shown_once_and_never_again(alice):
    answer = alice.post(KEYS, json={"name": "Backup", "scopes": ["write", "read"]})
    made = expect.ok(answer, 201)
    assert expect.location(answer) == f"{KEYS}{made['id']}/"
    assert answer.headers["Cache-Control"] == "no-store"
    key = made.pop("key")
    assert key.startswith(made["prefix"]) and len(key) > 40
    shown = alice.get(f"{KEYS}{made['id']}/")
    assert expect.ok(shown) == made
    assert shown.headers["ETag"] == answer.headers["ETag"]
    assert expect.ok(alice.get(KEYS))["results"] == [made]
    assert made["scopes"] == ["read", "write"]
    assert (made["requests_per_hour"], made["requests_per_day"]) == (100, 1000)
    assert (made["expires_at"], made["last_used"]) == (None, None)


def test_only_the_hash_of_a_key_is_in_the_database(alice, context):
    key = make(alice, "read")["key"]
    with db.db.engine.connect() as connection:
        for table in db.Base.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                assert key not in " ".join(map(str, row)), table.name


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"scopes": ["read", "read"]}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"requests_per_hour": 0}, "requests_per_hour"),
        ({"requests_per_day": 10**9}, "requests_per_day"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"key": "na_mine"}, "key"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(alice, fields, wrong):
    body = {"name": "A program", "scopes": ["read"], **fields}
    expect.invalid(alice.post(KEYS, json=body), wrong)


def test_a_key_is_changed_and_what_is_left_out_stays(alice, program):
    made = make(alice, "read", requests_per_hour=5)
    client = Holder(alice.app, made["key"])
    expect.ok(client.get("/api/notes/"))
    changed = expect.ok(alice.patch(f"{KEYS}{made['id']}/", json={"scopes": ["write"], "name": "New"}))
    assert (changed["name"], changed["scopes"], changed["requests_per_hour"]) == ("New", ["write"], 5)
    expect.problem(client.get("/api/notes/"), 403, code="insufficient_scope")
    expect.ok(client.post("/api/notes/", json={"title": "By a program"}), 201)


def test_a_revoked_key_is_dead_at_once(alice):
    made = make(alice, "read")
    client = Holder(alice.app, made["key"])
    expect.ok(client.get("/api/notes/"))
    assert alice.delete(f"{KEYS}{made['id']}/").status_code == 204
    expect.unauthorized(client.get("/api/notes/"), "invalid_api_key")
    expect.problem(alice.delete(f"{KEYS}{made['id']}/"), 404)


def test_an_expired_key_is_dead(alice, context):
    made = make(alice, "read", expires_at="2999-01-01T00:00:00Z")
    client = Holder(alice.app, made["key"])
    expect.ok(client.get("/api/notes/"))
    with db.transaction():
        past = db.utcnow() - timedelta(seconds=1)
        db.execute(update(ApiKey).where(ApiKey.id == made["id"]).values(expires_at=past))
    expect.unauthorized(client.get("/api/notes/"), "invalid_api_key")


def test_keys_of_somebody_else_do_not_exist(alice, bob):
    made = make(alice, "read")
    path = f"{KEYS}{made['id']}/"
    expect.problem(bob.get(path), 404)
    expect.problem(bob.patch(path, json={"name": "Mine"}), 404)
    expect.problem(bob.delete(path), 404)
    assert expect.ok(bob.get(KEYS))["results"] == []
    assert expect.ok(alice.get(path))["name"] == "A program"


def test_a_key_sees_the_data_of_its_user_and_of_nobody_else(alice, bob, note, path):
    assert expect.ok(holder(alice, "read").get(path))["title"] == note["title"]
    expect.problem(holder(bob, "read").get(path), 404)


@pytest.mark.parametrize(
    "key", ["", "na_", "nonsense", "na_" + "A" * 43, "na_" + "A" * 5000, "na_é", "Bearer x"]
)
def test_what_is_no_key_is_a_401(anonymous, key):
    answer = anonymous.get("/api/notes/", headers={"X-API-Key": key.encode("utf-8").decode("latin-1")})
    expect.unauthorized(answer, "invalid_api_key")


def test_a_key_and_a_token_together_are_refused(alice):
    made = make(alice, "read")
    answer = alice.get("/api/notes/", headers={"X-API-Key": made["key"]})
    expect.unauthorized(answer, "two_credentials")


def test_each_scope_opens_what_it_says(alice, note):
    reader, writer, asker = (holder(alice, scope) for scope in SCOPES)
    ask = ai.BASE + "generate/"
    body = {"topic": "The water cycle"}
    expect.ok(reader.get("/api/notes/"))
    assert reader.head("/api/notes/").status_code == 200
    expect.problem(reader.post("/api/notes/", json={"title": "x"}), 403, code="insufficient_scope")
    expect.problem(reader.post(ask, json=body), 403, code="insufficient_scope")
    expect.ok(writer.post("/api/notes/", json={"title": "x"}), 201)
    assert writer.delete(f"/api/notes/{note['id']}/").status_code == 204
    expect.problem(writer.get("/api/notes/"), 403, code="insufficient_scope")
    expect.problem(writer.post(ask, json=body), 403, code="insufficient_scope")
    assert asker.post(ask, json=body).status_code in {202, 503}
    expect.problem(asker.get("/api/notes/"), 403, code="insufficient_scope")
    expect.problem(asker.post("/api/notes/", json={"title": "x"}), 403, code="insufficient_scope")


def test_a_key_reads_the_profile_and_manages_nothing(alice, program):
    assert expect.ok(program.get("/api/auth/me/"))["email"] == alice.email
    made = make(alice, "read")
    refused = [
        program.patch("/api/auth/me/", json={"name": "x"}),
        program.delete("/api/auth/me/", json={"password": alice.password}),
        program.get(KEYS),
        program.post(KEYS, json={"name": "x", "scopes": ["read"]}),
        program.patch(f"{KEYS}{made['id']}/", json={"name": "x"}),
        program.delete(f"{KEYS}{made['id']}/"),
        program.get("/api/auth/sessions/"),
        program.delete("/api/auth/sessions/1/"),
        program.post("/api/auth/logout/"),
        program.post("/api/auth/logout-all/"),
        program.post("/api/auth/password/change/", json={"current_password": "x", "password": "y" * 12}),
        program.post("/api/auth/email/change/", json={"password": "x", "email": "x@example.com"}),
        program.post("/api/auth/resend-verification/"),
        program.get("/api/drive/connect/"),
    ]
    for answer in refused:
        expect.problem(answer, 403, code="insufficient_scope")
    expect.ok(alice.get("/api/auth/me/"))


def test_a_key_of_an_administrator_is_no_administrator(alice, context):
    with db.transaction():
        db.execute(text("UPDATE users SET role = 'admin' WHERE id = :id"), {"id": alice.user["id"]})
    client = holder(alice, *SCOPES)
    expect.ok(client.get("/api/auth/me/"))
    assert client.get("/api/admin/overview/").status_code in {403, 404}


def test_the_key_of_a_closed_account_is_dead(alice, program):
    assert alice.delete("/api/auth/me/", json={"password": alice.password}).status_code == 202
    expect.unauthorized(program.get("/api/notes/"), "invalid_api_key")


def test_a_use_is_noted_at_most_once_a_minute(alice, context, statements, move_clock):
    made = make(alice, "read")
    client = Holder(alice.app, made["key"])

    def writes():
        del statements[:]
        expect.ok(client.get("/api/notes/"))
        return [sent for sent in statements if sent.startswith("UPDATE api_keys")]

    assert len(writes()) == 1
    first = expect.ok(alice.get(f"{KEYS}{made['id']}/"))["last_used"]
    assert first is not None
    assert writes() == []
    move_clock(61)
    assert len(writes()) == 1
    assert expect.ok(client_view := alice.get(f"{KEYS}{made['id']}/"))["last_used"] > first, client_view


def test_a_request_with_a_key_costs_as_many_statements_as_one_with_a_token(alice, statements):
    client = holder(alice, "read")
    expect.ok(client.get("/api/notes/trash/"))
    counts = []
    # What the front never keeps.
    for asking in (alice, client):
        expect.ok(asking.get("/api/notes/trash/"))
        del statements[:]
        expect.ok(asking.get("/api/notes/trash/"))
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_a_repeated_request_gives_the_same_key_again_and_keeps_it_encrypted(alice, context):
    def ask():
        body = {"name": "Once", "scopes": ["read"]}
        return alice.post(KEYS, json=body, headers={"Idempotency-Key": "k-1"})

    first, second = ask(), ask()
    assert expect.ok(first, 201) == expect.ok(second, 201)
    assert second.headers["Idempotent-Replayed"] == "true"
    (kept,) = db.read_rows(select(IdempotencyKey.body, IdempotencyKey.is_encrypted))
    assert kept.is_encrypted and first.json["key"].encode() not in bytes(kept.body)
    assert len(expect.ok(alice.get(KEYS))["results"]) == 1


def test_other_answers_are_kept_as_they_are(alice, context):
    alice.post("/api/notes/", json={"title": "x"}, headers={"Idempotency-Key": "k-2"})
    assert [row.is_encrypted for row in db.read_rows(select(IdempotencyKey.is_encrypted))] == [False]


def test_making_and_revoking_a_key_is_told_by_mail(alice, mails):
    made = make(alice, "read")
    alice.delete(f"{KEYS}{made['id']}/")
    subjects = [mail["Subject"] for mail in mails(alice.email)]
    assert any("API key was made" in subject for subject in subjects)
    assert any("API key of your NoteAssist account was revoked" in subject for subject in subjects)


def test_there_is_a_bound_on_keys(alice, monkeypatch):
    monkeypatch.setattr("noteassist.services.api_keys.MOST_KEYS", 2)
    make(alice, "read")
    make(alice, "read")
    answer = alice.post(KEYS, json={"name": "x", "scopes": ["read"]})
    expect.problem(answer, 409, code="too_many_keys")


def test_a_stream_is_followed_with_a_key_until_it_is_revoked(alice, monkeypatch):
    monkeypatch.setattr("noteassist.api.streams.COMMENT_SECONDS", 0.2)
    made = make(alice, "read")
    client = Holder(alice.app, made["key"])
    answer = client.get("/api/notifications/stream/", buffered=False)
    assert answer.status_code == 200
    lines = iter(answer.response)
    assert next(lines).startswith(b":") and next(lines).startswith(b":")
    assert alice.delete(f"{KEYS}{made['id']}/").status_code == 204
    rest = list(islice(lines, 50))
    answer.close()
    assert len(rest) < 50


def test_the_document_names_the_scope_of_each_operation(anonymous):
    document = expect.ok(anonymous.get("/api/openapi.json"))
    scheme = document["components"]["securitySchemes"]["apiKey"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-API-Key")
    paths = document["paths"]
    assert {"apiKey": ["read"]} in paths["/api/notes/"]["get"]["security"]
    assert {"apiKey": ["write"]} in paths["/api/notes/"]["post"]["security"]
    assert {"apiKey": ["ai"]} in paths["/api/ai-tools/generate/"]["post"]["security"]
    assert paths["/api/auth/api-keys/"]["get"]["security"] == [{"bearer": []}]


def test_a_key_waits_for_an_answer_as_a_token_does(alice, crew):
    asker = holder(alice, "ai")
    answer = ai.ask(asker, headers=ai.wait(20))
    assert expect.ok(answer, 201)["content"]
    assert answer.headers["Preference-Applied"] == "wait=20"


def test_many_uses_at_once_are_noted_once(alice, context, in_parallel):
    client = holder(alice, "read")
    answers = in_parallel([lambda: client.get("/api/notes/")] * 8)
    assert {answer.status_code for answer in answers} == {200}
    assert [row.last_used_at is not None for row in db.read_rows(select(ApiKey.last_used_at))] == [True]
