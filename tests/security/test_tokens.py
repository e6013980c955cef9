"""What is accepted as an access token, and what is not."""

from datetime import timedelta

import jwt
import pytest

from noteassist import db
from noteassist.security import tokens

GOOD = {"sub", "sid", "jti", "iat", "exp", "type", "iss", "aud"}


@pytest.fixture
def forge(alice, settings):
    """Sign Alice's claims anew, with changes; None leaves a claim out."""
    key = tokens.derived_key(settings.secret_key, "access-token")
    claims = jwt.decode(alice.access, key, algorithms=["HS256"], audience="noteassist")

    def sign(*, secret=key, algorithm="HS256", headers=None, **changes):
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(changed, secret, algorithm, headers=headers)

    return sign


def status(client, token):
    answer = client.get("/api/auth/me/", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 401:
        assert answer.mimetype == "application/problem+json"
        assert "invalid_token" in answer.headers["WWW-Authenticate"]
    return answer.status_code


def test_the_claims_are_the_promised_ones(alice, settings):
    key = tokens.derived_key(settings.secret_key, "access-token")
    claims = jwt.decode(alice.access, key, algorithms=["HS256"], audience="noteassist")
    assert set(claims) >= GOOD | {"role", "tier", "email_verified"}
    assert claims["exp"] - claims["iat"] == 3600


def test_a_token_signed_as_ours_is_accepted(anonymous, forge):
    assert status(anonymous, forge()) == 200


@pytest.mark.parametrize("claim", sorted(GOOD))
def test_a_token_without_a_claim_is_refused(anonymous, forge, claim):
    assert status(anonymous, forge(**{claim: None})) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "refresh"},
        {"iss": "somebody"},
        {"aud": "somebody"},
        {"sub": "0"},
        {"sub": "x"},
        {"sid": "999999"},
        {"exp": 1},
        {"nbf": 2**40},
        {"iat": 2**40},
    ],
)
def test_a_token_with_another_claim_is_refused(anonymous, forge, changes):
    assert status(anonymous, forge(**changes)) == 401


def test_another_users_session_is_refused(anonymous, forge, bob):
    assert status(anonymous, forge(sub=str(bob.user["id"]))) == 401


def test_another_key_or_algorithm_is_refused(anonymous, forge, settings):
    assert status(anonymous, forge(secret="x" * 32)) == 401
    assert status(anonymous, forge(secret=settings.secret_key)) == 401
    assert status(anonymous, forge(secret=None, algorithm="none")) == 401
    assert status(anonymous, forge(secret=b"x" * 64, algorithm="HS512")) == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", ".", "x" * 1_000_000, "\x01", "e30.e30."])
def test_nonsense_is_refused(anonymous, token):
    assert status(anonymous, token) == 401


def test_a_refresh_token_is_no_access_token(anonymous, alice):
    assert status(anonymous, alice.refresh) == 401


def test_the_same_arguments_sign_the_same_token(context):
    arguments = {"user_id": 1, "token_id": "x", "issued_at": db.utcnow(), "minutes": 60}
    assert tokens.issue_access({"sid": "1"}, **arguments) == tokens.issue_access({"sid": "1"}, **arguments)


def test_a_remembered_token_still_expires(context):
    now = db.utcnow()
    token = tokens.issue_access({"sid": "1"}, user_id=1, token_id="x", issued_at=now, minutes=1)
    assert tokens.read_access(token, now=now)["sid"] == "1"
    with pytest.raises(tokens.NotAuthenticated):
        tokens.read_access(token, now=now + timedelta(minutes=2))


def test_the_database_holds_no_token_in_the_clear(alice, anonymous, mail_token, context):
    anonymous.post("/api/auth/password/forgot/", json={"email": alice.email})
    secrets = [alice.refresh, alice.access, alice.password, mail_token(alice.email)]
    tables = ("users", "sessions", "refresh_tokens", "email_tokens", "outbox_mails", "idempotency_keys")
    dump = "".join(
        str(row) for table in tables for row in db.read_rows(db.Base.metadata.tables[table].select())
    )
    assert [secret for secret in secrets if secret in dump] == []
