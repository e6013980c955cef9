"""Exports: notes as files to take along."""

from noteassist.blueprints.exports.routes import exports

__all__ = ["exports"]
