"""The bell: tells those who work that there is something to do.

The database owns the tasks. A bell that is lost costs at most a second, until the lookout rings again; so ringing
never fails a request and never makes it wait.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from flask import Flask, current_app
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from noteassist import redis_clients
from noteassist.config import Settings

log = logging.getLogger(__name__)

QUEUE = "noteassist"
# What the RQ job is called; the workers run nothing else.
WORK = "noteassist.worker.bell.work"
MOST_RINGS = 64
# Enough to wake somebody: who answers works as long as there is something, and passes the bell on.
MOST_TOPPED_UP = 16
RESULT_SECONDS = 600
FAILURE_SECONDS = 7 * 24 * 3600
MOMENT_SECONDS = 0.025


class Bell(Protocol):
    """What can be rung."""

    def ring(self, description: str) -> None:
        """Say that one more task is due."""

    def top_up(self, due: int) -> None:
        """Ring until there have been as many rings as tasks are due."""


class LocalBell:
    """Rings for threads of this process."""

    def __init__(self) -> None:
        self.rings = 0
        self.condition = threading.Condition()

    def ring(self, description: str = "") -> None:
        """Say that one more task is due."""
        with self.condition:
            self.rings = min(self.rings + 1, MOST_RINGS)
            self.condition.notify()

    def top_up(self, due: int) -> None:
        """Ring until there have been as many rings as tasks are due."""
        with self.condition:
            missing = min(due, MOST_TOPPED_UP) - self.rings
            if missing > 0:
                self.rings += missing
                self.condition.notify(missing)

    def wake_all(self) -> None:
        """Wake everybody who waits, for they are to stop."""
        with self.condition:
            self.condition.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait for a ring, at most so many seconds; says whether there was one."""
        with self.condition:
            if not self.rings:
                self.condition.wait(seconds)
            if not self.rings:
                return False
            self.rings -= 1
            return True


class RqBell:
    """Rings for worker processes anywhere, as jobs in one RQ queue; a thread of its own talks to Redis.

    Tasks that come within a moment share a bell: whoever answers it passes it on while there is more to do.
    """

    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self.waiting: list[str] = []
        self.condition = threading.Condition()
        self.thread: threading.Thread | None = None

    def ring(self, description: str) -> None:
        """Say that one more task is due."""
        with self.condition:
            if len(self.waiting) < MOST_RINGS:
                self.waiting.append(description)
            # Begun with the first ring: server processes are forked, and threads do not live through that.
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._ring_on, name="bell", daemon=True)
                self.thread.start()
            self.condition.notify()

    def top_up(self, due: int) -> None:
        """Ring until there are as many bells in the queue as tasks are due; raises what redis-py raises."""
        connection = redis_clients.quick(self.redis_url)
        try:
            queue = queue_of(connection)
            missing = min(due, MOST_TOPPED_UP) - len(queue)
            if missing > 0:
                enqueue(queue, ["rung again"] * missing)
        finally:
            connection.close()

    def _ring_on(self) -> None:
        connection = redis_clients.quick(self.redis_url)
        queue = queue_of(connection)
        while True:
            with self.condition:
                while not self.waiting:
                    self.condition.wait()
                descriptions, self.waiting = self.waiting, []
            more = f" and {len(descriptions) - 1} more" if len(descriptions) > 1 else ""
            try:
                # Enough are waiting where nobody answers; more would only keep those busy who come back.
                if len(queue) < MOST_RINGS:
                    enqueue(queue, [descriptions[0] + more])
                time.sleep(MOMENT_SECONDS)
            except redis_clients.FAILURES as error:
                log.warning("the bell cannot be rung: %s", type(error).__name__)
                time.sleep(1)


class BellJob(Job):
    """A job that calls one known function, whatever Redis says: names and arguments there are not to be trusted."""

    work: Callable[[], object] | None = None

    def perform(self) -> Any:
        """Call what the worker has put here; raises ValueError for a job of another name."""
        if self.func_name != WORK or self.work is None:
            log.warning("a job in the queue is none of ours: %r", self.func_name)
            raise ValueError(f"{self.func_name!r} is no work of ours")
        return self.work()

    # Further names and addresses that a job's hash can hold: RQ would import and call them, or send requests to them.
    success_callback = failure_callback = stopped_callback = None

    def execute_success_callback(self, *_: Any, **__: Any) -> None:
        """Call nothing."""

    def execute_failure_callback(self, *_: Any, **__: Any) -> None:
        """Call nothing."""

    def execute_stopped_callback(self, *_: Any, **__: Any) -> None:
        """Call nothing."""

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """Send nothing."""


def queue_of(connection: Any) -> Queue:
    """Give the queue on this connection."""
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer, job_class=BellJob)


def enqueue(queue: Queue, descriptions: Sequence[str]) -> None:
    """Put bells into the queue, in one round trip; raises what redis-py raises."""
    bells = [
        Queue.prepare_data(
            WORK,
            timeout=-1,
            result_ttl=RESULT_SECONDS,
            failure_ttl=FAILURE_SECONDS,
            description=description,
        )
        for description in descriptions
    ]
    queue.enqueue_many(bells)


def install_bell(app: Flask, settings: Settings) -> None:
    """Give an application its bell."""
    bell: Bell = RqBell(settings.queue_redis_url) if settings.queue_redis_url else LocalBell()
    app.extensions["noteassist_bell"] = bell


def current_bell() -> Bell:
    """Give the bell of the current application."""
    return cast("Bell", current_app.extensions["noteassist_bell"])
