"""Typst: sources in, pages out. It sees no file but those beside its preamble, and fetches nothing."""

import ctypes
import itertools
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import cast

import typst

ROOT = Path(__file__).parent / "typst"
COMPILATIONS_KEPT = 10
DOCUMENTS_KEPT = 4
# Letters of source; after a larger document memory is given back at once.
LARGE = 200_000
_documents = itertools.count(1)
PREAMBLE = (ROOT / "preamble.typ").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def fonts() -> typst.Fonts:
    """Find the fonts of this machine, beside those that typst brings."""
    return typst.Fonts()


@lru_cache(maxsize=1)
def compiler() -> typst.Compiler:
    """Give the compiler of this process."""
    return typst.Compiler(root=str(ROOT), font_paths=fonts())


def compile_pdf(source: str, moment: datetime) -> bytes:
    """Typeset a document that was last changed at a moment; raises typst.TypstError."""
    made = compiler().compile(source.encode(), format="pdf", timestamp=int(moment.timestamp()))
    if len(source) > LARGE or next(_documents) % DOCUMENTS_KEPT == 0:
        _forget()
    return cast("bytes", made)


def compile_page(source: str) -> str:
    """Write a source as HTML; raises typst.TypstError."""
    made, _ = compiler().compile_with_warnings(source.encode(), format="html")
    return cast("bytes", made).decode()


def _forget() -> None:
    """Have typst let go of the documents it made: it keeps what one of the last ten compilations used."""
    for _ in range(COMPILATIONS_KEPT + 1):
        compiler().compile(b"", format="pdf")
    ctypes.CDLL(None).malloc_trim(0)


def literal(text: str) -> str:
    """Write a text as a literal of typst: whatever it says, it stays a text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
