"""Telling those who wait: signals that leave with the commit."""

from functools import partial

from noteassist import db
from noteassist.signals import current_signals


def task_signal(task_id: str) -> str:
    """Name the signal of a task."""
    return f"task:{task_id}"


def user_signal(user_id: int) -> str:
    """Name the signal of a user's notifications."""
    return f"user:{user_id}"


def something_happened(task_id: str) -> None:
    """Signal, once this transaction is durable, that there is news of a task."""
    db.after_commit(partial(current_signals().announce, task_signal(task_id)))


def user_was_told(user_id: int) -> None:
    """Signal, once this transaction is durable, that a user has a new notification."""
    db.after_commit(partial(current_signals().announce, user_signal(user_id)))
