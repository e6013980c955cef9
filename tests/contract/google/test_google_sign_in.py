"""Signing in with Google, against a Google over a socket."""

import base64
import json
import time
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import text

from noteassist import db
from tests.contract import ai, expect
from tests.people import PASSWORD, ApiClient
from tests.services.drive import scene
from tests.stand_ins.google_drive import Account
from tests.stand_ins.google_faults import CutBefore, Html, Status

from .conftest import SECRET

BEGIN, CALLBACK, OTP = (f"/api/auth/google/{step}" for step in ("", "callback/", "otp/"))


def way_there(client):
    """Where somebody is sent to sign in."""
    answer = client.get(BEGIN)
    assert answer.headers["Cache-Control"] == "no-store"
    return expect.ok(answer)["authorization_url"]


def come_back(client, back):
    """Come back from Google, as browsers do."""
    return ApiClient(client.app).get(CALLBACK, query_string=back)


def sign_in(client, google):
    """Go there and come back."""
    return come_back(client, google.allow(way_there(client)))


def verified(client, mail_token):
    """Prove an account's address."""
    body = {"token": mail_token(client.email)}
    return expect.ok(client.post("/api/auth/verify-email/", json=body))


def users(app):
    """How many accounts there are."""
    with app.app_context():
        return db.read_rows(text("SELECT count(*) FROM users"))[0][0]


def test_the_way_there_is_openid_connect_with_pkce(anonymous, google):
    first, second = (
        {name: values[0] for name, values in parse_qs(urlsplit(way_there(anonymous)).query).items()}
        for _ in range(2)
    )
    assert first["response_type"] == "code"
    assert first["code_challenge_method"] == "S256"
    assert set(first["scope"].split()) == {"openid", "email", "profile"}
    assert first["redirect_uri"] == "https://notes.example.org" + CALLBACK
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


