"""Answers that are files."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from flask import Flask, Response, current_app

from noteassist import db
from noteassist.api import idempotency
from noteassist.api.answers import VARY, to_json
from noteassist.api.streams import current_share, leave_slot
from noteassist.errors import ServerBusy
from noteassist.services.exports.asking import LONGEST_SECONDS
from noteassist.services.files import FileDetails


def attachment(name: str, media_type: str, content: bytes) -> Response:
    """Answer with a file that a browser saves and never shows."""
    return Response(content, headers=_headers(name), content_type=media_type)


def stored_attachment(details: FileDetails, pieces: Iterator[bytes]) -> Response:
    """Answer with a file that is kept, piece by piece, on a thread of the streams; raises ServerBusy without one.

    Its `Repr-Digest` (RFC 9530) lets the client see that it has the whole.
    """
    give_back = current_share().take()
    if give_back is None:
        raise ServerBusy
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # the documented way
    digest = b64encode(details.sha256).decode()
    headers = _headers(details.name) | {"Repr-Digest": f"sha-256=:{digest}:"}
    response = Response(_read(app, pieces), headers=headers, content_type=details.media_type)
    response.content_length = details.size
    response.call_on_close(give_back)
    return response


def streamed_attachment(name: str, media_type: str, pieces: Iterator[bytes]) -> Response:
    """Answer with a file that is made while it is sent, on a thread of the streams; raises ServerBusy without one."""
    give_back = current_share().take()
    if give_back is None:
        raise ServerBusy
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # the documented way
    response = Response(_read(app, pieces), headers=_headers(name), content_type=media_type)
    response.call_on_close(give_back)
    return response


def _read(app: Flask, pieces: Iterator[bytes]) -> Iterator[bytes]:
    while True:
        with app.app_context():
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece


def _headers(name: str) -> dict[str, str]:
    """Give the headers of a file; its name for old clients is ASCII, the other is as RFC 6266 and RFC 8187 say."""
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "_" for letter in name)
    plain = plain.translate(str.maketrans('"\\/%', "____"))
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "private, no-store",
        "Vary": VARY,
    }


@contextmanager
def set_aside() -> Iterator[None]:
    """Make a file inside the block, which may take long: no connection is held, nor a slot while streams have threads.

    What the request wrote before is committed.
    """
    if db.is_in_transaction():
        idempotency.keep(_broken_off(), is_final=False, seconds=LONGEST_SECONDS)
        db.checkpoint()
        db.after_rollback(idempotency.forget)
    else:
        db.end_request()
    give_back = current_share().take()
    if give_back is None:
        yield
        return
    try:
        leave_slot()
        yield
    finally:
        give_back()


def _broken_off() -> Response:
    """Make what a repeated request is told when this process dies meanwhile."""
    body = {"code": "download_broken_off", "detail": "The file was not made; ask with another key."}
    return Response(to_json(body), headers={"Cache-Control": "no-store"}, mimetype="application/json")
