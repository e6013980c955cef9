"""Calls to Google over HTTP: each within a deadline, its answer bounded, its failures in our words.

Whoever calls holds no database connection meanwhile.
"""

import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx
import orjson

from noteassist.config import Settings
from noteassist.services.drive.trouble import (
    LIMITS,
    OPERATORS,
    REFUSALS,
    AccessExpired,
    AlreadyThere,
    GoogleAway,
    GoogleError,
    GoogleRefused,
    Misconfigured,
    NotThere,
    RateLimited,
    pause_of,
)

CONNECT_SECONDS = 5.0
# What Google tells about a file or a token is some hundred bytes.
LARGEST_ANSWER = 1 << 20
Json = dict[str, Any]
MEANINGS: Mapping[int, type[GoogleError]] = {
    HTTPStatus.UNAUTHORIZED: AccessExpired,
    HTTPStatus.NOT_FOUND: NotThere,
    HTTPStatus.GONE: NotThere,
    HTTPStatus.CONFLICT: AlreadyThere,
}


@dataclass(frozen=True)
class Answer:
    """An answer that has been read as a whole; names of headers are in any case."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_success(self) -> bool:
        """Say whether it is a 2xx."""
        return self.status // 100 == 2

    def json(self) -> Json:
        """Read a JSON object; raises GoogleAway: a proxy on the way answers with HTML and 200."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise GoogleAway("Google's answer cannot be read.") from error
        if not isinstance(value, dict):
            raise GoogleAway("Google's answer cannot be read.")
        return value

    def text_of(self, name: str) -> str:
        """Read a text of the JSON object that must be there; raises GoogleAway."""
        value = self.json().get(name)
        if not isinstance(value, str) or not value:
            raise GoogleAway("Google's answer cannot be read.")
        return value

    def checked(self) -> Self:
        """Give the answer where it is a success; raises GoogleError of the kind that its status means."""
        if not self.is_success:
            raise self.error()
        return self

    def error(self) -> GoogleError:
        """Say what went wrong, as an exception."""
        pause = pause_of(self.headers.get("Retry-After"))
        if self.status in MEANINGS:
            return MEANINGS[self.status]()
        if self.status == HTTPStatus.FORBIDDEN:
            return self._forbidden(pause)
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimited(pause=pause)
        if self.status in range(400, 500) and self.status != HTTPStatus.REQUEST_TIMEOUT:
            return GoogleRefused(f"Google Drive refuses this (status {self.status}).")
        return GoogleAway(f"Google Drive has trouble (status {self.status}).", pause=pause)

    def _forbidden(self, pause: float | None) -> GoogleError:
        reasons = self._reasons()
        if reasons & LIMITS:
            return RateLimited(pause=pause)
        if reasons & OPERATORS:
            return Misconfigured()
        for reason, (code, detail) in REFUSALS.items():
            if reason in reasons:
                return GoogleRefused(detail, code=code)
        # Without a reason it does not come from Drive, but from something on the way.
        return GoogleRefused(code="drive_forbidden") if reasons else GoogleAway(pause=pause)

    def _reasons(self) -> set[str]:
        with suppress(GoogleAway, AttributeError, TypeError):
            error = self.json().get("error")
            listed = [*error.get("errors", ()), *error.get("details", ())] if isinstance(error, dict) else []
            return {str(one["reason"]) for one in listed if isinstance(one, dict) and "reason" in one}
        return set()


class Line:
    """A line to Google for one piece of work, inside its `with` block; for one thread."""

    def __init__(self, settings: Settings) -> None:
        self.seconds = settings.google_deadline
        timeout = httpx.Timeout(self.seconds, connect=min(CONNECT_SECONDS, self.seconds))
        self.client = httpx.Client(verify=_certificates(), timeout=timeout, follow_redirects=False)
        self.socket: socket.socket | None = None
        self.is_late = False

    def __enter__(self) -> Self:
        """Be ready; the line is opened with the first call."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the line."""
        self.client.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        largest: int = LARGEST_ANSWER,
    ) -> Answer:
        """Send a request and read its answer, at most `largest` bytes of it.

        Raises GoogleAway when the line breaks or the deadline passes, GoogleRefused when the answer is larger.
        """
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        extensions = {"trace": self._watch}
        try:
            with (
                self._deadline(),
                self.client.stream(
                    method, url, headers=sent, content=content, extensions=extensions
                ) as response,
            ):
                body = b"".join(_bounded(response, largest))
                return Answer(response.status_code, response.headers, body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            is_late = self.is_late or isinstance(error, httpx.TimeoutException)
            raise GoogleAway("Google does not answer in time." if is_late else None) from error

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        """Shut the socket when the block takes longer than a call may.

        A reading time-out bounds the silence between two bytes; one who sends a byte now and then is never silent.
        """
        self.is_late = False
        timer = threading.Timer(self.seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        self.is_late = True
        if self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)

    def _watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember the socket, as httpcore tells of it (its `trace` extension)."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.socket = info["return_value"].get_extra_info("socket")
            if self.is_late:
                self._cut()


def _bounded(response: httpx.Response, largest: int) -> Iterator[bytes]:
    size = 0
    for piece in response.iter_raw():
        size += len(piece)
        if size > largest:
            raise GoogleRefused("Google's answer is too large.", code="drive_file_too_large")
        yield piece


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Load the certificates once: it takes longer than most calls."""
    return ssl.create_default_context()


def md5_of(content: bytes | bytearray) -> str:
    """Give the MD5 of a file in hexadecimal, as Drive does: against accidents, not against enemies."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
