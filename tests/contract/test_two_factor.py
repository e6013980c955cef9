"""Two-factor sign-in: set up, asked for, used up, switched off."""

import time
import xml.etree.ElementTree as ET
from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import select

from noteassist import db
from noteassist.models import RecoveryCode, TwoFactor
from noteassist.security import encryption
from noteassist.security.rotation import rotate
from noteassist.services import two_factor
from tests.people import PASSWORD

from . import expect

SETUP, CONFIRM, DISABLE = (f"/api/auth/2fa/{step}/" for step in ("setup", "confirm", "disable"))
KEYS = ("dGVzdHMgdGVzdHMgdGVzdHMgdGVzdHMgdGVzdHMgMTI=", "bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IDEyMzQ=")


class Device:
    """Somebody's authenticator application, and the recovery codes on paper."""

    def __init__(self, client):
        self.client = client
        self.secret = expect.ok(client.post(SETUP))["secret"]
        self.codes = expect.ok(client.post(CONFIRM, json={"otp": self.shows()}))["recovery_codes"]

    def shows(self, steps=0):
        """The one-time password of now, or of some steps from now."""
        return pyotp.TOTP(self.secret).at(int(time.time()) + 30 * steps)


def sign_in(client, email, **fields):
    return client.post("/api/auth/token/", json={"email": email, "password": PASSWORD, **fields})


@pytest.fixture
def device(alice, move_clock):
    """Alice's device; the password that switched it on is used up, so the clock moves to the next one."""
    made = Device(alice)
    move_clock(30)
    return made


