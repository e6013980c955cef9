"""How a page of the console is answered: its template, its headers, and errors as pages."""

from typing import Any
from urllib.parse import quote

from flask import Response, render_template, request

from noteassist.api.blueprints import Blueprint
from noteassist.api.settings import current_settings
from noteassist.errors import AppError, NotAuthenticated, status_title
from noteassist.security.console import csrf_token, current_visit

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    # Under the API's `no-referrer` browsers would not say where a form comes from.
    "Referrer-Policy": "same-origin",
}
SIGN_IN = "/admin/sign-in/"


def page(template: str, status: int = 200, **values: Any) -> Response:
    """Answer with a page of the console."""
    visit = current_visit()
    token = csrf_token(current_settings().secret_key, visit.cookie) if visit else ""
    content = render_template(f"console/{template}", visit=visit, csrf_token=token, **values)
    return Response(content, status, HEADERS, mimetype="text/html")


def go_to(path: str) -> Response:
    """Send the browser to another page, which it reads with GET."""
    return Response(status=303, headers={"Location": path, **HEADERS})


def show_errors(blueprint: Any) -> None:
    """Let a blueprint answer its refusals as pages; who is not signed in is sent to the sign-in."""
    blueprint.register_error_handler(NotAuthenticated, _to_sign_in)
    blueprint.register_error_handler(AppError, error_page)


def _to_sign_in(_error: NotAuthenticated) -> Response:
    wanted = request.full_path.rstrip("?") if request.method == "GET" else ""
    return go_to(f"{SIGN_IN}?next={quote(wanted)}" if wanted else SIGN_IN)


def error_page(error: AppError) -> Response:
    """Show what was refused, and why."""
    request_id = request.environ.get("noteassist.request_id", "")
    answer = page(
        "error.html", error.status, title=status_title(error.status), error=error, request_id=request_id
    )
    for name, value in error.headers.items():
        if name == "Retry-After":
            answer.headers[name] = value
    return answer


def blueprint_of(name: str, guard: Any) -> Blueprint:
    """Make a blueprint of the console's pages."""
    made = Blueprint(name, __name__, url_prefix="/admin", guard=guard)
    show_errors(made)
    return made
