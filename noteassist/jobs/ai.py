"""AI tools."""

from noteassist.services.ai import spending
from noteassist.services.ai.answering import give_answer
from noteassist.services.tasks.runs import Outcome, TaskRun


def answer(run: TaskRun) -> Outcome:
    """Have a model answer what an AI tool was asked."""
    return give_answer(run)


def alert_spending(run: TaskRun) -> Outcome:
    """Tell administrators that most of what may be spent today is spent."""
    return Outcome(effect=lambda _: spending.tell_administrators(run.settings))
