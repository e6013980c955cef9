"""Errors as answers: one shape for ours, the framework's and the database's (RFC 9457)."""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from noteassist import db
from noteassist.api.answers import to_json
from noteassist.errors import PROBLEM_MEDIA_TYPE, AppError, problem, status_title

log = logging.getLogger(__name__)

# What Werkzeug, Flask and webargs raise, in our words.
FRAMEWORK_ERRORS: dict[int, tuple[str, str]] = {
    400: ("malformed_request", "The request cannot be read."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "This path does not take this method."),
    413: ("body_too_large", "The request body is too large."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    422: ("validation_error", "The request is not valid; see errors."),
    500: ("internal_error", "Something went wrong on our side."),
}
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


def register_errors(app: Flask) -> None:
    """Make the app answer every error in our shape."""
    app.register_error_handler(AppError, _app_error)
    app.register_error_handler(HTTPException, _framework_error)
    app.register_error_handler(Exception, _unexpected_error)


def answer_problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Make an error answer; `extra` are members beside the usual ones."""
    body = problem(status, code, detail, request.environ.get("noteassist.request_id", ""), errors)
    response = Response(
        to_json(body | dict(extra or {})), status, {"Cache-Control": "no-store", **(headers or {})}
    )
    response.headers["Content-Type"] = PROBLEM_MEDIA_TYPE
    return response


def _app_error(error: AppError) -> Response:
    return answer_problem(
        error.status,
        error.code,
        error.detail,
        errors=error.errors,
        headers=error.headers,
        extra=error.extra,
    )


def _framework_error(error: HTTPException) -> Response:
    status = error.code or 500
    fallback = (status_title(status).lower().replace(" ", "_"), f"{status_title(status)}.")
    code, detail = FRAMEWORK_ERRORS.get(status, fallback)
    data = getattr(error, "data", None) or {}
    headers = {name: value for name, value in error.get_headers() if name in KEPT_HEADERS}
    messages = data.get("messages")
    if status == 422 and isinstance(messages, dict):
        return answer_problem(status, code, detail, errors=messages)
    return answer_problem(status, code, detail, headers=headers)


def to_path_with_slash(error: RequestRedirect) -> Response:
    """Send callers who left the last slash out to the path with it, on whatever host they used."""
    target = urlsplit(error.new_url)
    response = Response(status=308)
    response.autocorrect_location_header = False
    response.location = urlunsplit(("", "", target.path, target.query, ""))
    del response.headers["Content-Type"]
    return response


def _unexpected_error(error: Exception) -> Response:
    translated = db.translated(error)
    if translated is not None:
        log.warning("the database failed: %s", str(error).partition("\n")[0])
        return _app_error(translated)
    log.error("unexpected error", exc_info=error)
    return answer_problem(500, "internal_error", "Something went wrong on our side.")
