"""Answers that may be given again: by which the front (noteassist/front.py) learns what it may keep."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request

from noteassist.security.guards import current_actor

# In the environment of a request: the version of the caller's notes, as it was when the request began.
KEPT = "noteassist.kept"


def kept(view: Callable[..., Any]) -> Callable[..., Any]:
    """Declare that a GET's answer depends on its path, its query and the caller's notes alone.

    It may be given again while they have not changed: until the next `begin_write` of theirs.
    """

    @wraps(view)
    def noted(*args: Any, **kwargs: Any) -> Any:
        request.environ[KEPT] = current_actor().notes_version
        return view(*args, **kwargs)

    return noted
