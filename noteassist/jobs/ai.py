"""AI tools."""

from noteassist.services.ai.answering import give_answer
from noteassist.services.tasks.runs import Outcome, TaskRun


def answer(run: TaskRun) -> Outcome:
    """Have a model answer what an AI tool was asked."""
    return give_answer(run)
