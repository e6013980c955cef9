"""If-Match: write only if it is still what the caller has seen."""

from collections.abc import Callable
from typing import Any

from flask import request

from noteassist.api.answers import bare_tag, listed_tags, tag_of, to_json
from noteassist.errors import PreconditionFailed

Expectation = Callable[[Any], None]


def expectation() -> Expectation | None:
    """Give the check that the request's If-Match asks for, or None.

    The service calls it with the thing as it stands, once no other write of that user can change it.
    """
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    # Strong comparison: a weak tag matches nothing (RFC 9110 section 13.1.1).
    tags = {bare_tag(opaque) for is_weak, opaque in listed_tags(header) if not is_weak}

    def expect(current: Any) -> None:
        if tag_of(to_json(current)) not in tags:
            raise PreconditionFailed

    return expect
