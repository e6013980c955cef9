"""The way into the console and out of it."""

import re
from importlib.resources import files

from flask import Response, request, send_from_directory

from noteassist.account_errors import OtpRequired
from noteassist.api.limits import count_sign_in
from noteassist.api.settings import current_settings
from noteassist.blueprints.console.rendering import SIGN_IN, blueprint_of, go_to, page
from noteassist.errors import NotAuthenticated
from noteassist.security.console import COOKIE, COOKIE_PATH, at_console, current_visit, require_same_origin
from noteassist.security.guards import anyone, current_origin
from noteassist.services.administration import console as service

HOME = "/admin/"
WANTS_OTP = "Type the one-time code of your authenticator application too."
LONGEST = {"email": 254, "password": 128, "otp": 64}
# A page of the console and nothing else: neither another host nor another part of this one.
SAFE_NEXT = re.compile(r"/admin/(?!sign-)[A-Za-z0-9_.~/?&=%:+,@-]*")

door = blueprint_of("console_door", anyone)
way_out = blueprint_of("console_exit", at_console)


def next_page() -> str:
    """Give where to go after signing in; what is no page of the console counts as its first one."""
    wanted = request.values.get("next", "")
    is_safe = SAFE_NEXT.fullmatch(wanted) and "//" not in wanted and ".." not in wanted
    return wanted if is_safe else HOME


@door.page("/sign-in/")
def show_sign_in() -> Response:
    """Show the form to sign in with."""
    return page("sign_in.html", next=next_page(), email="", message="", wants_otp=False)


def typed(name: str) -> str:
    """Give what was typed into a field; what is too long for it is cut where it is wrong already."""
    return request.form.get(name, "").replace("\0", "")[: LONGEST[name] + 1]


@door.page("/sign-in/", method="POST")
def sign_in() -> Response:
    """Sign in; the cookie is for the console alone, and no script can read it."""
    require_same_origin()
    count_sign_in(typed("email"))
    cookie = service.open_visit(
        current_settings(),
        email=typed("email"),
        password=typed("password"),
        otp=typed("otp").replace(" ", "") or None,
        origin=current_origin(),
    )
    answer = go_to(next_page())
    answer.set_cookie(
        COOKIE,
        cookie,
        path=COOKIE_PATH,
        httponly=True,
        samesite="Strict",
        secure=current_settings().is_https,
    )
    return answer


def refuse_sign_in(error: NotAuthenticated) -> Response:
    """Show the form again, and say why; the password has to be typed again."""
    wants_otp = isinstance(error, OtpRequired) or bool(request.form.get("otp"))
    email = request.form.get("email", "")[: LONGEST["email"]]
    # The API's own words are for programs.
    message = WANTS_OTP if isinstance(error, OtpRequired) else error.detail
    return page("sign_in.html", 401, next=next_page(), email=email, message=message, wants_otp=wants_otp)


door.register_error_handler(NotAuthenticated, refuse_sign_in)


@door.page("/style.css")
def style() -> Response:
    """Give the stylesheet of the console."""
    return stylesheet("console.css")


@door.page("/queue.css")
def queue_style() -> Response:
    """Give what the queue's dashboard needs beside its own stylesheets."""
    return stylesheet("queue.css")


def stylesheet(name: str) -> Response:
    """Give one of our files."""
    return send_from_directory(str(files("noteassist") / "static"), name, max_age=3600)


@way_out.page("/sign-out/", method="POST")
def sign_out() -> Response:
    """Sign out."""
    if visit := current_visit():
        service.close_visit(visit, current_origin())
    answer = go_to(SIGN_IN)
    answer.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="Strict")
    return answer
