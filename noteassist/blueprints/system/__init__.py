"""Health, documentation and the few pages of the server itself."""

from noteassist.blueprints.system.routes import blp

__all__ = ["blp"]
