"""Chores that come round, and the erasure of accounts."""

from functools import partial

from noteassist import db
from noteassist.services import accounts, files, housekeeping
from noteassist.services.ai import outputs
from noteassist.services.dashboard import refreshing
from noteassist.services.search import backlog
from noteassist.services.tasks.runs import Outcome, TaskRun


def erase_account(run: TaskRun) -> Outcome:
    """Erase a closed account."""
    user_id = run.task.args["user_id"]
    # What is large goes first, in small transactions.
    files.erase_files_of_closed(user_id)
    return Outcome(effect=lambda _: accounts.erase_closed(user_id))


def empty_trash(_run: TaskRun) -> Outcome:
    """Delete notes that have been in the trash for 30 days."""
    return Outcome(effect=lambda _: housekeeping.empty_trash())


def expire_outputs(_run: TaskRun) -> Outcome:
    """Delete what AI tools made 30 days ago and nobody saved."""
    return Outcome(effect=lambda _: outputs.expire_outputs())


def sweep_files(_run: TaskRun) -> Outcome:
    """Delete files whose time is over."""
    files.sweep_files()
    return Outcome()


def index_for_search(run: TaskRun) -> Outcome:
    """Write the words of notes and AI outputs that have none: what is older than the search."""
    after: int | None = 0
    while after is not None:
        run.require_lease()
        step = partial(backlog.index_next_notes, after)
        after = db.in_transaction(step)
    while db.in_transaction(backlog.index_next_outputs):
        run.require_lease()
    return Outcome()


def refresh_dashboards(_run: TaskRun) -> Outcome:
    """Work out dashboards that do not hold any more, and forget old ones."""
    refreshing.refresh_dashboards()
    return Outcome(effect=lambda _: refreshing.forget_dashboards())


def forget_expired(_run: TaskRun) -> Outcome:
    """Delete what has expired."""
    return Outcome(effect=lambda _: housekeeping.forget_expired())
