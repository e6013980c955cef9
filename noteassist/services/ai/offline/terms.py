"""Find the words of a text that a glossary should explain."""

import re
from collections import Counter
from collections.abc import Iterable

from noteassist.services.ai.offline.inline import mask
from noteassist.services.ai.offline.languages import SMALL_WORDS
from noteassist.services.ai.offline.markup import Kind, blocks_of

_STRONG = re.compile(r"\*\*([^*\n]{2,60})\*\*")
_WORD = re.compile(r"[^\W\d_](?:[\w+#’'-]{0,58}[\w+#])?")
_SMALL = frozenset().union(*SMALL_WORDS.values())
_SHORTEST_FREQUENT = 5


def terms_of(topic: str, names: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Give the words of the topic, then what the texts print in bold, then names and frequent words."""
    material = list(texts)
    found = [word for word in _WORD.findall(topic) if word.lower() not in _SMALL]
    if not found and topic.strip():
        found = [topic.strip()]
    for text in material:
        found += (term.strip(" .:,;") for term in _STRONG.findall(text))
    found += names
    found += _frequent(material)
    first = {term.casefold().rstrip("s"): term for term in reversed(found) if term.strip()}
    return list(dict.fromkeys(first[term.casefold().rstrip("s")] for term in found if term.strip()))


def _frequent(texts: list[str]) -> list[str]:
    counts = Counter(
        word
        for text in texts
        for block in blocks_of(text)
        if block.kind in {Kind.TEXT, Kind.ITEM}
        for word in _WORD.findall(mask("\n".join(block.lines)).text)
        if word.lower() not in _SMALL and len(word) >= _SHORTEST_FREQUENT
    )
    return [word for word, count in counts.most_common() if count > 1]
