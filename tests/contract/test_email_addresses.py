"""Proving an address, and moving to another one."""

import pytest

from . import expect


def verify(client, token):
    """Hand in a mailed token."""
    return client.post("/api/auth/verify-email/", json={"token": token})


def me(client):
    """The user as the server has it now."""
    return expect.ok(client.get("/api/auth/me/"))


def change(client, email, password=None):
    """Ask to move to this address."""
    return client.post(
        "/api/auth/email/change/", json={"email": email, "password": password or client.password}
    )


def test_the_mailed_token_verifies_the_address(alice, anonymous, mail_token):
    assert me(alice)["is_email_verified"] is False
    expect.ok(verify(anonymous, mail_token(alice.email)))
    assert me(alice)["is_email_verified"] is True


def test_the_token_works_for_the_one_it_was_sent_to_only(alice, bob, mail_token):
    expect.ok(verify(bob, mail_token(alice.email)))
    assert (me(alice)["is_email_verified"], me(bob)["is_email_verified"]) == (True, False)


def test_the_next_access_token_knows_that_the_address_is_verified(alice, anonymous, mail_token):
    expect.ok(verify(anonymous, mail_token(alice.email)))
    pair = expect.ok(anonymous.post("/api/token/refresh/", json={"refresh": alice.refresh}))
    assert expect.claims(pair["access"])["email_verified"] is True


@pytest.mark.parametrize("token", ["", "x", "é", "x" * 10_000, "00000000-0000-0000-0000-000000000000"])
def test_a_made_up_token_verifies_nothing(anonymous, alice, token):
    expect.refused(verify(anonymous, token))
    assert me(alice)["is_email_verified"] is False


@pytest.mark.parametrize("body", [{}, {"token": None}, {"token": 7}, {"token": ["x"]}])
def test_a_token_is_a_text(anonymous, body):
    expect.invalid(anonymous.post("/api/auth/verify-email/", json=body), "token")


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None), slice(None, None, -1)])
def test_part_of_a_token_verifies_nothing(anonymous, alice, mail_token, cut):
    expect.refused(verify(anonymous, mail_token(alice.email)[cut]))
    assert me(alice)["is_email_verified"] is False


def test_the_mail_can_be_sent_again(alice, mails, mail_token):
    before = len(mails(alice.email))
    assert alice.post("/api/auth/resend-verification/").status_code == 202
    assert len(mails(alice.email)) == before + 1
    expect.ok(verify(alice, mail_token(alice.email)))
    assert me(alice)["is_email_verified"] is True


def test_access_and_password_tokens_verify_nothing(alice, anonymous, mail_token):
    anonymous.post("/api/auth/password/forgot/", json={"email": alice.email})
    for token in (mail_token(alice.email), alice.access, alice.refresh):
        expect.refused(verify(anonymous, token))
    assert me(alice)["is_email_verified"] is False


def test_a_new_address_counts_once_it_has_confirmed(alice, anonymous, sign_in, mail_token):
    old = alice.email
    assert change(alice, "alice.new@example.com").status_code == 202
    assert me(alice)["email"] == old
    expect.ok(verify(anonymous, mail_token("alice.new@example.com")))
    assert (me(alice)["email"], me(alice)["is_email_verified"]) == ("alice.new@example.com", True)
    sign_in("alice.new@example.com", alice.password)
    body = {"email": old, "password": alice.password}
    expect.problem(anonymous.post("/api/auth/token/", json=body), 401, code="invalid_credentials")


def test_the_old_address_is_told(alice, mails):
    before = len(mails(alice.email))
    change(alice, "alice.new@example.com")
    told = mails(alice.email)[before:]
    assert len(told) == 1
    assert not any(
        line.startswith("Token:") for line in told[0].get_body(("plain",)).get_content().splitlines()
    )


@pytest.mark.parametrize("password", ["wrong password 99", ""])
def test_the_address_moves_only_with_the_password(alice, mails, password):
    body = {"email": "alice.new@example.com", "password": password}
    expect.refused(alice.post("/api/auth/email/change/", json=body))
    assert mails("alice.new@example.com") == []


@pytest.mark.parametrize("email", ["", "alice", "a@b@example.com", "x@example.com\nBcc: y@example.com", None])
def test_the_new_address_must_be_one(alice, email):
    expect.invalid(change(alice, email), "email")


def test_nobody_moves_to_the_address_of_somebody_else(alice, bob, sign_in):
    response = change(alice, bob.email.upper())
    assert response.status_code in (202, 409)
    assert me(alice)["email"] == alice.email
    assert sign_in(bob.email, bob.password).user["id"] == bob.user["id"]


def test_an_address_taken_meanwhile_is_not_taken_over(alice, anonymous, sign_up, sign_in, mail_token):
    change(alice, "wanted@example.com")
    token = mail_token("wanted@example.com")
    owner = sign_up(email="wanted@example.com", password="violet lantern 42")
    expect.refused(verify(anonymous, token))
    assert me(alice)["email"] == alice.email
    assert sign_in("wanted@example.com", "violet lantern 42").user["id"] == owner.user["id"]


def test_of_two_who_want_one_address_one_gets_it(alice, bob, anonymous, mail_token, in_parallel):
    change(alice, "wanted@example.com")
    for_alice = mail_token("wanted@example.com")
    change(bob, "wanted@example.com")
    for_bob = mail_token("wanted@example.com")
    answers = in_parallel([lambda: verify(anonymous, for_alice), lambda: verify(anonymous, for_bob)])
    assert sum(answer.status_code == 200 for answer in answers) == 1
    assert sorted([me(alice)["email"], me(bob)["email"]]).count("wanted@example.com") == 1


def test_the_token_for_the_first_address_does_not_confirm_the_second(alice, anonymous, mail_token):
    first = mail_token(alice.email)
    change(alice, "alice.new@example.com")
    verify(anonymous, first)
    assert me(alice)["email"] == alice.email


def test_a_name_cannot_add_lines_to_a_mail(anonymous, mails):
    body = {
        "email": "mallory@example.com",
        "password": "violet lantern 42",
        "name": "M\r\nBcc: all@example.com",
    }
    status = anonymous.post("/api/auth/register/", json=body).status_code
    assert status in (201, 422)
    sent = mails("mallory@example.com")
    assert len(sent) == (status == 201)
    assert all(mail["Bcc"] is None for mail in sent)


@pytest.mark.parametrize("page", ["/verify-email", "/reset-password"])
def test_the_pages_that_mails_link_to_are_served_here(anonymous, page):
    response = anonymous.get(page)
    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert "default-src" in response.headers["Content-Security-Policy"]
