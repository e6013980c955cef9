"""Search."""

from noteassist.blueprints.search.routes import search

__all__ = ["search"]
