"""Accounts: signing up, in and out, one's own profile, and what else proves who one is."""

from noteassist.blueprints.auth.account import account, profile
from noteassist.blueprints.auth.api_keys import api_keys
from noteassist.blueprints.auth.google import google
from noteassist.blueprints.auth.public import public
from noteassist.blueprints.auth.two_factor import two_factor

__all__ = ["account", "api_keys", "google", "profile", "public", "two_factor"]
