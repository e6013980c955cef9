"""Page cursors: opaque, signed, and bound to their reader and their list."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
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


class Asked(NamedTuple):
    """A list as it was asked for: by whom, at which path, and with which parameters of the query."""

    user_id: int
    path: str
    query: Sequence[tuple[str, str]] = ()


def page_request(query: Mapping[str, Any]) -> PageRequest:
    """Read which page a query asks for; raises InvalidCursor."""
    cursor = query.get("cursor")
    return PageRequest(size=query["page_size"], position=_read(cursor) if cursor is not None else None)


def answer_page(page: Page) -> Response:
    """Answer with a page and the links to its neighbours."""
    return thing(page_body(page, *page_links(page, asked())))


def asked() -> Asked:
    """Give the list that the current request asks for."""
    return Asked(current_actor().user_id, request.path, list(request.args.items(multi=True)))


def page_links(page: Page, wanted: Asked) -> tuple[str | None, str | None]:
    """Give the links to the pages after and before one, None at an end."""
    return _url(page.next, wanted), _url(page.previous, wanted)


def _url(position: Position | None, wanted: Asked) -> str | None:
    if position is None:
        return None
    query = [(name, value) for name, value in wanted.query if name != "cursor"]
    return f"{wanted.path}?{urlencode([*query, ('cursor', _write(position, wanted))])}"


def _write(position: Position, wanted: Asked) -> str:
    key = [{"t": value} if isinstance(value, datetime) else value for value in position.key]
    payload = orjson.dumps([int(position.backward), key])
    return base64.urlsafe_b64encode(_mac(payload, wanted) + payload).rstrip(b"=").decode()


def _read(cursor: str) -> Position:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidCursor from error
    mac, payload = raw[:MAC_BYTES], raw[MAC_BYTES:]
    # Decoding forgives some spellings of the last letter; only the one we wrote is ours.
    respelled = base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == cursor
    if len(cursor) > LONGEST_CURSOR or not respelled or not hmac.compare_digest(mac, _mac(payload, asked())):
        raise InvalidCursor
    backward, key = orjson.loads(payload)
    values = (datetime.fromisoformat(value["t"]) if isinstance(value, dict) else value for value in key)
    return Position(tuple(values), backward=bool(backward))


def _mac(payload: bytes, wanted: Asked) -> bytes:
    """Sign a cursor for this caller, this path and these filters."""
    filters = sorted((name, value) for name, value in wanted.query if name not in {"cursor", "page_size"})
    scope = orjson.dumps([wanted.user_id, wanted.path, filters])
    key = _signing_key(current_settings().secret_key)
    return hmac.digest(key, scope + b"\n" + payload, "sha256")[:MAC_BYTES]


@lru_cache(maxsize=8)
def _signing_key(secret_key: str) -> bytes:
    return derived_key(secret_key, "cursor")
