"""What a child does for exports: one request as JSON in, the bytes of a file out."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from noteassist.services.exports.cards import write_cards
from noteassist.services.exports.documents import Document, document_of_note, document_of_text
from noteassist.services.exports.pages import write_page
from noteassist.services.exports.pdf import write_pdf
from noteassist.services.exports.times import read_time
from noteassist.services.exports.word import write_word

WRITERS: Mapping[str, Callable[[Document], bytes]] = {
    "html": write_page,
    "pdf": write_pdf,
    "docx": write_word,
}


def render(payload: bytes) -> bytes:
    """Write `{"format", "note"}` or `{"format", "title", "text", "language", "changed_at"}`; `cards` gives JSON."""
    request = orjson.loads(payload)
    if request["format"] == "cards":
        return orjson.dumps(write_cards(request["note"]))
    return WRITERS[request["format"]](_document(request))


def _document(request: Mapping[str, Any]) -> Document:
    if "note" in request:
        return document_of_note(request["note"])
    changed_at = read_time(request["changed_at"])
    if changed_at is None:
        raise ValueError("no time")
    return document_of_text(request["title"], request["text"], request["language"], changed_at)
