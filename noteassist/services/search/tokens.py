"""Cutting text into the words that are stored and searched."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

LONGEST_WORD = 64
SHORTEST_WITH_TRIGRAMS = 4
# Accents, Hebrew and Arabic vowel signs, the Arabic stroke that only widens a word, and what only chooses between the
# looks of an emoji.
SIGNS = re.compile(
    "[\ufe0e\ufe0f\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]"
)
# Scripts without spaces between words (and Korean, whose words carry endings): they are cut into pairs of letters.
# Emoji are too, so that each is found by itself, and flags, which are two letters, as a whole.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
    "\u231a\u231b\u23e9-\u23fa\u2600-\u27bf\u2b50\u2b55\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff"
)
ASCII_WORD = re.compile("[a-z0-9]+")
# A word whose letters change from small to capital, or from capitals to a capitalised word.
CAMEL = re.compile("[A-Z](?:(?<=[a-z0-9].)|(?<=[A-Z].)[a-z][a-z])")
CAMEL_WORD = re.compile("[A-Za-z0-9]+")
CAMEL_PART = re.compile("[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z0-9]+|[A-Z]+")


def fold(text: str) -> str:
    """Make letters comparable: without regard to case, accents and width."""
    if text.isascii():
        return text.lower()
    plain = SIGNS.sub("", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", plain)


def words_of(text: str) -> list[str]:
    """Cut a text into its folded words, in order; a word may stand there more than once."""
    folded = fold(text)
    if folded.isascii():
        found = ASCII_WORD.findall(folded)
    else:
        found = [word for run in pieces().findall(folded) for word in _cut(run)]
    if len(folded) > LONGEST_WORD and max(map(len, found), default=0) > LONGEST_WORD:
        found = [word[:LONGEST_WORD] for word in found]
    return found


def runs_of(text: str) -> list[str]:
    """Cut a text into its folded words, where a run of a script without spaces stays whole."""
    return [run[:LONGEST_WORD] for run in pieces().findall(fold(text))]


def is_unspaced(run: str) -> bool:
    """Say whether a run is of a script without spaces."""
    return not run.isascii() and _unspaced().match(run) is not None


def pairs_of(run: str) -> list[str]:
    """Cut a run of a script without spaces into overlapping pairs; a letter alone stays alone."""
    return [run[index : index + 2] for index in range(len(run) - 1)] or [run]


def _cut(run: str) -> list[str]:
    # The last letter stands alone too, so that each letter begins a word and is found by itself.
    if not is_unspaced(run):
        return [run]
    return [*pairs_of(run), run[-1]] if len(run) > 1 else [run]


def camel_parts(text: str) -> list[str]:
    """Give the parts of the words that are written in camelCase, folded: `camel` and `case`."""
    if CAMEL.search(text) is None:
        return []
    mixed = [word for word in set(CAMEL_WORD.findall(text)) if CAMEL.search(word)]
    return [part.lower()[:LONGEST_WORD] for word in sorted(mixed) for part in CAMEL_PART.findall(word)]


def trigrams_of(words: Iterable[str]) -> set[str]:
    """Give the groups of three letters in words, with `_` for their ends; none of short and unspaced words."""
    return {gram for word in words for gram in trigrams(word)}


@lru_cache(maxsize=4096)
def trigrams(word: str, shortest: int = SHORTEST_WITH_TRIGRAMS) -> frozenset[str]:
    """Give the groups of three letters in a word, with `_` for its ends; none of a shorter or unspaced one."""
    if len(word) < shortest or is_unspaced(word):
        return frozenset()
    padded = f"_{word}_"
    return frozenset(padded[index : index + 3] for index in range(len(padded) - 2))


@lru_cache(maxsize=1)
def pieces() -> re.Pattern[str]:
    """Give the pattern of a word, or of a run of a script without spaces."""
    marks = "".join(_ranges_of_marks())
    return re.compile(f"[{UNSPACED}]+|(?:[^\\W_{UNSPACED}]|[{marks}])+")


@lru_cache(maxsize=1)
def _unspaced() -> re.Pattern[str]:
    return re.compile(f"[{UNSPACED}]")


def _ranges_of_marks() -> Iterator[str]:
    """Give the vowel signs and the like that stay part of a word, as ranges of a character class."""
    start: int | None = None
    for code in range(0x0300, 0x11_000):
        is_mark = unicodedata.category(chr(code)) in {"Mn", "Mc"}
        if is_mark and start is None:
            start = code
        elif not is_mark and start is not None:
            yield f"\\U{start:08x}-\\U{code - 1:08x}"
            start = None
