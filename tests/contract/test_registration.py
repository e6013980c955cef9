"""Opening an account."""

import pytest

from . import expect

PASSWORD = "violet lantern 42"
EMOJI = "".join(map(chr, range(0x1F400, 0x1F480)))  # 128 different ones


def register(client, email="dora@example.com", password=PASSWORD, **more):
    """Ask for an account."""
    return client.post("/api/auth/register/", json={"email": email, "password": password, **more})


def sign_in_status(client, email, password):
    """What a sign-in with these answers."""
    return client.post("/api/auth/token/", json={"email": email, "password": password}).status_code


def test_a_new_account_is_signed_in_at_once(anonymous):
    body = expect.ok(register(anonymous, name="Dora"), 201)
    assert set(body) >= {"user", "access", "refresh", "expires_in"}
    assert body["expires_in"] == 3600
    assert (body["user"]["email"], body["user"]["name"]) == ("dora@example.com", "Dora")
    me = anonymous.get("/api/auth/me/", headers={"Authorization": f"Bearer {body['access']}"})
    assert expect.ok(me)["id"] == body["user"]["id"]


def test_the_name_is_optional(anonymous):
    expect.ok(register(anonymous), 201)


def test_a_new_account_is_a_plain_unverified_one(sign_up):
    sign_up(email="first@example.com", password=PASSWORD)
    user = sign_up(email="second@example.com", password=PASSWORD).user
    assert (user["role"], user["subscription_tier"], user["is_email_verified"]) == ("user", "FREE", False)


def test_nothing_in_the_answer_repeats_the_password(anonymous):
    response = register(anonymous, password="canary horse 4711")
    assert "canary" not in response.get_data(as_text=True)
    assert "argon2" not in response.get_data(as_text=True)


@pytest.mark.parametrize("email", ["{}", "{upper}", "{title}"])
def test_a_taken_address_is_a_409_in_any_letter_case(anonymous, alice, email):
    email = email.format(alice.email, upper=alice.email.upper(), title=alice.email.title())
    expect.problem(register(anonymous, email), 409, code="email_taken")
    assert sign_in_status(anonymous, alice.email, alice.password) == 200
    assert sign_in_status(anonymous, alice.email, PASSWORD) == 401


@pytest.mark.parametrize("email", ["Dora@Example.com", "DORA@EXAMPLE.COM"])
def test_an_address_given_in_capitals_signs_in_in_any_letter_case(anonymous, email):
    expect.ok(register(anonymous, email), 201)
    for typed in (email, "dora@example.com", "DORA@example.com"):
        assert sign_in_status(anonymous, typed, PASSWORD) == 200
    expect.problem(register(anonymous, "dora@example.com"), 409, code="email_taken")


def test_of_ten_parallel_registrations_of_one_address_one_wins(anonymous, in_parallel):
    spellings = ["dora@example.com", "Dora@example.com"]
    answers = in_parallel([lambda n=n: register(anonymous, spellings[n % 2]) for n in range(10)])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


@pytest.mark.parametrize(
    "email",
    [
        "",
        " ",
        "dora",
        "dora@",
        "@example.com",
        "dora@@example.com",
        "dora example@example.com",
        "dora@exam ple.com",
        "dora@example.com\nBcc: all@example.com",
        "dora@example.com, eve@example.com",
        "Dora <dora@example.com>",
        "d" * 400 + "@example.com",
        "dora@" + "e" * 400 + ".com",
        "dora\0@example.com",
        None,
        7,
        True,
        ["dora@example.com"],
        {"a": 1},
    ],
)
def test_what_is_no_address_is_refused(anonymous, email):
    expect.problem(register(anonymous, email), 422)


@pytest.mark.parametrize("missing", ["email", "password"])
def test_both_address_and_password_are_needed(anonymous, missing):
    body = {"email": "dora@example.com", "password": PASSWORD}
    del body[missing]
    expect.invalid(anonymous.post("/api/auth/register/", json=body), missing)


@pytest.mark.parametrize(
    "password",
    [
        "Xq7-pl2.vd",
        EMOJI,
        EMOJI[:10],
        "ключ от дома",
        "パスワードを忘れないで",
        "Zm4!" * 32,
        "  two spaces around  ",
        "tab\tand\nnewline",
        'quote " and \\ slash',
    ],
)
def test_any_ten_to_128_characters_are_a_password_kept_to_the_letter(anonymous, password):
    expect.ok(register(anonymous, password=password), 201)
    assert sign_in_status(anonymous, "dora@example.com", password) == 200
    assert sign_in_status(anonymous, "dora@example.com", password + "x") == 401
    assert sign_in_status(anonymous, "dora@example.com", password[:-1]) == 401


@pytest.mark.parametrize(
    "password",
    [
        "",
        "Xq7-pl2.v",
        EMOJI[:9],
        "é" * 9,
        EMOJI + "x",
        "Zm4!" * 32 + "x",
        "x" * 100_000,
        None,
        1234567890123,
        ["x" * 12],
    ],
)
def test_fewer_or_more_characters_are_refused(anonymous, password):
    expect.invalid(register(anonymous, password=password), "password")
    expect.ok(register(anonymous), 201)


@pytest.mark.parametrize("password", ["1234567890", "qwertyuiop", "password123", "1q2w3e4r5t"])
def test_a_password_that_everybody_takes_is_refused(anonymous, password):
    expect.invalid(register(anonymous, password=password), "password")


def test_the_address_is_no_password(anonymous):
    expect.invalid(register(anonymous, password="dora@example.com"), "password")


def test_passwords_that_differ_late_are_different(anonymous):
    start = "A long sentence that somebody really typed, with blanks and a comma in it, "
    expect.ok(register(anonymous, password=start + "one and more"), 201)
    assert sign_in_status(anonymous, "dora@example.com", start + "two and more") == 401
    assert sign_in_status(anonymous, "dora@example.com", start + "one and more") == 200


def test_spaces_around_a_password_belong_to_it(anonymous):
    expect.ok(register(anonymous, password="  violet lantern 42 "), 201)
    assert sign_in_status(anonymous, "dora@example.com", "violet lantern 42") == 401


def test_a_refused_registration_sends_no_mail(anonymous, mails):
    register(anonymous, password="short")
    assert mails("dora@example.com") == []


def test_a_new_account_is_sent_one_mail_with_a_token(anonymous, mails, mail_token):
    expect.ok(register(anonymous), 201)
    token = mail_token("dora@example.com")
    (mail,) = mails("dora@example.com")
    text = mail.get_body(("plain",)).get_content()
    assert f"Token: {token}" in text.splitlines()
    assert f"/verify-email#token={token}" in text
    assert PASSWORD not in text


def test_a_taken_address_gets_no_second_account_mail(anonymous, alice, mails):
    before = len(mails(alice.email))
    register(anonymous, alice.email)
    assert len(mails(alice.email)) == before


@pytest.mark.parametrize(
    "name", ["Zoë Łukasz", "名前", "O'Brien; DROP TABLE users", "<b>Bold</b>", "🙂", "مريم"]
)
def test_a_name_is_kept_as_given(anonymous, name):
    assert expect.ok(register(anonymous, name=name), 201)["user"]["name"] == name