def test_setting_up_gives_a_secret_in_three_forms(alice):
    answer = alice.post(SETUP)
    made = expect.ok(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert made["otpauth_uri"].startswith("otpauth://totp/NoteAssist:alice%40example.com?")
    assert pyotp.parse_uri(made["otpauth_uri"]).secret == made["secret"]
    assert ET.fromstring(made["qr_svg"]).tag.endswith("svg")


def test_nothing_changes_until_it_is_confirmed(alice, anonymous):
    expect.problem(alice.post(CONFIRM, json={"otp": "123456"}), 409, code="two_factor_not_set_up")
    made = expect.ok(alice.post(SETUP))
    expect.ok(sign_in(anonymous, alice.email))
    expect.problem(alice.post(CONFIRM, json={"otp": "12345x"}), 401, code="invalid_otp")
    assert expect.ok(alice.get("/api/auth/me/"))["two_factor_enabled"] is False
    otp = pyotp.TOTP(made["secret"]).now()
    codes = expect.ok(alice.post(CONFIRM, json={"otp": otp}))["recovery_codes"]
    assert len(set(codes)) == 10
    assert expect.ok(alice.get("/api/auth/me/"))["two_factor_enabled"] is True
    expect.problem(alice.post(CONFIRM, json={"otp": otp}), 409, code="two_factor_on")
    expect.problem(alice.post(SETUP), 409, code="two_factor_on")


def test_sign_in_asks_for_a_one_time_password(alice, anonymous, device):
    expect.unauthorized(sign_in(anonymous, alice.email), "otp_required")
    expect.unauthorized(sign_in(anonymous, alice.email, otp="000000"), "invalid_otp")
    assert expect.ok(sign_in(anonymous, alice.email, otp=device.shows()))["user"]["email"] == alice.email


def test_the_wrong_password_tells_nothing_about_two_factor_sign_in(alice, bob, anonymous, device):
    wrong = {"password": "wrong wrong wrong"}
    answers = [
        sign_in(anonymous, alice.email, **wrong),
        sign_in(anonymous, alice.email, **wrong, otp=device.shows()),
        sign_in(anonymous, alice.email, **wrong, otp="000000"),
        sign_in(anonymous, bob.email, **wrong),
    ]
    bodies = [expect.anonymised(answer) for answer in answers]
    assert bodies[0]["code"] == "invalid_credentials"
    assert bodies.count(bodies[0]) == len(bodies)
    # Nor did it use the one-time password up.
    expect.ok(sign_in(anonymous, alice.email, otp=device.shows()))


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_the_clock_of_a_device_may_be_a_step_off(alice, anonymous, device, move_clock, steps):
    move_clock(60)
    expect.ok(sign_in(anonymous, alice.email, otp=device.shows(steps)))


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_a_clock_that_is_further_off_is_refused(alice, anonymous, device, move_clock, steps):
    move_clock(120)
    expect.unauthorized(sign_in(anonymous, alice.email, otp=device.shows(steps)), "invalid_otp")


def test_a_one_time_password_is_accepted_once(alice, anonymous, device):
    otp = device.shows()
    expect.ok(sign_in(anonymous, alice.email, otp=otp))
    expect.unauthorized(sign_in(anonymous, alice.email, otp=otp), "invalid_otp")


def test_an_earlier_one_is_refused_after_a_later_one(alice, anonymous, device):
    expect.ok(sign_in(anonymous, alice.email, otp=device.shows(1)))
    expect.unauthorized(sign_in(anonymous, alice.email, otp=device.shows(0)), "invalid_otp")


def test_of_eight_that_bring_it_at_once_one_is_let_in(alice, anonymous, device, in_parallel):
    otp = device.shows()
    answers = in_parallel([lambda: sign_in(anonymous, alice.email, otp=otp)] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


def test_a_recovery_code_is_accepted_once(alice, anonymous, device, in_parallel):
    code = device.codes[0]
    answers = in_parallel([lambda: sign_in(anonymous, alice.email, otp=code)] * 6)
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 5
    again = device.codes[1].upper().replace("-", " ")
    expect.ok(sign_in(anonymous, alice.email, otp=again))
    expect.unauthorized(sign_in(anonymous, alice.email, otp=again), "invalid_otp")


def test_guessing_is_bounded(alice, bob, anonymous, device, move_clock):
    for _ in range(two_factor.MOST_FAILURES):
        expect.unauthorized(sign_in(anonymous, alice.email, otp="000000"), "invalid_otp")
    refused = sign_in(anonymous, alice.email, otp=device.shows())
    expect.problem(refused, 429, code="too_many_otps")
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    expect.ok(sign_in(anonymous, bob.email))
    move_clock(int(refused.headers["Retry-After"]) + 1)
    expect.ok(sign_in(anonymous, alice.email, otp=device.shows()))


def test_switching_off_takes_the_password_and_a_one_time_password(alice, anonymous, device, context):
    expect.invalid(alice.post(DISABLE, json={"password": PASSWORD}), "otp")
    expect.problem(alice.post(DISABLE, json={"otp": device.shows()}), 401, code="invalid_credentials")
    wrong = {"password": "wrong wrong wrong", "otp": device.shows()}
    expect.problem(alice.post(DISABLE, json=wrong), 401, code="invalid_credentials")
    wrong = {"password": PASSWORD, "otp": "000000"}
    expect.problem(alice.post(DISABLE, json=wrong), 401, code="invalid_otp")
    expect.unauthorized(sign_in(anonymous, alice.email), "otp_required")
    answer = alice.post(DISABLE, json={"password": PASSWORD, "otp": device.shows()})
    assert answer.status_code == 204
    expect.ok(sign_in(anonymous, alice.email))
    assert db.read_rows(select(TwoFactor.user_id)) == db.read_rows(select(RecoveryCode.user_id)) == []
    answer = alice.post(DISABLE, json={"password": PASSWORD, "otp": "000000"})
    expect.problem(answer, 409, code="two_factor_off")


def test_the_secret_and_the_codes_are_in_no_row(device, context):
    with db.db.engine.connect() as connection:
        for table in db.Base.metadata.sorted_tables:
            said = " ".join(str(row) for row in connection.execute(select(table)))
            assert device.secret not in said, table.name
            assert not any(code in said or code.replace("-", "") in said for code in device.codes)


def test_the_secret_outlives_a_change_of_keys(alice, device, settings, context):
    with db.transaction():
        opened = encryption.decrypt(
            settings.encryption_keys,
            db.rows(select(TwoFactor.secret))[0].secret,
            two_factor.secret_purpose(alice.user["id"]),
        )
    assert opened == device.secret
    rotated = (KEYS[1], *settings.encryption_keys)
    assert rotate(rotated).changed == 1
    row = db.read_rows(select(TwoFactor.secret))[0]
    purpose = two_factor.secret_purpose(alice.user["id"])
    assert encryption.decrypt(KEYS[1:], row.secret, purpose) == device.secret


def test_switching_on_and_off_is_told_by_mail(alice, device, mails):
    alice.post(DISABLE, json={"password": PASSWORD, "otp": device.shows()})
    subjects = [mail["Subject"] for mail in mails(alice.email)]
    assert "Two-factor sign-in of your NoteAssist account is on" in subjects
    assert "Two-factor sign-in of your NoteAssist account is off" in subjects


def test_a_new_password_by_mail_does_not_switch_it_off(alice, anonymous, device, mail_token):
    anonymous.post("/api/auth/password/forgot/", json={"email": alice.email})
    body = {"token": mail_token(alice.email), "password": PASSWORD}
    assert anonymous.post("/api/auth/password/reset/", json=body).status_code == 204
    expect.unauthorized(sign_in(anonymous, alice.email), "otp_required")


@pytest.fixture
def without_keys(app):
    """A server in production that was given no encryption keys."""
    usual = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(usual, encryption_keys=())
    yield
    app.config["SETTINGS"] = usual


def test_without_encryption_keys_it_cannot_be_set_up(alice, without_keys):
    expect.problem(alice.post(SETUP), 503, code="encryption_not_configured")
    assert expect.ok(alice.get("/api/auth/me/"))["two_factor_enabled"] is False


def test_without_encryption_keys_no_secret_is_kept_to_be_repeated(alice, without_keys):
    body = {"name": "x", "scopes": ["read"]}
    refused = alice.post("/api/auth/api-keys/", json=body, headers={"Idempotency-Key": "k"})
    expect.problem(refused, 503, code="encryption_not_configured")
    assert expect.ok(alice.get("/api/auth/api-keys/"))["results"] == []
    expect.ok(alice.post("/api/auth/api-keys/", json=body), 201)


def test_recovery_codes_work_when_the_key_of_the_secret_is_lost(alice, anonymous, device, without_keys):
    expect.unauthorized(sign_in(anonymous, alice.email, otp=device.shows()), "invalid_otp")
    expect.ok(sign_in(anonymous, alice.email, otp=device.codes[0]))
