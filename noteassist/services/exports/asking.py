"""Having a child render: limits, and what its failures mean for whoever wants a file."""

import logging
from collections.abc import Mapping
from typing import Any

import orjson

from noteassist import children
from noteassist.errors import AppError, Unprocessable

log = logging.getLogger(__name__)

# A page takes about 10 ms; what takes longer than this is not for paper.
SECONDS = 60.0
# Waiting for a child, and its work.
LONGEST_SECONDS = 2 * SECONDS


def rendered(request: Mapping[str, Any]) -> bytes:
    """Have a request of `rendering.render` done.

    Raises Unprocessable (`export_too_large`), ServerBusy, and AppError (`export_failed`) for a bug.
    """
    try:
        return children.call("export", orjson.dumps(request), seconds=SECONDS, wait_seconds=SECONDS)
    except (children.ChildTimedOut, children.ChildOutOfMemory) as error:
        log.warning("an export was too large: %s", error)
        message = "This is too large for this format; take md or json, or export less of it."
        raise Unprocessable(message, code="export_too_large") from None
    except children.ChildFailed as error:
        log.error("an export failed: %s", error)
        raise AppError("The file could not be made.", code="export_failed") from None
