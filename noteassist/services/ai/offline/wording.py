"""Know the fixed words of offline texts, in the languages they are shipped in."""

import json
from functools import cache
from importlib import resources

_FALLBACK = "en"

Phrases = dict[str, list[str]]


def phrases_for(language: str) -> Phrases:
    """Give the lists of phrases by their purpose, for a BCP 47 tag; English when there are none for it."""
    return _read(language.replace("_", "-").split("-")[0].lower())


@cache
def _shipped() -> frozenset[str]:
    files = resources.files(__package__).joinpath("phrases").iterdir()
    return frozenset(file.name.removesuffix(".json") for file in files if file.name.endswith(".json"))


def _read(language: str) -> Phrases:
    return _load(language if language in _shipped() else _FALLBACK)


@cache
def _load(language: str) -> Phrases:
    file = resources.files(__package__).joinpath("phrases", f"{language}.json")
    phrases: Phrases = json.loads(file.read_text(encoding="utf-8"))
    return phrases
