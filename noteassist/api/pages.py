"""Page cursors: opaque, signed, and bound to their reader and their list."""

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Response, request

from noteassist.api.answers import page_body, thing
from noteassist.api.settings import current_settings
from noteassist.errors import InvalidCursor
from noteassist.paging import Page, PageRequest, Position
from noteassist.security.guards import current_actor
from noteassist.security.tokens import derived_key

MAC_BYTES = 12
LONGEST_CURSOR = 2048


def page_request(query: Mapping[str, Any]) -> PageRequest:
    """Read which page a query asks for; raises InvalidCursor."""
    cursor = query.get("cursor")
    return PageRequest(size=query["page_size"], position=_read(cursor) if cursor is not None else None)


def answer_page(page: Page) -> Response:
    """Answer with a page and the links to its neighbours."""
    return thing(page_body(page, *page_links(page)))


def page_links(page: Page) -> tuple[str | None, str | None]:
    """Give the links to the pages after and before one, None at an end."""
    return _url(page.next), _url(page.previous)


def _url(position: Position | None) -> str | None:
    if position is None:
        return None
    query = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
    return f"{request.path}?{urlencode([*query, ('cursor', _write(position))])}"


def _write(position: Position) -> str:
    key = [{"t": value} if isinstance(value, datetime) else value for value in position.key]
    payload = orjson.dumps([int(position.backward), key])
    return base64.urlsafe_b64encode(_mac(payload) + payload).rstrip(b"=").decode()


def _read(cursor: str) -> Position:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidCursor from error
    mac, payload = raw[:MAC_BYTES], raw[MAC_BYTES:]
    # Decoding forgives some spellings of the last letter; only the one we wrote is ours.
    respelled = base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == cursor
    if len(cursor) > LONGEST_CURSOR or not respelled or not hmac.compare_digest(mac, _mac(payload)):
        raise InvalidCursor
    backward, key = orjson.loads(payload)
    values = (datetime.fromisoformat(value["t"]) if isinstance(value, dict) else value for value in key)
    return Position(tuple(values), backward=bool(backward))


def _mac(payload: bytes) -> bytes:
    """Sign a cursor for this caller, this path and these filters."""
    filters = sorted(
        (name, value) for name, value in request.args.items(multi=True) if name not in {"cursor", "page_size"}
    )
    scope = orjson.dumps([current_actor().user_id, request.path, filters])
    key = _signing_key(current_settings().secret_key)
    return hmac.digest(key, scope + b"\n" + payload, "sha256")[:MAC_BYTES]


@lru_cache(maxsize=8)
def _signing_key(secret_key: str) -> bytes:
    return derived_key(secret_key, "cursor")
