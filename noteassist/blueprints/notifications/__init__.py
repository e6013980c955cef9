"""Notifications."""

from noteassist.blueprints.notifications.routes import notifications

__all__ = ["notifications"]
