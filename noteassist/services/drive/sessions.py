"""Resumable upload sessions (https://developers.google.com/drive/api/guides/manage-uploads#resumable)."""

import re
from dataclasses import dataclass

import orjson

from noteassist.services.drive import endpoints
from noteassist.services.drive.calls import Answer
from noteassist.services.drive.drive import FIELDS, Drive

# Google takes chunks of multiples of 256 KiB, but for the last one.
CHUNK = 4 * 256 * 1024
RESUME_INCOMPLETE = 308
RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,15})")


@dataclass(frozen=True)
class Content:
    """The bytes of a file, and what Drive is to know of them."""

    name: str
    media_type: str
    body: bytes
    md5: str

    @property
    def size(self) -> int:
        """Give the number of bytes."""
        return len(self.body)


def start(drive: Drive, content: Content, file_id: str, *, is_replacing: bool) -> str:
    """Start a session that makes the file with this id, or replaces its bytes; gives the session's address.

    Raises AlreadyThere, NotThere (nothing to replace), and what `Drive.call` raises.
    """
    bare_type = content.media_type.partition(";")[0].strip()
    about = {"name": content.name, "mimeType": bare_type}
    upload = endpoints.at(drive.settings, endpoints.UPLOAD)
    query = f"?uploadType=resumable&fields={FIELDS}"
    headers = {
        "Content-Type": "application/json; charset=UTF-8",
        "X-Upload-Content-Type": bare_type,
        "X-Upload-Content-Length": str(content.size),
    }
    if is_replacing:
        answer = drive.call(
            "PATCH", f"{upload}/{file_id}{query}", headers=headers, content=orjson.dumps(about)
        )
    else:
        body = orjson.dumps(about | {"id": file_id})
        answer = drive.call("POST", f"{upload}{query}", headers=headers, content=body)
    return endpoints.session_at(drive.settings, answer.headers.get("Location", ""))


def ask(drive: Drive, address: str, size: int) -> Answer:
    """Ask a session how far it is; the answer is a 308 with the range, or the file."""
    headers = {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
    return drive.send("PUT", address, headers=headers, content=b"")


def send_chunk(drive: Drive, address: str, content: Content, offset: int) -> Answer:
    """Send the next bytes; the answer is a 308 with what has arrived, or the file."""
    part = content.body[offset : offset + CHUNK]
    last = offset + len(part) - 1
    headers = {
        "Content-Range": f"bytes {offset}-{last}/{content.size}",
        "Content-Type": content.media_type.partition(";")[0].strip(),
    }
    return drive.send("PUT", address, headers=headers, content=part)


def received(answer: Answer) -> int:
    """Read from a 308 how many bytes have arrived; no range means none."""
    found = RANGE.fullmatch(answer.headers.get("Range", "").strip())
    return int(found[1]) + 1 if found else 0
