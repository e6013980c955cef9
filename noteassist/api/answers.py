"""Answers: JSON bytes with a strong ETag, compressed where that is asked for and pays."""

import gzip
import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import brotli
import orjson
import zstandard
from flask import Response, request

from noteassist.paging import Page

SMALLEST_COMPRESSED = 1024
# What an encoding changes.
CODED_HEADERS = frozenset({"Content-Encoding", "ETag"})
ENTITY_TAG = re.compile(r'(W/)?"([^"]*)"')
PRIVATE = "private, no-cache"
VARY = "Authorization, X-API-Key, Accept-Encoding"

# In our order of preference among those that a client likes equally: by processor time for a list's bytes.
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.compress(body, 3),
    "br": lambda body: brotli.compress(body, quality=4),
    "gzip": lambda body: gzip.compress(body, compresslevel=4, mtime=0),
}


def to_json(value: Any) -> bytes:
    """Write JSON; times end in Z."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def tag_of(body: bytes) -> str:
    """Make the entity tag of a representation, without quotes: the same bytes have the same tag."""
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def thing(value: Any, status: int = 200, *, location: str | None = None) -> Response:
    """Answer with something of the caller's own, with its ETag; 304 where the caller has it already."""
    body = to_json(value)
    tag = tag_of(body)
    headers = headers_of(tag)
    if location is not None:
        headers["Location"] = location
    if request.method in {"GET", "HEAD"} and matches(request.headers.get("If-None-Match", ""), tag):
        headers["ETag"] = f'"{variant_of(request.headers["If-None-Match"], tag)}"'
        return Response(status=304, headers=headers)
    return Response(body, status, headers, mimetype="application/json")


def headers_of(tag: str) -> dict[str, str]:
    """Make the headers of something of the caller's own that has this entity tag."""
    return {"ETag": f'"{tag}"', "Cache-Control": PRIVATE, "Vary": VARY}


class SecretResponse(Response):
    """An answer that carries a secret: where it is kept to be repeated, it is encrypted."""


def secret_thing(value: Any, status: int = 200) -> Response:
    """Answer with something that no cache may keep, such as tokens; never compressed (BREACH)."""
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache", "Vary": VARY}
    return SecretResponse(to_json(value), status, headers, mimetype="application/json")


def nothing(status: int = 204) -> Response:
    """Answer that it is done, and that there is nothing to show."""
    response = Response(status=status, headers={"Cache-Control": "no-store"})
    del response.headers["Content-Type"]
    return response


def matches(header: str, tag: str) -> bool:
    """Say whether an If-None-Match header names this tag, in any encoding (weak comparison, RFC 9110)."""
    if header.strip() == "*":
        return True
    return any(bare_tag(opaque) == tag for _, opaque in listed_tags(header))


def listed_tags(header: str) -> list[tuple[bool, str]]:
    """Read the entity tags of a header as pairs of (is weak, tag without quotes); what is no tag is left out."""
    return [(bool(weak), opaque) for weak, opaque in ENTITY_TAG.findall(header)]


def bare_tag(opaque: str) -> str:
    """Strip an entity tag of its encoding."""
    stem, _, encoding = opaque.rpartition("-")
    return stem if encoding in ENCODERS else opaque


def variant_of(header: str, tag: str) -> str:
    """Give a tag as the caller has it, who sends this If-None-Match, where it is one of this representation's."""
    listed = [opaque for _, opaque in listed_tags(header)]
    return next((opaque for opaque in listed if bare_tag(opaque) == tag), tag)


def compressed(response: Response) -> Response:
    """Compress a whole JSON answer over 1 KiB into the encoding that the client likes best."""
    response.vary.add("Accept-Encoding")
    if _is_compressible(response):
        body = response.get_data()
        sent, headers = encoded(body, dict(response.headers), request.headers.get("Accept-Encoding", ""))
        if sent is not body:
            response.set_data(sent)
            response.headers.update({name: headers[name] for name in CODED_HEADERS & headers.keys()})
    return response


def encoded(body: bytes, headers: dict[str, str], accepted: str) -> tuple[bytes, dict[str, str]]:
    """Compress JSON over 1 KiB into the encoding that a client likes best who sends this Accept-Encoding."""
    encoding = preferred_encoding(accepted) if len(body) > SMALLEST_COMPRESSED else None
    if encoding is None:
        return body, headers
    coded = headers | {"Content-Encoding": encoding}
    if tag := headers.get("ETag"):
        coded["ETag"] = f'{tag[:-1]}-{encoding}"'
    return ENCODERS[encoding](body), coded


def _is_compressible(response: Response) -> bool:
    if response.is_streamed or response.direct_passthrough or response.headers.get("Content-Encoding"):
        return False
    if response.mimetype != "application/json":
        return False
    return response.headers.get("Cache-Control") != "no-store"


@lru_cache(maxsize=512)
def preferred_encoding(header: str) -> str | None:
    """Choose from an Accept-Encoding header (RFC 9110 section 12.5.3), or None for no encoding."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        weights[name.strip()] = _weight(parameters)
    everything_else = weights.get("*", 0.0)
    liked = {name: weights.get(name, everything_else) for name in ENCODERS}
    best = max(liked.values())
    if best <= 0 or best < weights.get("identity", 0.0):
        return None
    return next(name for name, weight in liked.items() if weight == best)


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return max(0.0, min(1.0, float(value)))
    except ValueError:
        return 0.0


def page_body(page: Page, next_url: str | None, previous_url: str | None) -> dict[str, Any]:
    """Make the body of a page."""
    return {"results": page.results, "next": next_url, "previous": previous_url}
