"""Who sits at the console: the cookie of `/admin`, and what protects a browser that has one."""

import hmac
from typing import cast
from urllib.parse import urlsplit

from flask import current_app, g, request

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import Forbidden, NotAuthenticated
from noteassist.security.guards import let_in, require_admin
from noteassist.security.tokens import derived_key
from noteassist.security.visits import Visit, live_visit, note_visit

COOKIE = "noteassist_console"
COOKIE_PATH = "/admin"
CSRF_FIELD, CSRF_HEADER = "csrf_token", "X-CSRFToken"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def at_console() -> None:
    """Let in whoever is signed in at the console; raises NotAuthenticated, and Forbidden for a forged request."""
    now = db.utcnow()
    visit = live_visit(request.cookies.get(COOKIE, ""), now)
    if visit is None:
        raise NotAuthenticated("Sign in to the console.")
    g.visit = visit
    let_in(visit.actor)
    if request.method not in SAFE_METHODS:
        require_same_origin()
        _require_csrf_token()
    note_visit(visit, now)


def admin_at_console() -> None:
    """Let administrators in, see `at_console`; raises Forbidden for everybody else."""
    at_console()
    require_admin()


def current_visit() -> Visit | None:
    """Give the visit that the guard let in; None before anybody has signed in."""
    visit: Visit | None = g.get("visit")
    return visit


def csrf_token(secret_key: str, cookie: str) -> str:
    """Derive the token that the forms of a visit carry: whoever cannot read the cookie cannot make it."""
    return hmac.new(derived_key(secret_key, "console-csrf"), cookie.encode(), "sha256").hexdigest()


def _require_csrf_token() -> None:
    given = request.form.get(CSRF_FIELD, "") or request.headers.get(CSRF_HEADER, "")
    expected = csrf_token(_settings().secret_key, request.cookies.get(COOKIE, ""))
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise Forbidden("This form is out of date; go back, reload the page and try again.", code="csrf")


def require_same_origin() -> None:
    """Refuse an unsafe request that did not come from a page of this server; raises Forbidden."""
    site, origin = request.headers.get("Sec-Fetch-Site", ""), request.headers.get("Origin", "")
    if site not in {"", "same-origin"} or not (site or origin) or not _is_ours(site, origin):
        raise Forbidden("This did not come from a page of this server.", code="cross_origin")


def _is_ours(site: str, origin: str) -> bool:
    # Without an origin the browser's own word counts, which no page can forge.
    if origin in {"", "null"}:
        return site == "same-origin"
    return origin == _settings().public_url or urlsplit(origin).netloc == request.host


def _settings() -> Settings:
    return cast("Settings", current_app.config["SETTINGS"])
