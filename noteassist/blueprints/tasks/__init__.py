"""Tasks: how they are, and what happens."""

from noteassist.blueprints.tasks.routes import tasks

__all__ = ["tasks"]
