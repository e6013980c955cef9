"""The catalogue of background work: only what is listed here ever runs, and these are the rules for it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from noteassist.jobs import ai, mail, maintenance
from noteassist.services.tasks.lifecycle import Claimed
from noteassist.services.tasks.runs import Outcome, TaskRun

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class JobSpec:
    """How one kind of task is done.

    `seconds` is the longest an attempt may take; `delays` are the pauses after the first, second, ... failure,
    in seconds, the last of them again and again; after `failures` of them the task fails for good, and `give_up`
    is called in the transaction that says so. `share` is how much of a process's slots it may hold.
    """

    run: Callable[[TaskRun], Outcome]
    seconds: int = 5 * MINUTE
    failures: int = 10
    delays: tuple[int, ...] = (1, 2, 5, 10, 20, 30)
    give_up: Callable[[Claimed, str], None] | None = None
    share: float = 1.0

    def delay(self, failures: int) -> float:
        """Give the pause after so many failures, with jitter, so that those who failed together come back apart."""
        base = self.delays[min(failures, len(self.delays) - 1)]
        return base * random.uniform(0.8, 1.2)


AI = JobSpec(ai.answer, seconds=15 * MINUTE, failures=12)

CATALOGUE: Mapping[str, JobSpec] = {
    "generate": AI,
    "improve": AI,
    "summarize": AI,
    "code": AI,
    "mail": JobSpec(
        mail.deliver,
        seconds=2 * MINUTE,
        failures=11,
        delays=(10, 30, 60, 120, 300, 600, 1200, 2400, 3600, 5400),
        give_up=mail.give_up,
        share=0.5,
    ),
    "account_erasure": JobSpec(maintenance.erase_account, failures=1000, delays=(1, 10, 60)),
    "empty_trash": JobSpec(maintenance.empty_trash),
    "expire_outputs": JobSpec(maintenance.expire_outputs),
    "forget_expired": JobSpec(maintenance.forget_expired),
}

# What comes round, and how often, in seconds.
PERIODIC: Mapping[str, int] = {"empty_trash": HOUR, "expire_outputs": HOUR, "forget_expired": HOUR}
