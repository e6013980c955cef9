"""Prefer: wait=N (RFC 7240): how long a caller would rather wait than come back."""

import re

from flask import request

LONGEST_WAIT = 30
WAIT = re.compile(r"^\s*wait\s*=\s*\"?([0-9]{1,100})\"?\s*(;.*)?$", re.IGNORECASE)


def preferred_wait() -> int | None:
    """Give the seconds that the caller would wait, at most 30; None without such a wish. Other wishes are ignored."""
    for header in request.headers.getlist("Prefer"):
        for preference in header.split(","):
            if found := WAIT.match(preference):
                return min(int(found[1]), LONGEST_WAIT)
    return None
