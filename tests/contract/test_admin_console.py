"""The console: signing in by form, its pages, and what keeps forged requests out."""

import re
from html.parser import HTMLParser

import pytest
from sqlalchemy import text as sql

from noteassist import db
from noteassist.security.visits import IDLE, LIFE
from tests.people import PASSWORD

from . import ai, expect
from .browser import HOST, OWN, SIGN_IN, Browser, text, token_in

PAGES = ["", "users/", "ai-usage/", "tasks/", "audit-log/", "system/", "rq/"]
CSP = "script-src"


@pytest.fixture
def browser(app):
    """A browser that is not signed in."""
    return Browser(app)


@pytest.fixture
def console(browser, root):
    """Root's browser at the console."""
    assert browser.sign_in(root.email).status_code == 303
    return browser


def entries(app, actor):
    with app.app_context():
        found = sql("SELECT action FROM audit_log WHERE actor_id = :id ORDER BY id")
        return [row.action for row in db.read_rows(found, {"id": actor.user["id"]})]


@pytest.mark.parametrize("page", [*PAGES, "users/1/", "no-such-page/", "rq/0/view/workers"])
def test_who_is_signed_out_is_sent_to_the_sign_in_and_back(browser, page):
    answer = browser.get(f"/admin/{page}")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{SIGN_IN}?next=/admin/{page}"


def test_an_access_token_opens_no_page_and_the_cookie_no_api(app, root, console):
    assert root.get("/admin/").status_code == 303
    assert console.get("/api/admin/overview/").status_code == 401
    cookie = console.client.get_cookie("noteassist_console", path="/admin")
    headers = {"Cookie": f"noteassist_console={cookie.value}"}
    expect.unauthorized(root.open("/api/auth/me/", headers={**headers, "Authorization": ""}))


@pytest.mark.parametrize("page", PAGES)
def test_a_plain_user_may_sign_in_and_sees_nothing(browser, alice, page):
    assert browser.sign_in(alice.email).status_code == 303
    answer = browser.get(f"/admin/{page}")
    assert answer.status_code == 403
    assert "for administrators" in text(answer)


def test_the_cookie_is_for_the_console_alone_and_for_no_script(browser, root, context):
    answer = browser.sign_in(root.email)
    cookie = answer.headers["Set-Cookie"]
    assert re.search(r"; HttpOnly; Path=/admin; SameSite=Strict$", cookie), cookie
    value = re.match(r"noteassist_console=([^;]+)", cookie)[1]
    assert len(value) >= 43
    [kept] = db.read_rows(sql("SELECT token_hash FROM console_sessions"))
    assert value.encode() not in bytes(kept.token_hash)


def test_on_https_the_cookie_is_secure(browser, root, settings):
    usual = settings.public_url
    object.__setattr__(settings, "public_url", "https://notes.example.org")
    try:
        answer = browser.sign_in(root.email)
    finally:
        object.__setattr__(settings, "public_url", usual)
    assert "; Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "next_page", ["//evil.example", "https://evil.example/admin/", "/admin/..//x", "/api/", "/admin/\\x", "x"]
)
def test_the_way_after_the_sign_in_stays_in_the_console(browser, root, next_page):
    answer = browser.sign_in(root.email, next=next_page)
    assert answer.headers["Location"] == "/admin/"


def test_the_way_after_the_sign_in_is_where_one_was_going(browser, root):
    answer = browser.sign_in(root.email, next="/admin/users/?role=admin&q=a%40b")
    assert answer.headers["Location"] == "/admin/users/?role=admin&q=a%40b"


def test_a_wrong_password_is_told_and_written_down_for_administrators(app, browser, root, alice):
    for client in (root, alice):
        answer = browser.sign_in(client.email, "not the password")
        assert answer.status_code == 401
        assert "E-mail or password is wrong." in text(answer)
        assert "Set-Cookie" not in answer.headers and "not the password" not in text(answer)
    assert entries(app, root) == ["console.sign_in_failed"]
    assert entries(app, alice) == []


