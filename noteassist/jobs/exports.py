"""Exports of notes."""

from noteassist.services import exporting
from noteassist.services.tasks.runs import Outcome, TaskRun


def export(run: TaskRun) -> Outcome:
    """Make the file of many notes."""
    return exporting.export(run)
