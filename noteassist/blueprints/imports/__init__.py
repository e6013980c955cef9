"""Imports: notes out of files that people have from elsewhere."""

from noteassist.blueprints.imports.routes import imports

__all__ = ["imports"]
