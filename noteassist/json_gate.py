"""The JSON gate: what reaches a view is JSON that every part behind it can hold.

Stock parsers let through NaN, numbers beyond all bounds, repeated keys, NUL and lone surrogates, and fail on deep
nesting; the database, the tokens or the answer would fail on them later (RFC 8259, RFC 7493).
"""

import json
import re
from typing import Any

from noteassist.errors import MalformedRequest, Unprocessable

Path = tuple[str | int, ...]

MAXIMUM_DEPTH = 32
LARGEST_NUMBER_LENGTH = 40
SUSPICIOUS_ESCAPE = re.compile(rb"\\u(0000|d[89a-f])", re.IGNORECASE)


def parse(body: bytes) -> Any:
    """Read JSON strictly; raises MalformedRequest, or Unprocessable for values that cannot be kept."""
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except RecursionError as error:
        raise _malformed("The JSON is nested too deeply.") from error
    except ValueError as error:
        raise _malformed("The body is not JSON.") from error
    _check_depth(value)
    if SUSPICIOUS_ESCAPE.search(body):
        _check_texts(value)
    return value


def _malformed(message: str) -> MalformedRequest:
    return MalformedRequest(message, code="malformed_json")


def _invalid(message: str, path: Path = ()) -> Unprocessable:
    """Make a refusal whose errors are nested as the body is, down to the value that is meant."""
    errors: Any = [message] if path else {"_schema": [message]}
    for step in reversed(path):
        errors = {str(step): errors}
    return Unprocessable(errors={"json": errors})


def _refuse_constant(name: str) -> Any:
    raise _malformed(f"{name} is not JSON.")


def _integer(digits: str) -> int:
    # Within this length each field checks its own bounds; beyond it, reading alone would take long.
    if len(digits) > LARGEST_NUMBER_LENGTH:
        raise _invalid("A whole number is too large.")
    return int(digits)


def _fraction(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _invalid("A number is too large.")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _malformed("An object has the same key twice.")
    return members


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_constant=_refuse_constant,
    parse_int=_integer,
    parse_float=_fraction,
)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAXIMUM_DEPTH):
        level = [child for parent in level if parent for child in _children(parent)]
        if not level:
            return
    raise _malformed("The JSON is nested too deeply.")


def _children(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_texts(value: Any) -> None:
    todo: list[tuple[Path, Any]] = [((), value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, str):
            _check_text(item, path)
        elif isinstance(item, dict):
            for key in item:
                _check_text(key, path)
            todo += [((*path, key), child) for key, child in item.items()]
        elif isinstance(item, list):
            todo += [((*path, index), child) for index, child in enumerate(item)]


def _check_text(text: str, path: Path) -> None:
    if "\0" in text:
        raise _invalid("NUL characters are not allowed.", path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _invalid("A text has half of a surrogate pair.", path) from error
