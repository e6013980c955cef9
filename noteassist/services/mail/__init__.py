"""Mail: decided in a transaction, delivered from the outbox table by a task."""

from noteassist.services.mail.outbox import deliver, mark_failed, mark_sent, send_later

__all__ = ["deliver", "mark_failed", "mark_sent", "send_later"]
