"""Event streams (server-sent events) and requests that wait: both hold a thread while nothing happens.

They have threads of their own, so many and no more: beyond them a stream is refused and a wait is not begun, and
everything else goes on as if they were not there.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Protocol, cast

from flask import Flask, Response, current_app, request
from sqlalchemy.exc import SQLAlchemyError

from noteassist import process
from noteassist.api.answers import to_json
from noteassist.config import Settings
from noteassist.errors import TooManyStreams, Unprocessable
from noteassist.security.actors import Actor
from noteassist.security.guards import is_still_signed_in

COMMENT_SECONDS = 15.0
LARGEST_EVENT_ID = 2**63 - 2


class StreamShare:
    """The threads of this process for streams and waits."""

    def __init__(self, size: int) -> None:
        self.free = threading.BoundedSemaphore(size) if size else None

    def take(self) -> Callable[[], None] | None:
        """Take one, or None when all are taken; give it back by calling what is returned, once or more often."""
        if self.free is None or not self.free.acquire(blocking=False):
            return None
        is_held = [True]
        lock = threading.Lock()

        def give_back() -> None:
            with lock:
                if is_held:
                    is_held.clear()
                    self.free.release()  # type: ignore[union-attr]  # it was there when it was taken

        return give_back


def install_streams(app: Flask, settings: Settings) -> None:
    """Give an application its share of threads for streams."""
    app.extensions["noteassist_streams"] = StreamShare(settings.web_streams)


def current_share() -> StreamShare:
    """Give the share of the current application."""
    return cast("StreamShare", current_app.extensions["noteassist_streams"])


def leave_slot() -> None:
    """Give the thread slot of this request to others: from here on it waits on a thread of the stream share."""
    request.environ["noteassist.leave_slot"]()


def last_event_id() -> int | None:
    """Read Last-Event-ID; raises Unprocessable for one that is not ours."""
    given = request.headers.get("Last-Event-ID", "").strip()
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and int(given) <= LARGEST_EVENT_ID):
        raise Unprocessable(errors={"headers": {"Last-Event-ID": ["This is no id of ours."]}})
    return int(given)


def event(name: str, content: Any, event_id: int) -> bytes:
    """Write one event: its data is one JSON object on one line."""
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), event_id, to_json(content))


class Pulse:
    """Says when a comment is due that keeps the line open."""

    def __init__(self) -> None:
        self.due = time.monotonic() + COMMENT_SECONDS

    @property
    def seconds_left(self) -> float:
        """Give the seconds until a comment is due."""
        return max(0.0, self.due - time.monotonic())

    def comments(self) -> Iterator[bytes]:
        """Give a comment when 15 s have passed since the last one."""
        if time.monotonic() >= self.due:
            self.due = time.monotonic() + COMMENT_SECONDS
            yield b": still here\n\n"


def still_signed_in(app: Flask, actor: Actor) -> bool:
    """Say whether a watcher may go on watching; asked with every comment. A database that is away keeps nobody out."""
    with app.app_context():
        try:
            return is_still_signed_in(actor)
        except SQLAlchemyError:
            return True


def is_over() -> bool:
    """Say whether streams are to end because the server stops; clients come back with Last-Event-ID."""
    return process.is_stopping()


class Source(Protocol):
    """Where the events of a stream come from."""

    actor: Actor
    has_ended: bool

    @property
    def signals(self) -> tuple[str, ...]:
        """Name the signals of news."""

    def look(self) -> list[tuple[str, int, Any]]:
        """Give the news since the last look: name, id and content of each."""


def follow(app: Flask, source: Source) -> Iterator[bytes]:
    """Write a source's events as they happen, until it has ended, its watcher may not watch on, or the server stops.

    No database connection is held in between.
    """
    signals, pulse = app.extensions["noteassist_signals"], Pulse()
    with signals.listening(*source.signals) as heard:
        while not is_over():
            with app.app_context():
                news = source.look()
            for name, event_id, content in news:
                yield event(name, content, event_id)
            if source.has_ended:
                return
            if not news:
                for comment in pulse.comments():
                    if not still_signed_in(app, source.actor):
                        return
                    yield comment
                signals.wait(heard, pulse.seconds_left)


def answer_stream(source: Source) -> Response:
    """Answer with a source's events as they happen; raises TooManyStreams."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # the documented way
    give_back = current_share().take()
    if give_back is None:
        raise TooManyStreams
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = Response(_opened(follow(app, source)), headers=headers, mimetype="text/event-stream")
    response.call_on_close(give_back)
    return response


def _opened(events: Iterator[bytes]) -> Iterator[bytes]:
    # The first bytes at once: the client knows that it is connected.
    yield b": connected\n\n"
    with suppress(GeneratorExit):
        yield from events
