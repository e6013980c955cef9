"""Our own JSON: `{"format": "noteassist", "version": 1, "notes": [...]}`, each note a detail as the API shows it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

import orjson

from noteassist.services.exports.drafts import Draft, Unreadable, draft_of

FORMAT = "noteassist"
VERSION = 1

_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
_BEGIN = f'{{\n"format": "{FORMAT}",\n"version": {VERSION},\n"notes": [\n'.encode()
_END = b"\n]\n}\n"


def write_json(detail: Mapping[str, Any]) -> bytes:
    """Write one note."""
    return _BEGIN + orjson.dumps(detail, option=_OPTIONS) + _END


def write_json_of_many(
    details: Iterator[Mapping[str, Any]], out: BinaryIO, progress: Callable[[int], None]
) -> None:
    """Write notes one after the other, and tell after each how many there are."""
    out.write(_BEGIN)
    for number, detail in enumerate(details, 1):
        out.write(b",\n" if number > 1 else b"")
        out.write(orjson.dumps(detail, option=_OPTIONS))
        progress(number)
    out.write(_END)


def read_json(content: bytes) -> list[Draft]:
    """Read what was written here; raises Unreadable."""
    try:
        found = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except (orjson.JSONDecodeError, RecursionError):
        raise Unreadable("This is not JSON.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Unreadable("This is JSON, but not an export of NoteAssist.")
    if found.get("version") != VERSION:
        raise Unreadable(
            f"This export is of version {str(found.get('version'))[:20]}; {VERSION} can be read."
        )
    if not isinstance(found.get("notes"), list):
        raise Unreadable("The field “notes” is not a list.")
    return [draft_of(note) for note in found["notes"]]
