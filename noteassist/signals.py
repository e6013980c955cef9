"""Signals: whoever waits for a task or a notification hears that something has happened, in any process.

A signal carries a name and nothing else; what happened stands in the database. One that is lost is made up for by
looking again after a while. Each name is a channel of its own in Redis: a process is woken by what somebody in it
listens for, and by nothing else.
"""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import redis
from flask import Flask, current_app

from noteassist import redis_clients
from noteassist.config import Settings

log = logging.getLogger(__name__)

CHANNEL = "noteassist:signals"
# How long to wait until Redis has taken note of who listens.
SUBSCRIBE_SECONDS = 0.25
# How long to wait for a signal before looking anyway: with all parts at hand, and without Redis.
LOOK_SECONDS = 1.0
LOOK_SECONDS_ALONE = 0.2


class Signals:
    """Those who listen in this process, and the line to the other processes."""

    def __init__(self, redis_url: str = "") -> None:
        self.redis_url = redis_url
        self.listeners: dict[str, set[threading.Event]] = {}
        # Held for the listeners and the channels; told when Redis has taken note of a channel, or is away.
        self.changed = threading.Condition()
        self.asked_for: set[str] = set()
        self.subscribed: set[str] = set()
        # On this one the thread that receives is told that the listeners have changed: the line is its own.
        self.own_channel = channel_of(f"process:{uuid.uuid4().hex}")
        self.is_connected = not redis_url
        self.thread: threading.Thread | None = None
        self.publisher = redis_clients.quick(redis_url) if redis_url else None
        self.breaker = redis_clients.Breaker()

    def announce(self, name: str) -> None:
        """Say that something happened; never fails and hardly ever waits."""
        if not self._publish(channel_of(name)):
            self._tell(name)

    @contextmanager
    def listening(self, *names: str) -> Iterator[threading.Event]:
        """Give an event that is set whenever something happens under one of these names."""
        heard = threading.Event()
        wanted = {channel_of(name) for name in names}
        with self.changed:
            for name in names:
                self.listeners.setdefault(name, set()).add(heard)
            self._connect()
            is_new = self.is_connected and not wanted <= self.subscribed
        if is_new and self._publish(self.own_channel):
            # What is announced from now on must be heard; while Redis is away one looks anyway.
            with self.changed:
                self.changed.wait_for(
                    lambda: not self.is_connected or wanted <= self.subscribed, SUBSCRIBE_SECONDS
                )
        try:
            yield heard
        finally:
            with self.changed:
                for name in set(names):
                    self.listeners[name].discard(heard)
                    if not self.listeners[name]:
                        del self.listeners[name]
                is_left = not wanted.isdisjoint(self.asked_for - self._channels())
            if is_left:
                self._publish(self.own_channel)

    def wait(self, heard: threading.Event, seconds: float) -> None:
        """Wait until something may have happened, at most so many seconds."""
        look = LOOK_SECONDS if self.is_connected else LOOK_SECONDS_ALONE
        heard.wait(max(0.0, min(seconds, look)))
        heard.clear()

    def wake_all(self) -> None:
        """Wake everybody who waits, for they are to stop."""
        with self.changed:
            for events in self.listeners.values():
                for event in events:
                    event.set()

    def _tell(self, name: str) -> None:
        with self.changed:
            for event in self.listeners.get(name, ()):
                event.set()

    def _publish(self, channel: str) -> bool:
        """Send nothing but a call on a channel; says whether Redis took it."""
        if self.publisher is None or not self.breaker.allows():
            return False
        try:
            self.publisher.publish(channel, b"")
        except redis_clients.FAILURES as error:
            self.breaker.failed()
            log.warning("a signal was not sent: %s", type(error).__name__)
            return False
        return True

    def _channels(self) -> set[str]:
        """Name what somebody listens to."""
        return {self.own_channel, *map(channel_of, self.listeners)}

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
                with self.changed:
                    self.is_connected = False
                    self.changed.notify_all()
                time.sleep(0.5)

    def _receive_on(self, connection: redis.Redis) -> None:
        subscription: Any = connection.pubsub()  # type: ignore[no-untyped-call]  # redis-py's
        with connection, subscription:
            with self.changed:
                self.asked_for.clear()
                self.subscribed.clear()
            self._follow(subscription)
            self.is_connected = True
            last_heard = time.monotonic()
            while True:
                message = subscription.get_message(timeout=2.0)
                if message is not None:
                    last_heard = time.monotonic()
                    self._take(message, subscription)
                elif time.monotonic() - last_heard > 2.0:
                    # A frozen server sends nothing either; an answer tells them apart.
                    connection.ping()
                    last_heard = time.monotonic()

    def _take(self, message: dict[str, Any], subscription: Any) -> None:
        channel = message["channel"].decode(errors="replace")
        if message["type"] == "subscribe":
            with self.changed:
                self.subscribed |= {channel} & self.asked_for
                self.changed.notify_all()
        elif message["type"] == "message" and channel == self.own_channel:
            self._follow(subscription)
        elif message["type"] == "message":
            self._tell(channel.removeprefix(f"{CHANNEL}:"))

    def _follow(self, subscription: Any) -> None:
        """Subscribe to what somebody listens to, and to nothing else."""
        with self.changed:
            wanted = self._channels()
            new, old = wanted - self.asked_for, self.asked_for - wanted
            self.asked_for = wanted
            self.subscribed -= old
        if new:
            subscription.subscribe(*new)
        if old:
            subscription.unsubscribe(*old)


def channel_of(name: str) -> str:
    """Give the channel of a name in Redis."""
    return f"{CHANNEL}:{name}"


def install_signals(app: Flask, settings: Settings) -> None:
    """Give an application its signals."""
    app.extensions["noteassist_signals"] = Signals(settings.redis_url)


def current_signals() -> Signals:
    """Give the signals of the current application."""
    return cast("Signals", current_app.extensions["noteassist_signals"])
