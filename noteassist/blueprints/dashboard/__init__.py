"""The dashboard."""

from noteassist.blueprints.dashboard.routes import dashboard

__all__ = ["dashboard"]