def test_signing_in_and_out_is_written_down(app, console, root):
    answer = console.submit("/admin/", "/admin/sign-out/")
    assert (answer.status_code, answer.headers["Location"]) == (303, SIGN_IN)
    assert console.get("/admin/").status_code == 303
    assert entries(app, root) == ["console.sign_in", "console.sign_out"]


def test_a_copied_cookie_is_dead_after_signing_out(app, console):
    copy = Browser(app)
    value = console.client.get_cookie("noteassist_console", path="/admin").value
    copy.client.set_cookie("noteassist_console", value, path="/admin")
    assert copy.get("/admin/").status_code == 200
    console.submit("/admin/", "/admin/sign-out/")
    assert copy.get("/admin/").status_code == 303


def test_ending_all_sessions_ends_the_console_too(console, root):
    assert root.post("/api/auth/logout-all/").status_code == 204
    assert console.get("/admin/").status_code == 303


def test_who_is_demoted_or_disabled_is_out_at_once(app, console, root, alice):
    with app.app_context(), db.transaction():
        db.execute(sql("UPDATE users SET role = 'user' WHERE id = :id"), {"id": root.user["id"]})
    assert console.get("/admin/").status_code == 403
    with app.app_context(), db.transaction():
        db.execute(sql("UPDATE users SET is_active = FALSE WHERE id = :id"), {"id": root.user["id"]})
    assert console.get("/admin/").status_code == 303


def test_who_does_nothing_for_a_while_is_out(console, move_clock):
    move_clock(IDLE.total_seconds() - 60)
    assert console.get("/admin/").status_code == 200
    move_clock(IDLE.total_seconds() - 60)
    assert console.get("/admin/").status_code == 200
    move_clock(IDLE.total_seconds() + 60)
    assert console.get("/admin/").status_code == 303


def test_nobody_stays_for_ever(console, move_clock):
    for _ in range(int(LIFE / IDLE) + 2):
        move_clock(IDLE.total_seconds() - 60)
        console.get("/admin/")
    assert console.get("/admin/").status_code == 303


FOREIGN = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": HOST, "Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_from_elsewhere_is_refused(console, root, alice, headers):
    token = token_in(console.get("/admin/"))
    path = f"/admin/users/{alice.user['id']}/"
    answer = console.post(path, {"csrf_token": token, "role": "admin"}, headers)
    assert answer.status_code == 403
    assert console.post(SIGN_IN, {"email": root.email, "password": PASSWORD}, headers).status_code == 403
    assert alice.get("/api/auth/me/").json["role"] == "user"


@pytest.mark.parametrize(
    "headers", [OWN, {"Origin": HOST}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}]
)
def test_a_form_of_our_own_is_taken_however_the_browser_says_so(console, alice, headers):
    form = {"csrf_token": token_in(console.get("/admin/")), "subscription_tier": "PRO"}
    assert console.post(f"/admin/users/{alice.user['id']}/", form, headers).status_code == 303


@pytest.mark.parametrize("token", ["", "0" * 64])
def test_a_form_without_its_token_is_refused(console, alice, token):
    form = {"csrf_token": token, "role": "admin"}
    assert console.post(f"/admin/users/{alice.user['id']}/", form).status_code == 403


def test_the_token_of_another_visit_is_worthless(app, console, root, alice):
    other = Browser(app)
    other.sign_in(root.email)
    form = {"csrf_token": token_in(other.get("/admin/")), "role": "admin"}
    assert console.post(f"/admin/users/{alice.user['id']}/", form).status_code == 403


@pytest.mark.parametrize("page", [*PAGES, "sign-in/"])
def test_pages_run_nothing_and_load_nothing_from_elsewhere(console, page):
    answer = console.get(f"/admin/{page}")
    assert answer.status_code == 200, text(answer)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and CSP not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers.getlist("Referrer-Policy") == ["same-origin"]
    body = text(answer)
    assert "<script" not in body and " style=" not in body and "<style" not in body
    assert not re.search(r"""(src|href)=["'](?!/admin/|#)""", body)


