"""Signing in at the console is bound by the same rules as signing in anywhere."""

from tests.people import ApiClient

from .browser import Browser, text
from .test_limits import make_app, redis_server, sign_in  # noqa: F401  # fixtures
from .test_two_factor import Device


def test_who_has_a_second_factor_needs_it_at_the_console_too(app, root, move_clock):
    device = Device(root)
    move_clock(30)
    browser = Browser(app)
    asked = browser.sign_in(root.email)
    assert (asked.status_code, "one-time code of your authenticator" in text(asked)) == (401, True)
    assert browser.sign_in(root.email, otp="000000").status_code == 401
    assert browser.get("/admin/").status_code == 303
    shown = device.shows()
    assert browser.sign_in(root.email, otp=shown).status_code == 303
    assert browser.get("/admin/").status_code == 200
    # What was used once opens no second console, and no session of the API.
    assert Browser(app).sign_in(root.email, otp=shown).status_code == 401
    assert Browser(app).sign_in(root.email, otp=device.codes[0]).status_code == 303


def test_tries_at_the_console_and_at_the_api_count_together(make_app):  # noqa: F811  # the fixture
    app = make_app(limit_sign_in=3)
    browser, client = Browser(app), ApiClient(app)
    assert [browser.sign_in("root@example.com", "wrong").status_code for _ in range(2)] == [401, 401]
    assert sign_in(client, "root@example.com").status_code == 401
    refused = browser.sign_in("Root@Example.com ", "wrong")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 900
    assert "Too Many Requests" in text(refused)
    assert sign_in(client, "root@example.com").status_code == 429
