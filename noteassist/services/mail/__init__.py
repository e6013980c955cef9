"""Mail: decided in a transaction, delivered from the outbox table afterwards."""

from noteassist.services.mail.outbox import deliver_due, send_later, wake

__all__ = ["deliver_due", "send_later", "wake"]
