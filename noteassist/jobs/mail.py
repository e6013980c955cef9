"""Mail."""

from noteassist.services import mail
from noteassist.services.mail.transports import transport_of
from noteassist.services.tasks.lifecycle import Claimed
from noteassist.services.tasks.runs import Outcome, TaskRun


def deliver(run: TaskRun) -> Outcome:
    """Deliver one mail."""
    mail_id = run.task.args["mail_id"]
    mail.deliver(run.settings, transport_of(run.settings), mail_id)
    return Outcome(effect=lambda _: mail.mark_sent(mail_id))


def give_up(task: Claimed, reason: str) -> None:
    """Note that the mail was not delivered."""
    mail.mark_failed(task.args["mail_id"], reason)
