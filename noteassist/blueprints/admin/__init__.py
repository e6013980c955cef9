"""Administration over REST."""

from noteassist.blueprints.admin.routes import admin

__all__ = ["admin"]
