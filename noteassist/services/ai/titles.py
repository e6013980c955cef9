"""Titles of what AI tools made, and the code in it."""

import re
from collections.abc import Mapping

HEADING = re.compile(r"^#{1,6} +(.+?)\s*#*\s*$", re.MULTILINE)
# RFC: CommonMark 0.31 section 4.5, without indentation, which no prompt of ours asks for.
FENCE = re.compile(r"^(`{3,}|~{3,})([^\n`]*)\n(.*?)^\1[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
LONGEST = 120
PREFIXES = {"improve": "Improved: ", "summarize": "Summary: "}


def title_of(tool: str, fields: Mapping[str, str | None], text: str) -> str:
    """Name what a tool made, in at most 120 characters."""
    asked = fields.get("topic") or fields.get("prompt")
    if asked:
        return _shortened(asked)
    source = fields.get("content") or text
    heading = HEADING.search(source)
    return PREFIXES.get(tool, "") + _shortened(heading[1] if heading else source)


def _shortened(text: str) -> str:
    words = re.sub(r"[*_`#>\[\]]+", "", " ".join(text.split())) or "Untitled"
    if len(words) <= LONGEST:
        return words
    return words[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(",;:.") + "…"


def code_in(text: str) -> tuple[str, str] | None:
    """Give the language and the content of the longest fenced block of code; None where there is none."""
    blocks = [(match[2].strip().split(" ")[0], match[3]) for match in FENCE.finditer(text)]
    return max(blocks, key=lambda block: len(block[1])) if blocks else None
