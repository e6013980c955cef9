"""The bodies of requests: how large they may be, and the JSON gate."""

from io import BytesIO
from wsgiref.types import WSGIEnvironment

from noteassist import json_gate
from noteassist.errors import BodyTooLarge, BodyTooSlow, MalformedRequest, UnsupportedMediaType
from noteassist.slow_bodies import Reading, Watcher

LARGEST_BODY = 2 * 1024 * 1024
LARGEST_UPLOAD = 25 * 1024 * 1024
# Beside the file itself there are the lines around it.
LARGEST_UPLOAD_BODY = LARGEST_UPLOAD + 64 * 1024
UPLOAD_PATHS = frozenset({"/api/notes/import/"})
UPLOAD_TYPE = "multipart/form-data"
METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# Where browsers send forms.
FORM_PATHS = "/admin/"
FORM_TYPE = "application/x-www-form-urlencoded"
LARGEST_FORM = 64 * 1024
# A body that says it is no larger is kept in memory without much ado.
SMALL_BODY = 64 * 1024

# Where the door leaves how a request is refused whose body is still being read.
REFUSAL = "noteassist.refusal"

_watcher = Watcher()


def is_upload(environ: WSGIEnvironment) -> bool:
    """Say whether a request brings a file, to one of the few paths that take one."""
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    is_there = environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] in UPLOAD_PATHS
    return is_there and media_type == UPLOAD_TYPE


def is_form(environ: WSGIEnvironment) -> bool:
    """Say whether a request brings a form of one of the console's pages."""
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    is_there = environ["REQUEST_METHOD"] == "POST" and str(environ["PATH_INFO"]).startswith(FORM_PATHS)
    return is_there and media_type == FORM_TYPE


def is_large(environ: WSGIEnvironment) -> bool:
    """Say whether a request brings, or may bring, more than any JSON may have."""
    declared = environ.get("CONTENT_LENGTH") or ""
    return is_upload(environ) and not (declared.isdigit() and int(declared) <= LARGEST_BODY)


def is_small(environ: WSGIEnvironment) -> bool:
    """Say whether a request has a small body, and says so, or none."""
    declared = environ.get("CONTENT_LENGTH") or ""
    if not declared:
        return "HTTP_TRANSFER_ENCODING" not in environ
    return declared.isascii() and declared.isdigit() and int(declared) <= SMALL_BODY


def _largest_body(environ: WSGIEnvironment) -> int:
    # Nobody who does not even claim to be signed in makes this process hold a large file.
    if is_form(environ):
        return LARGEST_FORM
    is_signed = "HTTP_AUTHORIZATION" in environ or "HTTP_X_API_KEY" in environ
    return LARGEST_UPLOAD_BODY if is_signed and is_upload(environ) else LARGEST_BODY


def gate_body(environ: WSGIEnvironment) -> None:
    """Read the body within its limit and, where it must be JSON, parse it into `noteassist.json`.

    Raises BodyTooLarge, BodyTooSlow, UnsupportedMediaType, MalformedRequest, Unprocessable.
    """
    environ["noteassist.json"] = None
    if environ["REQUEST_METHOD"] in METHODS_WITHOUT_BODY:
        return
    body = _read_body(environ)
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    if not body:
        return
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body without a content encoding.")
    if is_upload(environ) or is_form(environ):
        return
    media_type, _, parameters = environ.get("CONTENT_TYPE", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() != "application/json" or charset not in {"", "charset=utf-8"}:
        raise UnsupportedMediaType
    # In a tuple, so that a body which is `null` differs from no body.
    environ["noteassist.json"] = (json_gate.parse(body),)


def _read_body(environ: WSGIEnvironment) -> bytes:
    declared = environ.get("CONTENT_LENGTH") or ""
    if declared and not (declared.isascii() and declared.isdigit()):
        raise MalformedRequest("Content-Length is not a number.")
    largest = _largest_body(environ)
    if declared and int(declared) > largest:
        raise BodyTooLarge
    if declared == "0":
        return b""
    if not declared and "HTTP_TRANSFER_ENCODING" not in environ and not environ.get("wsgi.input_terminated"):
        return b""
    if not declared:
        body = _read(environ, largest + 1)
        if len(body) > largest:
            raise BodyTooLarge
        return body
    content = _read(environ, int(declared))
    if len(content) < int(declared):
        raise MalformedRequest("The body is shorter than its Content-Length.")
    return content


def _read(environ: WSGIEnvironment, size: int) -> bytes:
    """Read at most so many bytes; raises BodyTooSlow."""
    reading = Reading(environ.get("gunicorn.socket"), environ.get(REFUSAL))
    _watcher.begin(reading)
    try:
        return reading.read(environ["wsgi.input"], size)
    finally:
        # Whatever was read, or raised because the input was ended.
        if _watcher.end(reading):
            raise BodyTooSlow
