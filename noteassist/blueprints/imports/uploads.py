"""The one file of an upload, out of a multipart body (RFC 7578)."""

from dataclasses import dataclass
from io import BytesIO
from typing import IO

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from noteassist.bodies import LARGEST_UPLOAD, LARGEST_UPLOAD_BODY, UPLOAD_TYPE
from noteassist.errors import BodyTooLarge, MalformedRequest, Unprocessable, UnsupportedMediaType
from noteassist.services.imports.drafts import clean_line

FIELD = "file"
LONGEST_NAME, LONGEST_TYPE = 255, 120
# What the parser may hold of a field that is no file; it reads 64 KiB at a time.
MOST_BUFFERED = 256 * 1024


@dataclass(frozen=True)
class Upload:
    """A file as it was sent; its name is what the sender calls it."""

    name: str
    media_type: str
    content: bytes


def allow_upload() -> None:
    """Let this request have the body that the front door let through."""
    request.max_content_length = LARGEST_UPLOAD_BODY


def read_upload() -> Upload:
    """Read the file of this request.

    Raises UnsupportedMediaType, MalformedRequest, BodyTooLarge, and Unprocessable for none, several or another field.
    """
    if request.mimetype != UPLOAD_TYPE:
        raise UnsupportedMediaType("Send the file as multipart/form-data, in the field “file”.")
    body = request.get_data(cache=True)
    try:
        # In memory: what was uploaded is not written to a disk of the server.
        parser = MultiPartParser(
            stream_factory=_memory, max_form_memory_size=MOST_BUFFERED, max_form_parts=10
        )
        boundary = request.mimetype_params.get("boundary", "").encode("ascii")
        fields, files = parser.parse(BytesIO(body), boundary, len(body))
    except RequestEntityTooLarge as error:
        raise _invalid("Send one file and nothing else.") from error
    except ValueError as error:
        raise MalformedRequest("The multipart body is cut off or malformed.") from error
    given = [*fields.keys(), *files.keys()]
    if any(name != FIELD for name in given):
        raise _invalid(
            "Unknown field; the file goes into the field “file”.", next(n for n in given if n != FIELD)
        )
    sent = files.getlist(FIELD)
    if fields or not sent or not sent[0].filename:
        raise _invalid("Send a file, with its name.")
    if len(sent) > 1:
        raise _invalid("Send one file at a time.")
    content = sent[0].stream.read()
    if len(content) > LARGEST_UPLOAD:
        raise BodyTooLarge
    if not content:
        raise _invalid("The file is empty.")
    name = clean_line(sent[0].filename)[-LONGEST_NAME:] or FIELD
    return Upload(name, clean_line(sent[0].mimetype)[:LONGEST_TYPE], content)


def _memory(*_: object, **__: object) -> IO[bytes]:
    return BytesIO()


def _invalid(message: str, field: str = FIELD) -> Unprocessable:
    return Unprocessable(errors={"form": {field[:LONGEST_NAME]: [message]}})
