"""Accounts: signing up, in and out, and one's own profile."""

from noteassist.blueprints.auth.account import account
from noteassist.blueprints.auth.public import public

__all__ = ["account", "public"]
