"""Tidy headings: their form, their levels, and those that shout."""

import re
from collections import Counter

from noteassist.services.ai.offline.languages import SMALL_WORDS

_DEEPEST = 6
_SHORT_WORD = 4  # a longer word in capitals is hardly an abbreviation
_WORD = re.compile(r"[^\W\d_]+")


class Levels:
    """Give headings levels without jumps, one after the other, from the top of a text."""

    def __init__(self) -> None:
        self._above: list[tuple[int, int]] = []

    def next(self, level: int) -> int:
        """Give the new level of the next heading; the first one keeps its own."""
        while self._above and self._above[-1][0] >= level:
            self._above.pop()
        new = min(level, self._above[-1][1] + 1) if self._above else level
        self._above.append((level, min(new, _DEEPEST)))
        return self._above[-1][1]


class Spelling:
    """Know how a text writes its words where it does not shout."""

    def __init__(self, prose: str, language: str) -> None:
        self._language = language
        self._counts = Counter(_WORD.findall(prose))

    def calm(self, title: str) -> str:
        """Write a title in capitals as the text itself writes its words; others stay as they are.

        A short word that the text does not know may be an abbreviation and keeps its capitals.
        """
        words = _WORD.findall(title)
        letters = sum(map(len, words))
        if (
            letters < 5
            or not title.isupper()
            or self._language not in SMALL_WORDS
            or "`" in title
            or "$" in title
        ):
            return title
        calmed = _WORD.sub(lambda match: self._calm_word(match[0]), title)
        return re.sub(r"[^\W\d_]", lambda match: match[0].upper(), calmed, count=1)

    def _calm_word(self, word: str) -> str:
        lower, capitalised = word.lower(), word[0] + word[1:].lower()
        forms = {form: self._counts[form] for form in (lower, capitalised)}
        # A word that the text writes in capitals inside sentences is an abbreviation.
        if self._counts[word] > 1 and not any(forms.values()):
            return word
        if lower in SMALL_WORDS[self._language] or forms[lower]:
            return lower
        return capitalised if forms[capitalised] or len(word) > _SHORT_WORD else word


def tidy_title(title: str) -> str:
    """Remove the colon behind a title; what is nothing but marks stays."""
    bare = title.rstrip(": ")
    return bare if bare and title.endswith(":") and not title.endswith("::") else title