class Outline(HTMLParser):
    """What a screen reader needs of a page."""

    def __init__(self):
        super().__init__()
        self.labels, self.fields, self.headings, self.tables, self.captions = set(), [], [], 0, 0
        self.ids = []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.labels |= {found["for"]} if tag == "label" else set()
        if tag in {"input", "select"} and found.get("type") != "hidden":
            self.fields.append(found["id"])
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.tables += tag == "table"
        self.captions += tag == "caption"


@pytest.mark.parametrize("page", [*PAGES, "sign-in/", "users/{}/"])
def test_every_page_can_be_read_aloud(console, root, page):
    page = page.format(root.user["id"])
    body = text(console.get(f"/admin/{page}"))
    outline = Outline()
    outline.feed(body)
    assert '<html lang="en">' in body and 'href="#content"' in body and 'id="content"' in body
    assert outline.headings[0] == 1 and outline.headings.count(1) == 1
    assert set(outline.fields) <= outline.labels
    assert outline.tables == outline.captions
    assert len(set(outline.ids)) == len(outline.ids)


def test_users_are_found_and_changed(app, console, root, alice):
    assert "alice@example.com" in text(console.get("/admin/users/?q=ali&role=&tier=&is_active="))
    assert "alice@example.com" not in text(console.get("/admin/users/?role=admin"))
    path = f"/admin/users/{alice.user['id']}/"
    form = {"role": "admin", "subscription_tier": "BASIC", "is_active": "true"}
    answer = console.submit(path, path, **form)
    assert answer.headers["Location"] == f"{path}?done=1"
    assert "Saved." in text(console.get(f"{path}?done=1"))
    assert alice.get("/api/admin/users/").status_code == 200
    assert entries(app, root)[-1] == "user.update"


def test_what_is_refused_is_said(console, root):
    path = f"/admin/users/{root.user['id']}/"
    answer = console.submit(path, path, role="user", subscription_tier="FREE", is_active="true")
    assert answer.status_code == 409 and "last active administrator" in text(answer)
    answer = console.submit(path, path, role="king")
    assert answer.status_code == 422 and "role" in text(answer)
    assert console.get("/admin/users/?role=king").status_code == 422
    assert console.get("/admin/users/?cursor=forged").status_code == 400
    assert console.get("/admin/no-such-page/").status_code == 404


def test_lists_have_pages(app, console, sign_up):
    for number in range(3):
        sign_up(email=f"user{number}@example.com")
    body = text(console.get("/admin/users/?page_size=2"))
    [older] = re.findall(r'rel="next" href="([^"]+)"', body)
    assert "user1@example.com" in body and "user0@example.com" in text(console.get(older))


def test_tasks_are_cancelled_and_done_again(console, alice):
    task_id = ai.ask(alice, "improve", content="teh text").json["task_id"]
    for deed, status in (("cancel", "cancelled"), ("retry", "queued")):
        answer = console.submit("/admin/tasks/", f"/admin/tasks/{task_id}/{deed}/")
        assert answer.status_code == 303
        assert alice.get(f"/api/tasks/{task_id}/").json["status"] == status


def test_what_users_write_stands_in_pages_as_text(console, root, sign_up):
    mallory = sign_up(email="mallory@example.com", name="<script>alert(1)</script>")
    for page in ("users/", f"users/{mallory.user['id']}/"):
        raw = console.get(f"/admin/{page}").get_data(as_text=True)
        assert "<script>" not in raw and "&lt;script&gt;" in raw


def test_without_redis_the_queue_page_says_that_tasks_run_here(console):
    assert "tasks run in the server" in text(console.get("/admin/rq/"))


def test_charts_say_in_words_what_they_show(console, alice, do_tasks):
    ai.ask(alice, "improve", content="teh text")
    do_tasks()
    body = text(console.get("/admin/ai-usage/"))
    assert "1 in 30 days, at most 1 in a day." in body
    assert re.search(r'<rect class="bar improve".*?<title>[0-9-]+: 1 improve</title>', body)


def test_forms_are_taken_at_the_console_alone_and_only_small_ones(anonymous, browser):
    answer = anonymous.post("/api/auth/token/", data={"email": "a@example.com", "password": "x"})
    expect.problem(answer, 415)
    assert browser.post(SIGN_IN, {"email": "a" * 70_000}).status_code == 413
