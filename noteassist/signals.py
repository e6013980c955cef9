"""Signals: whoever waits for a task or a notification hears that something has happened, in any process.

A signal carries a name and nothing else; what happened stands in the database. One that is lost is made up for by
looking again after a while.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import redis
from flask import Flask, current_app

from noteassist import redis_clients
from noteassist.config import Settings

log = logging.getLogger(__name__)

CHANNEL = "noteassist:signals"
# How long to wait for a signal before looking anyway: with all parts at hand, and without Redis.
LOOK_SECONDS = 1.0
LOOK_SECONDS_ALONE = 0.2


class Signals:
    """Those who listen in this process, and the line to the other processes."""

    def __init__(self, redis_url: str = "") -> None:
        self.redis_url = redis_url
        self.listeners: dict[str, set[threading.Event]] = {}
        self.lock = threading.Lock()
        self.is_connected = not redis_url
        self.thread: threading.Thread | None = None
        self.publisher = redis_clients.quick(redis_url) if redis_url else None
        self.breaker = redis_clients.Breaker()

    def announce(self, name: str) -> None:
        """Say that something happened; never fails and hardly ever waits."""
        if self.publisher is None or not self.breaker.allows():
            self._tell(name)
        else:
            try:
                self.publisher.publish(CHANNEL, name)
            except redis_clients.FAILURES as error:
                self.breaker.failed()
                log.warning("a signal was not sent: %s", type(error).__name__)
                self._tell(name)

    @contextmanager
    def listening(self, *names: str) -> Iterator[threading.Event]:
        """Give an event that is set whenever something happens under one of these names."""
        heard = threading.Event()
        with self.lock:
            for name in names:
                self.listeners.setdefault(name, set()).add(heard)
            self._connect()
        try:
            yield heard
        finally:
            with self.lock:
                for name in set(names):
                    self.listeners[name].discard(heard)
                    if not self.listeners[name]:
                        del self.listeners[name]

    def wait(self, heard: threading.Event, seconds: float) -> None:
        """Wait until something may have happened, at most so many seconds."""
        look = LOOK_SECONDS if self.is_connected else LOOK_SECONDS_ALONE
        heard.wait(max(0.0, min(seconds, look)))
        heard.clear()

    def wake_all(self) -> None:
        """Wake everybody who waits, for they are to stop."""
        with self.lock:
            for events in self.listeners.values():
                for event in events:
                    event.set()

    def _tell(self, name: str) -> None:
        with self.lock:
            for event in self.listeners.get(name, ()):
                event.set()

    def _connect(self) -> None:
        if self.redis_url and (self.thread is None or not self.thread.is_alive()):
            self.thread = threading.Thread(target=self._receive, name="signals", daemon=True)
            self.thread.start()

    def _receive(self) -> None:
        while True:
            try:
                self._receive_on(redis_clients.patient(self.redis_url, seconds=5.0))
            except redis_clients.FAILURES as error:
                if self.is_connected:
                    log.warning("signals are cut off: %s", type(error).__name__)
                self.is_connected = False
                time.sleep(0.5)

    def _receive_on(self, connection: redis.Redis) -> None:
        subscription: Any = connection.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis-py's
        with connection, subscription:
            subscription.subscribe(CHANNEL)
            self.is_connected = True
            last_heard = time.monotonic()
            while True:
                message = subscription.get_message(timeout=2.0)
                if message is not None:
                    last_heard = time.monotonic()
                    self._tell(message["data"].decode(errors="replace"))
                elif time.monotonic() - last_heard > 2.0:
                    # A frozen server sends nothing either; an answer tells them apart.
                    connection.ping()
                    last_heard = time.monotonic()


def install_signals(app: Flask, settings: Settings) -> None:
    """Give an application its signals."""
    app.extensions["noteassist_signals"] = Signals(settings.redis_url)


def current_signals() -> Signals:
    """Give the signals of the current application."""
    return cast("Signals", current_app.extensions["noteassist_signals"])
