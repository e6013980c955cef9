"""Slots: the threads that work, and what wakes them: a bell in this process, or RQ."""

import logging
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from rq import SimpleWorker
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty

from noteassist import bells, redis_clients
from noteassist.bells import BellJob, LocalBell, queue_of
from noteassist.services.tasks import upkeep
from noteassist.worker.runner import Runner

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
DEQUEUE_SECONDS = 2
SILENT_SECONDS = 4
ANSWER_SECONDS = 60.0
# How long RQ's dashboard remembers a worker that says nothing.
WORKER_TTL = 45


class Slot(Protocol):
    """One that works."""

    def run(self) -> None:
        """Work until the runner stops."""


class LocalSlot:
    """Works when the bell of this process rings, and looks once a second."""

    def __init__(self, runner: Runner, bell: LocalBell) -> None:
        self.runner = runner
        self.bell = bell

    def run(self) -> None:
        """Work until the runner stops."""
        while not self.runner.stopping.is_set():
            self.bell.wait(LOOK_SECONDS)
            while self.runner.work():
                pass


class NoPenalty(BaseDeathPenalty):
    """RQ's own time limits work by signals, in the main thread alone; ours are in the runner."""

    def setup_death_penalty(self) -> None:
        """Set no limit."""

    def cancel_death_penalty(self) -> None:
        """Lift no limit."""


class SlotWorker(SimpleWorker):
    """An RQ worker in a thread: it takes bells from one queue, and each makes its runner do a task."""

    death_penalty_class = NoPenalty

    def __init__(self, runner: Runner, connection: Any, number: int) -> None:
        self.runner = runner
        super().__init__(
            [queue_of(connection)],
            # Never the same twice: what an earlier one of this slot left in Redis must not stand in the way.
            name=f"{runner.name}:{number}:{secrets.token_hex(3)}".replace(":", "-"),
            connection=connection,
            job_class=BellJob,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL,
            log_job_description=False,
        )

    @property
    def connection_timeout(self) -> int:
        """Give the seconds of silence after which Redis is away; RQ's own are 40."""
        return SILENT_SECONDS

    def procline(self, message: str) -> None:
        """Leave the process's title alone: many of us share it."""

    def perform_job(self, job: Job, queue: Queue) -> bool:
        """Do the work that the bell rang for."""
        if isinstance(job, BellJob):
            job.work = self.answer
        return super().perform_job(job, queue)

    def answer(self) -> bool:
        """Do tasks as long as there are any, for a minute at most; says whether there was one.

        The bell is passed on before the first of them, so that a burst wakes one slot after the other.
        """
        until = time.monotonic() + ANSWER_SECONDS
        has_worked = self.runner.work(after_claim=self._pass_on)
        while has_worked and time.monotonic() < until and self.runner.work():
            pass
        return has_worked

    def _pass_on(self) -> None:
        try:
            if upkeep.count_due():
                bells.current_bell().ring("passed on")
        except Exception as error:
            # The lookout will ring.
            log.warning("a bell was not passed on: %s", type(error).__name__)

    def take(self) -> None:
        """Wait for a bell, at most 2 s, and answer it; raises what redis-py raises."""
        self.heartbeat()
        try:
            found = self.queue_class.dequeue_any(
                self.queues,
                DEQUEUE_SECONDS,
                connection=self.connection,
                job_class=self.job_class,
                serializer=self.serializer,
                death_penalty_class=self.death_penalty_class,
            )
        except DequeueTimeout:
            return
        if found is not None:
            job, queue = found
            job.redis_server_version = self.get_redis_server_version()  # type: ignore[no-untyped-call]  # RQ's own
            self.execute_job(job, queue)


class RqSlot:
    """Works when RQ delivers a bell; while Redis is away, whenever the database has something due."""

    def __init__(self, runner: Runner, redis_url: str, number: int) -> None:
        self.runner = runner
        self.redis_url = redis_url
        self.number = number

    def run(self) -> None:
        """Work until the runner stops."""
        while not self.runner.stopping.is_set():
            try:
                self._serve()
            except redis_clients.FAILURES as error:
                if self.number == 0:
                    log.warning("no bells: %s; looking for work without", type(error).__name__)
            except Exception:
                # Whatever it was, the slot is needed.
                log.exception("a slot lost its line to the queue")
            self._work_without_bells()

    def _serve(self) -> None:
        with redis_clients.patient(self.redis_url, SILENT_SECONDS) as connection:
            worker: Any = SlotWorker(self.runner, connection, self.number)
            worker.register_birth()
            while not self.runner.stopping.is_set():
                if self.number == 0 and worker.should_run_maintenance_tasks:
                    worker.run_maintenance_tasks()
                self._take(worker)
            with suppress(*redis_clients.FAILURES):
                worker.register_death()

    def _take(self, worker: Any) -> None:
        try:
            worker.take()
        except redis_clients.FAILURES:
            raise
        except Exception:
            # What lies in Redis may be anything.
            log.exception("a bell could not be read")
            self.runner.stopping.wait(0.1)

    def _work_without_bells(self) -> None:
        while not self.runner.stopping.wait(LOOK_SECONDS):
            while self.runner.work():
                pass
            if self._redis_answers():
                return

    def _redis_answers(self) -> bool:
        try:
            with redis_clients.quick(self.redis_url) as connection:
                connection.ping()
        except redis_clients.FAILURES:
            return False
        return True


def start_slots(slots: Sequence[Slot]) -> list[threading.Thread]:
    """Let each slot work in a thread of its own; they end with the process."""
    threads = [
        threading.Thread(target=slot.run, name=f"slot-{number}", daemon=True)
        for number, slot in enumerate(slots)
    ]
    for thread in threads:
        thread.start()
    return threads
