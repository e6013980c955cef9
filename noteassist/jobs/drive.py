"""Google Drive."""

from noteassist.services.drive import importing, revoking, uploading
from noteassist.services.tasks.lifecycle import Claimed
from noteassist.services.tasks.runs import Outcome, TaskRun


def upload(run: TaskRun) -> Outcome:
    """Upload a note or an output."""
    return uploading.upload(run)


def import_file(run: TaskRun) -> Outcome:
    """Import a file that was picked in Drive."""
    return importing.import_file(run)


def revoke(run: TaskRun) -> Outcome:
    """Have Google forget a consent."""
    return revoking.revoke(run)


def give_up_revoking(task: Claimed, reason: str) -> None:
    """Forget a consent that Google would not take back."""
    revoking.give_up(task, reason)
