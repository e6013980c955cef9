"""The catalogue of background work: only what is listed here ever runs, and these are the rules for it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from noteassist.jobs import ai, drive, exports, imports, mail, maintenance
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
DRIVE_SECONDS, DRIVE_SHARE = 30 * MINUTE, 0.5

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
    "drive_upload": JobSpec(drive.upload, seconds=DRIVE_SECONDS, share=DRIVE_SHARE),
    "drive_import": JobSpec(drive.import_file, seconds=DRIVE_SECONDS, share=DRIVE_SHARE),
    "drive_revoke": JobSpec(
        drive.revoke,
        failures=60,
        delays=(2, 10, 30, 60, 300, 1800, 3600),
        give_up=drive.give_up_revoking,
        share=DRIVE_SHARE,
    ),
    # A disk that is full may have room again soon.
    "export": JobSpec(exports.export, seconds=30 * MINUTE, failures=30, delays=(2, 5, 10), share=0.5),
    "import": JobSpec(imports.import_upload, failures=3, give_up=imports.give_up, share=0.5),
    "account_erasure": JobSpec(maintenance.erase_account, failures=1000, delays=(1, 10, 60)),
    "spending_alert": JobSpec(ai.alert_spending),
    "empty_trash": JobSpec(maintenance.empty_trash),
    "expire_outputs": JobSpec(maintenance.expire_outputs),
    "forget_expired": JobSpec(maintenance.forget_expired),
    "index_for_search": JobSpec(maintenance.index_for_search, seconds=6 * HOUR, failures=1000),
    "refresh_dashboards": JobSpec(maintenance.refresh_dashboards),
    "sweep_files": JobSpec(maintenance.sweep_files, seconds=30 * MINUTE),
}

# What comes round, and how often, in seconds.
PERIODIC: Mapping[str, int] = {
    "empty_trash": HOUR,
    "expire_outputs": HOUR,
    "forget_expired": HOUR,
    "refresh_dashboards": 5 * MINUTE,
    "sweep_files": 10 * MINUTE,
}
