"""Names of files."""

import re
import unicodedata

LONGEST = 120
LONGEST_BYTES = 240
# Names that Windows keeps for devices, whatever their ending.
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def file_name(title: str, ending: str, otherwise: str = "note") -> str:
    """Make a name of a title: letters, marks and digits of any script, dots, dashes and underscores.

    So it is no path, breaks no header and shows no ending but its own. At most 120 characters and 240 bytes, never
    empty; `otherwise` is the name when the title has nothing of use.
    """
    text = unicodedata.normalize("NFC", title)
    kept = "".join(letter if _may_stay(letter) else "-" for letter in text)
    stem = re.sub(r"\.{2,}", ".", re.sub(r"-{2,}", "-", kept)).strip("-._")
    if DEVICES.match(stem):
        stem = f"{otherwise}-{stem}"
    stem = stem[: LONGEST - len(ending) - 1]
    stem = stem.encode()[: LONGEST_BYTES - len(ending) - 1].decode(errors="ignore").rstrip("-._")
    return f"{stem or otherwise}.{ending}"


class UniqueNames:
    """Names of which none is given twice, not even in another case."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._next: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """Give the name, or one with a number in it if it was given before."""
        stem, dot, ending = name.rpartition(".")
        found = name
        while _folded(found) in self._given:
            number = self._next.get(_folded(name), 1) + 1
            self._next[_folded(name)] = number
            found = f"{stem}-{number}{dot}{ending}"
        self._given.add(_folded(found))
        return found


def _may_stay(letter: str) -> bool:
    return letter in "._-" or unicodedata.category(letter)[0] in "LMN"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
