"""What is derived from a title: its slug and its key for sorting."""

import re
import unicodedata

LONGEST_SLUG = 100
LONGEST_SORT_KEY = 255  # some letters grow when they are normalised; a page cursor carries the key


def slug_of(title: str) -> str:
    """Make a readable part of a URL; letters of every script are kept."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", title).lower().replace("_", " "))
    return "-".join(words)[:LONGEST_SLUG].strip("-") or "note"


def sort_key_of(title: str) -> str:
    """Make the key by which titles are sorted: without regard to case and form."""
    return unicodedata.normalize("NFKC", title).casefold()[:LONGEST_SORT_KEY]
