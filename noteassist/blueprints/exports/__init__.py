"""Exports: notes as files, and everything of one's own."""

from noteassist.blueprints.exports.account import account_export
from noteassist.blueprints.exports.routes import exports

__all__ = ["account_export", "exports"]
