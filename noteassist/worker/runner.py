"""Doing tasks: claim one, work on it, write how it ended."""

import logging
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from flask import Flask

from noteassist import db, logs, metrics
from noteassist.config import Settings
from noteassist.queues import CATALOGUE, JobSpec
from noteassist.services.tasks import ending, lifecycle
from noteassist.services.tasks.failures import Fail, LostLease, TryLater
from noteassist.services.tasks.lifecycle import Claimed
from noteassist.services.tasks.runs import Outcome, TaskRun

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 2.0
KINDS = tuple(CATALOGUE)
DATABASE_AWAY_SECONDS = 2.0
END_SECONDS = 10.0
STATEMENT_TOO_LONG = "57014"


class Runner:
    """Does tasks in the threads that call `work`, and keeps the leases of all of them."""

    def __init__(self, app: Flask, settings: Settings, *, slots: int | None = None) -> None:
        self.app = app
        self.settings = settings
        self.slots = slots or settings.worker_threads
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{random.randbytes(3).hex()}"
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.runs: dict[tuple[str, int], TaskRun] = {}
        self.busy = 0
        self.owed = 0

    def start_heart(self) -> None:
        """Keep the leases, in a thread that ends with the process."""
        threading.Thread(target=self._beat, name="heart", daemon=True).start()

    def work(self, after_claim: Callable[[], object] | None = None) -> bool:
        """Do the task whose turn it is; says whether there was one. `after_claim` is called before it is begun."""
        has_worked = self._work_once(after_claim)
        while has_worked and self._take_debt():
            self._work_once()
        return has_worked

    def _work_once(self, after_claim: Callable[[], object] | None = None) -> bool:
        if self.stopping.is_set():
            return False
        with self._slot() as is_last, self.app.app_context():
            task = self._claim(only_idle_users=is_last)
            if task is None:
                self.owed += is_last
                return False
            self._run(task, after_claim)
            return True

    def _take_debt(self) -> bool:
        """Say whether a bell was answered in vain by the last slot, which may not take every task."""
        with self.lock:
            is_owed = self.owed > 0
            self.owed = 0
        return is_owed

    @contextmanager
    def _slot(self) -> Iterator[bool]:
        """Count one more at work; says whether it is the last free one.

        That one is kept for users of whom nothing is running: a user with a thousand long tasks cannot hold
        every slot.
        """
        with self.lock:
            self.busy += 1
            is_last = self.busy >= self.slots > 1
        try:
            yield is_last
        finally:
            with self.lock:
                self.busy -= 1

    def _claim(self, *, only_idle_users: bool) -> Claimed | None:
        try:
            return lifecycle.claim(self.name, self._open_kinds(), only_idle_users=only_idle_users)
        except Exception as error:
            self._complain(error, "a task could not be taken")
            return None

    def _open_kinds(self) -> tuple[str, ...]:
        """List the kinds that do not hold their share of the slots yet."""
        held = Counter(run.task.kind for run in list(self.runs.values()))
        full = {kind for kind, count in held.items() if count >= max(1, CATALOGUE[kind].share * self.slots)}
        return tuple(kind for kind in KINDS if kind not in full) or KINDS

    def _run(self, task: Claimed, after_claim: Callable[[], object] | None) -> None:
        run = TaskRun(task, self.settings)
        key = (task.id, task.attempt)
        self.runs[key] = run
        logs.begin_context(request_id=task.args.get(logs.REQUEST_ID), task_id=task.id)
        try:
            if after_claim is not None:
                after_claim()
            self._attempt(run, CATALOGUE[task.kind])
        except LostLease:
            metrics.LEASES_LOST.labels("noticed").inc()
            log.info("task %s: attempt %s was taken away", task.id, task.attempt)
        except Exception as error:
            # The lease runs out, and somebody takes the task over.
            self._complain(error, f"task {task.id}: how it ended could not be written")
        finally:
            self.runs.pop(key, None)
            _tell_end(run)
            logs.begin_context()

    def _attempt(self, run: TaskRun, spec: JobSpec) -> None:
        try:
            if run.task.failures >= spec.failures:
                error = Fail("gave_up", "This was tried too often without success.")
                run.outcome = self._fail(run.task, spec, error)
                return
            outcome = spec.run(run)
            run.require_lease()
            self._write_end(run, partial(_finish, run.task, outcome))
            run.outcome = "succeeded"
        except TryLater as error:
            run.outcome = self._try_later(run.task, spec, error)
        except Fail as error:
            run.outcome = self._fail(run.task, spec, error)
        except LostLease:
            raise
        except Exception as error:
            run.outcome = self._unexpected(run.task, spec, error)

    def _try_later(self, task: Claimed, spec: JobSpec, error: TryLater) -> str:
        if error.counts and task.failures + 1 >= spec.failures:
            return self._fail(task, spec, Fail(error.code, error.detail))
        delay = spec.delay(task.failures) if error.delay is None else error.delay
        # One that only waits for its provider's pause to end is nothing to look at.
        level = logging.WARNING if error.counts else logging.DEBUG
        log.log(level, "task %s (%s): %s; again in %.0f s", task.id, task.kind, error, delay)
        lifecycle.try_again(
            task, delay=delay, message=error.detail, failed=error.counts, waiting_for=error.waiting_for
        )
        return "again"

    def _write_end(self, run: TaskRun, write: Callable[[], None]) -> None:
        """Write how a task ended; while the database is away, try again for as long as that makes sense."""
        until = time.monotonic() + END_SECONDS
        while True:
            try:
                db.in_transaction(write)
            except Exception as error:
                if db.translated(error) is None or time.monotonic() > until:
                    raise
                log.warning("task %s: its end waits for the database", run.task.id)
                time.sleep(0.5)
                run.require_lease()
            else:
                return

    def _fail(self, task: Claimed, spec: JobSpec, error: Fail) -> str:
        log.error("task %s (%s) failed: %s", task.id, task.kind, error)
        give_up = partial(spec.give_up, task, error.detail) if spec.give_up else None
        db.in_transaction(partial(ending.fail, task, error.code, error.detail, give_up))
        return "failed"

    def _unexpected(self, task: Claimed, spec: JobSpec, error: Exception) -> str:
        if db.translated(error) is not None and db.sqlstate(error) != STATEMENT_TOO_LONG:
            # The database is away: that is no failure of the task.
            lifecycle.try_again(
                task, delay=DATABASE_AWAY_SECONDS, message="The database was away.", failed=False
            )
            return "again"
        log.error("task %s (%s): an unexpected error", task.id, task.kind, exc_info=error)
        return self._try_later(task, spec, TryLater("internal_error", "Something went wrong on our side."))

    def _beat(self) -> None:
        while not self.stopping.wait(HEARTBEAT_SECONDS) or self.runs:
            with self.app.app_context():
                try:
                    self.keep_leases()
                except Exception as error:
                    self._complain(error, "leases could not be renewed")
            if self.stopping.is_set():
                time.sleep(HEARTBEAT_SECONDS)

    def keep_leases(self) -> None:
        """Renew the leases of what runs here; what takes too long, or is not ours any more, is told so."""
        runs = dict(self.runs)
        now = time.monotonic()
        for key, run in list(runs.items()):
            if now - run.started > CATALOGUE[run.task.kind].seconds:
                del runs[key]
                self._time_out(run)
        held = lifecycle.renew(list(runs))
        for (task_id, _), run in runs.items():
            if task_id not in held:
                run.lost.set()

    def _time_out(self, run: TaskRun) -> None:
        if not run.lost.is_set():
            run.lost.set()
            error = TryLater("timed_out", "This took too long.")
            try:
                self._try_later(run.task, CATALOGUE[run.task.kind], error)
            except LostLease:
                log.info("task %s: attempt %s was taken away", run.task.id, run.task.attempt)

    def drain(self, seconds: float) -> None:
        """Take no more tasks, give those that run so many seconds, and hand the rest back unharmed."""
        self.stopping.set()
        until = time.monotonic() + seconds
        while (self.runs or self.busy) and time.monotonic() < until:
            time.sleep(0.02)
        for run in list(self.runs.values()):
            run.lost.set()
            with self.app.app_context():
                try:
                    lifecycle.try_again(
                        run.task, delay=0.0, message="Handed to another worker.", failed=False
                    )
                except LostLease:
                    continue
                except Exception as error:
                    self._complain(error, f"task {run.task.id} could not be handed back")

    def _complain(self, error: Exception, what: str) -> None:
        if db.translated(error) is None:
            log.error(what, exc_info=error)
        else:
            log.warning("%s: %s", what, type(error).__name__)


def _finish(task: Claimed, outcome: Outcome) -> None:
    followers = ending.begin_end(task, "succeeded", result=outcome.result)
    outcome.effect(followers)


def _tell_end(run: TaskRun) -> None:
    """Note how an attempt ended: a line in the log, and its metrics."""
    task, seconds = run.task, time.monotonic() - run.started
    metrics.TASKS_ENDED.labels(task.kind, run.outcome).inc()
    metrics.TASK_TIME.labels(task.kind).observe(seconds)
    fields = {
        "kind": task.kind,
        "outcome": run.outcome,
        "attempt": task.attempt,
        "user_id": task.user_id,
        "milliseconds": round(seconds * 1000, 2),
    }
    log.info("task", extra=fields)