def test_somebody_new_gets_an_account_without_a_password(anonymous, google):
    google.google.account = Account("77", "Dora@Gmail.example")
    answer = sign_in(anonymous, google)
    made = expect.ok(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert (made["user"]["email"], made["user"]["name"]) == ("dora@gmail.example", "Alice at Google")
    assert made["user"]["is_email_verified"] is True
    client = ApiClient(anonymous.app, made)
    expect.ok(client.get("/api/notes/"))
    expect.ok(client.post("/api/token/refresh/", json={"refresh": made["refresh"]}))
    again = expect.ok(sign_in(anonymous, google))
    assert again["user"]["id"] == made["user"]["id"]
    body = {"email": "dora@gmail.example", "password": PASSWORD}
    expect.problem(anonymous.post("/api/token/", json=body), 401, code="invalid_credentials")


def test_who_somebody_is_does_not_hang_on_the_address(anonymous, google):
    google.google.account = Account("77", "dora@gmail.example")
    made = expect.ok(sign_in(anonymous, google))
    google.google.account = Account("77", "renamed@gmail.example")
    assert expect.ok(sign_in(anonymous, google))["user"]["id"] == made["user"]["id"]
    # The address has a new owner: that is somebody else.
    google.google.account = Account("78", "dora@gmail.example")
    expect.problem(sign_in(anonymous, google), 409, code="google_account_differs")


def test_it_links_where_both_addresses_are_proved(alice, google, mail_token, mails):
    verified(alice, mail_token)
    google.google.account = Account("5", alice.email)
    assert expect.ok(sign_in(alice, google))["user"]["id"] == alice.user["id"]
    subjects = [mail["Subject"] for mail in mails(alice.email)]
    assert "Your NoteAssist account can be opened with Google" in subjects
    body = {"email": alice.email, "password": PASSWORD}
    expect.ok(alice.post("/api/token/", json=body))


def test_it_does_not_link_an_account_whose_address_is_not_proved(alice, google):
    google.google.account = Account("5", alice.email)
    expect.problem(sign_in(alice, google), 409, code="email_taken")


@pytest.mark.parametrize("said", [False, None, "true"])
def test_it_does_not_link_by_an_address_that_google_has_not_proved(alice, google, mail_token, said):
    verified(alice, mail_token)
    google.google.account = Account("5", alice.email)
    google.google.claims = {"email_verified": said}
    expect.problem(sign_in(alice, google), 409, code="email_taken")


def test_an_unproved_address_makes_an_account_that_has_to_prove_it(anonymous, google, mails):
    google.google.claims = {"email_verified": False}
    made = expect.ok(sign_in(anonymous, google))
    assert made["user"]["is_email_verified"] is False
    assert [mail["Subject"] for mail in mails(made["user"]["email"])] == [
        "Confirm your e-mail address for NoteAssist"
    ]


def test_a_closed_account_is_not_revived(anonymous, google, context):
    made = expect.ok(sign_in(anonymous, google))
    with db.transaction():
        closed = text("UPDATE users SET is_active = :no, closed_at = :now WHERE id = :id")
        values = {"no": False, "now": "2026-01-01 00:00:00+00:00", "id": made["user"]["id"]}
        db.execute(closed, values)
    expect.problem(sign_in(anonymous, google), 403, code="account_closed")
    google.google.account = Account("another", made["user"]["email"])
    expect.problem(sign_in(anonymous, google), 409, code="email_taken")


def test_two_that_come_back_at_once_make_one_account(anonymous, google, in_parallel):
    backs = [google.allow(way_there(anonymous)) for _ in range(4)]
    answers = in_parallel([lambda back=back: come_back(anonymous, back) for back in backs])
    assert len({expect.ok(answer)["user"]["id"] for answer in answers}) == 1


def test_a_state_works_once(anonymous, google, in_parallel):
    back = google.allow(way_there(anonymous))
    answers = in_parallel([lambda: come_back(anonymous, back)] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    expect.problem(come_back(anonymous, back), 400, code="google_state_invalid")


def test_a_state_does_not_work_after_ten_minutes(anonymous, google, move_clock):
    back = google.allow(way_there(anonymous))
    move_clock(601)
    expect.problem(come_back(anonymous, back), 400, code="google_state_invalid")


def test_a_forged_or_foreign_state_does_not_work(alice, google):
    back = google.allow(way_there(alice))
    for state in ("nonsense", back["state"][:-2] + "xx", alice.access):
        expect.problem(come_back(alice, back | {"state": state}), 400, code="google_state_invalid")
    begun = expect.ok(alice.get("/api/drive/connect/"))
    drive = google.allow(begun["authorization_url"])
    expect.problem(come_back(alice, drive), 400, code="google_state_invalid")
    expect.problem(alice.get("/api/drive/callback/", query_string=back), 400, code="drive_state_invalid")


def test_the_code_of_another_sign_in_does_not_work(anonymous, google):
    one, other = (google.allow(way_there(anonymous)) for _ in range(2))
    expect.problem(come_back(anonymous, one | {"code": other["code"]}), 400, code="google_code_invalid")
    assert users(anonymous.app) == 0


def test_who_does_not_allow_it_is_not_signed_in(anonymous, google):
    google.google.denies = True
    expect.problem(sign_in(anonymous, google), 403, code="google_denied")


FORGED = {
    "another issuer": {"iss": "https://accounts.example.com"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "somebody else"},
    "two audiences": {"aud": ["client-of-tests", "somebody else"]},
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "expired": {"exp": int(time.time()) - 3600},
    "no end": {"exp": None},
    "not begun": {"iat": int(time.time()) + 86400},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "no address": {"email": None},
    "no address at all": {"email": "nobody"},
    "a NUL": {"email": "a\0b@example.com"},
}


@pytest.mark.parametrize("what", FORGED)
def test_a_token_that_proves_nothing_is_refused(anonymous, google, what):
    google.google.claims = FORGED[what]
    expect.problem(sign_in(anonymous, google), 400, code="google_code_invalid")
    assert users(anonymous.app) == 0


@pytest.mark.parametrize(
    "signing",
    [
        {"key": "second"},
        {"kid": "unknown", "key": "unknown"},
        {"algorithm": "HS256"},
        {"algorithm": "none"},
    ],
)
def test_a_token_that_google_did_not_sign_is_refused(anonymous, google, signing):
    google.google.signing = signing
    expect.problem(sign_in(anonymous, google), 400, code="google_code_invalid")
    assert users(anonymous.app) == 0


def test_any_key_that_google_shows_will_do(anonymous, google):
    google.google.signing = {"kid": "second", "key": "second"}
    expect.ok(sign_in(anonymous, google))


@pytest.mark.parametrize("step", ["exchange", "keys"])
@pytest.mark.parametrize("fault", [CutBefore(), Html(), Status(503), Status(500)])
def test_google_in_trouble_is_a_503_that_says_when(anonymous, google, step, fault):
    google.next(step, fault)
    answer = sign_in(anonymous, google)
    expect.problem(answer, 503, code="google_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert users(anonymous.app) == 0


class TestTwoFactor:
    """Accounts that ask for a one-time password too."""

    @pytest.fixture
    def device(self, anonymous, google, move_clock):
        """Give somebody who signs in with Google and has two-factor sign-in on."""
        client = ApiClient(anonymous.app, expect.ok(sign_in(anonymous, google)))
        totp = pyotp.TOTP(expect.ok(client.post("/api/auth/2fa/setup/"))["secret"])
        expect.ok(client.post("/api/auth/2fa/confirm/", json={"otp": totp.at(int(time.time()))}))
        move_clock(30)
        return totp

    def ticket(self, client, google):
        """The ticket that the callback gives."""
        refused = sign_in(client, google)
        said = expect.problem(refused, 401, code="otp_required")
        assert "access" not in said
        return said["ticket"]

    def test_goes_on_with_a_ticket_that_works_once(self, anonymous, google, device):
        ticket = self.ticket(anonymous, google)
        wrong = anonymous.post(OTP, json={"ticket": ticket, "otp": "000000"})
        expect.problem(wrong, 401, code="invalid_otp")
        body = {"ticket": ticket, "otp": device.at(int(time.time()))}
        made = expect.ok(anonymous.post(OTP, json=body))
        expect.ok(ApiClient(anonymous.app, made).get("/api/notes/"))
        later = {"ticket": ticket, "otp": device.at(int(time.time()) + 30)}
        expect.problem(anonymous.post(OTP, json=later), 400, code="google_state_invalid")

    def test_a_ticket_ends_and_a_state_is_none(self, anonymous, google, device, move_clock):
        ticket = self.ticket(anonymous, google)
        state = parse_qs(urlsplit(way_there(anonymous)).query)["state"][0]
        otp = device.at(int(time.time()))
        expect.problem(anonymous.post(OTP, json={"ticket": state, "otp": otp}), 400)
        move_clock(301)
        body = {"ticket": ticket, "otp": device.at(int(time.time()))}
        expect.problem(anonymous.post(OTP, json=body), 400, code="google_state_invalid")

    def test_without_a_password_it_is_switched_off_by_the_one_time_password(self, anonymous, google, device):
        body = {"ticket": self.ticket(anonymous, google), "otp": device.at(int(time.time()))}
        client = ApiClient(anonymous.app, expect.ok(anonymous.post(OTP, json=body)))
        off = {"otp": device.at(int(time.time()) + 30)}
        assert client.post("/api/auth/2fa/disable/", json=off).status_code == 204
        expect.ok(sign_in(anonymous, google))


def test_a_closed_server_takes_nobody_new(stand_in, google, tmp_path):
    options = scene.settings_for(stand_in, signup_open=False)
    with ai.application(tmp_path, "", **options) as app:
        client = ApiClient(app)
        expect.problem(sign_in(client, google), 403, code="signup_closed")


def test_without_a_client_it_is_not_there(tmp_path):
    with ai.application(tmp_path, "") as app:
        client = ApiClient(app)
        expect.problem(client.get(BEGIN), 503, code="google_not_configured")
        back = {"state": "x", "code": "y"}
        expect.problem(client.get(CALLBACK, query_string=back), 503, code="google_not_configured")


def test_no_secret_of_google_is_kept(anonymous, google, context):
    expect.ok(sign_in(anonymous, google))
    with db.db.engine.connect() as connection:
        for table in db.Base.metadata.sorted_tables:
            said = " ".join(str(row) for row in connection.execute(table.select()))
            assert not SECRET.search(said), table.name


def test_the_nonce_is_not_the_secret_of_the_state(anonymous, google):
    query = parse_qs(urlsplit(way_there(anonymous)).query)
    middle = query["state"][0].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    assert query["nonce"][0] not in json.dumps(claims)
