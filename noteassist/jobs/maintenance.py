"""Chores that come round, and the erasure of accounts."""

from noteassist.services import accounts, housekeeping
from noteassist.services.ai import outputs
from noteassist.services.tasks.runs import Outcome, TaskRun


def erase_account(run: TaskRun) -> Outcome:
    """Erase a closed account."""
    user_id = run.task.args["user_id"]
    return Outcome(effect=lambda _: accounts.erase_closed(user_id))


def empty_trash(_run: TaskRun) -> Outcome:
    """Delete notes that have been in the trash for 30 days."""
    return Outcome(effect=lambda _: housekeeping.empty_trash())


def expire_outputs(_run: TaskRun) -> Outcome:
    """Delete what AI tools made 30 days ago and nobody saved."""
    return Outcome(effect=lambda _: outputs.expire_outputs())


def forget_expired(_run: TaskRun) -> Outcome:
    """Delete what has expired."""
    return Outcome(effect=lambda _: housekeeping.forget_expired())
