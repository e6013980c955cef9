"""Imports."""

from noteassist.services.imports import receiving
from noteassist.services.tasks.lifecycle import Claimed
from noteassist.services.tasks.runs import Outcome, TaskRun


def import_upload(run: TaskRun) -> Outcome:
    """Make notes of an upload."""
    return receiving.import_upload(run)


def give_up(task: Claimed, _reason: str) -> None:
    """Forget an upload that could not be imported."""
    receiving.give_up(task)
