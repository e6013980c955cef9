"""One run: servers, load and chaos at once, then the wait for the end, and the checks."""

import json
import math
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.soak import chaos, checks, facts
from tests.soak.checks import Findings
from tests.soak.ledger import Ledger
from tests.soak.load import User
from tests.soak.results import Options, Result, counts
from tests.soak.shape import Shape, errands, shape_of
from tests.soak.stack import Embedded, Full, Stack
from tests.soak.watcher import Wait, Watcher, waits

WAITS_SHOWN = 10


def run(seed: int, options: Options) -> Result:
    """Run once; gives what was found. Call it from the main thread."""
    begun = time.monotonic()
    shape = shape_of(options.tasks, quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="noteassist-soak-") as temporary:
        folder = options.folder / f"{options.mode}-{seed}" if options.folder else Path(temporary)
        # What an earlier run has left there would be counted again.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        kind = Full if options.mode == "full" else Embedded
        with kind(folder, shape.faults, seed) as stack:
            result = Run(stack, seed, shape, options).run()
    result.seconds = round(time.monotonic() - begun, 1)
    return result


class Run:
    """One run on servers that are up."""

    def __init__(self, stack: Stack, seed: int, shape: Shape, options: Options) -> None:
        self.stack = stack
        self.seed = seed
        self.shape = shape
        self.options = options
        self.ledger = Ledger()
        self.users: list[User] = []
        self.watcher = Watcher(stack.database_url)
        self.begun = 0.0
        self.waits: Sequence[Wait] = ()

    def run(self) -> Result:
        """Load, strike, wait and check."""
        names = [f"user{number}.{self.seed}@example.com" for number in range(self.shape.users)]
        self.users = [User(self.stack.url, name, self.ledger, self.seed) for name in names]
        for user in self.users:
            user.sign_up()
        self.watcher.start()
        try:
            self._load_and_strike()
            self._settle()
        finally:
            self.watcher.stop()
        result = self._result(self._check())
        if self.options.folder:
            self._keep_history()
        for user in self.users:
            user.client.close()
        return result

    def _load_and_strike(self) -> None:
        stop = threading.Event()
        begun = self.begun = time.monotonic()
        threads = [
            threading.Thread(target=user.run, args=(of_one, begun, stop), name=user.email, daemon=True)
            for user, of_one in zip(self.users, errands(self.seed, self.shape), strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            monkey = chaos.Monkey(self.stack.actions, self.stack.record, show=self.options.show)
            monkey.run(self._schedule(), begun)
            self.stack.calm()
            until = time.monotonic() + self.shape.patience
            for thread in threads:
                thread.join(max(0.1, until - time.monotonic()))
        finally:
            stop.set()
        late = [thread.name for thread in threads if thread.is_alive()]
        if late:
            self.ledger.surprise(f"requests of {', '.join(late)} were not accepted to the end")

    def _schedule(self) -> Sequence[chaos.Event]:
        quick = self.options.quick
        if self.options.mode == "full":
            blows = chaos.QUICK_FULL if quick else chaos.FULL
            return chaos.schedule(
                self.seed, self.shape.seconds, blows, self.shape.gap, long_outage=self.shape.is_long
            )
        blows = chaos.QUICK_EMBEDDED if quick else chaos.EMBEDDED
        # A server that was killed needs some seconds to be there again.
        gap = (self.shape.gap[0] + 2.0, self.shape.gap[1] + 3.0)
        return chaos.schedule(self.seed, self.shape.seconds, blows, gap)

    def _settle(self) -> None:
        """Wait until nothing is under way, or until patience ends."""
        until = time.monotonic() + self.shape.patience
        count: int | None = None
        while time.monotonic() < until:
            count = self.watcher.count_under_way()
            if count == 0:
                break
            time.sleep(0.2)
        self.options.show(f"{count} tasks are under way at the end")

    def _check(self) -> Findings:
        found = facts.read_database(self.stack.database_url)
        found.delivered = facts.read_outbox(self.stack.outbox)
        found.told = facts.read_api(self.users)
        findings = checks.check(self.ledger, found)
        record = self.stack.record
        self.waits = waits(self.watcher.history, record.kills, record.outages)
        checks.check_waits(self.waits, findings)
        if isinstance(self.stack, Full):
            self.stack.farewells()
        findings.surprises += self.stack.problems
        if traces := self.stack.tracebacks():
            # No blow is unknown to the servers: they have a word for each, and need no stack trace.
            findings.surprises.append(f"{traces} stack traces are in the servers' logs")
        return findings

    def _keep_history(self) -> None:
        """Write down what was seen of each task, in seconds of the run: for who looks into a finding."""
        seen = {
            task_id: [
                (round(sight.at - self.begun, 2), sight.attempt, sight.status, sight.pid) for sight in sights
            ]
            for task_id, sights in self.watcher.history.items()
        }
        (self.stack.folder / "history.json").write_text(json.dumps(seen))

    def _longest_waits(self) -> Sequence[Wait]:
        return sorted(self.waits, key=lambda wait: math.inf if wait.seconds is None else wait.seconds)[
            -WAITS_SHOWN:
        ]

    def _result(self, findings: Findings) -> Result:
        with suppress(OSError):
            self.stack.model.take_counts()
        return Result(
            mode=self.options.mode,
            seed=self.seed,
            tasks=len(self.ledger.asked),
            retries=self.ledger.retries,
            tracebacks=self.stack.tracebacks(),
            findings=findings,
            answers=dict(self.ledger.answers),
            waits=[
                (wait.task_id, wait.killed_at - self.begun, wait.seconds) for wait in self._longest_waits()
            ],
            **counts(self.stack.record, self.stack.model.outcomes),
        )
