"""Text out of bytes of unknown encoding, and out of its front matter."""

import codecs
import re
from typing import Any

import yaml  # type: ignore[import-untyped]  # it ships no types

from noteassist.services.imports import limits

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)(?:^|\n)(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)


def decode(content: bytes) -> str | None:
    """Read text in UTF-8, UTF-16 or Windows-1252; None where it is no text."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    sample = content[:4096]
    if b"\0" in sample:
        utf16 = _utf16_without_mark(sample)
        if utf16 is not None:
            return content.decode(utf16, "replace")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    return text if _looks_written(text) else None


def _utf16_without_mark(sample: bytes) -> str | None:
    """Recognise Latin text in UTF-16 by where its zeros are."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 4
    if odd > half and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > half and odd == 0 else None


def _looks_written(text: str) -> bool:
    sample = text[:4096]
    strange = sum(1 for letter in sample if (letter < " " and letter not in "\t\n\r\f") or letter == "\ufffd")
    return strange * 50 <= len(sample)


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Split a text into what its YAML front matter says and the rest.

    Front matter that cannot be read stays in the text, so that nothing is lost.
    """
    found = FRONT_MATTER.match(text[: limits.FRONT_MATTER_CHARACTERS])
    if found is None:
        return {}, text
    try:
        # The slow loader: it answers deep nesting with RecursionError, the fast one with the end of the process.
        values = yaml.load(found[1], Loader=_FrontMatterLoader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}, text
    if not isinstance(values, dict):
        return {}, text
    return {str(key).lower(): value for key, value in values.items()}, text[found.end() :]


class _FrontMatterLoader(yaml.SafeLoader):  # type: ignore[misc]  # it ships no types
    """A loader that knows no references: they are how a small text says very much."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError
        return super().compose_node(parent, index)


def listed(value: Any) -> list[str]:
    """Read a list in front matter, which people write as a list, or as words with commas or spaces."""
    if isinstance(value, list):
        return [str(item) for item in value if isinstance(item, str | int | float)]
    if not isinstance(value, str | int | float):
        return []
    text = str(value)
    return [part.strip() for part in (text.split(",") if "," in text else text.split())]
