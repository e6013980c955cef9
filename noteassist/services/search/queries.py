"""What people type into a search box, read without ever failing."""

import re
from dataclasses import dataclass

from noteassist.services.search.tokens import is_unspaced, pairs_of, runs_of

MOST_TERMS = 12
SHORTEST_PREFIX = 2
# A phrase in quotation marks (which may be open at the end), or what stands between spaces.
CHUNK = re.compile(
    '(?P<minus>-?)(?:["“”„«»](?P<phrase>[^"“”„«»]*)(?P<end>["“”„«»]|$)|(?P<bare>[^\\s"“”„«»]+))'
)


@dataclass(frozen=True)
class Term:
    """Words that must stand side by side; of a prefix the last one may go on. What is quoted is never corrected."""

    words: tuple[str, ...]
    is_prefix: bool = False
    is_quoted: bool = False


@dataclass(frozen=True)
class Query:
    """Terms that must all be there, and terms that must not."""

    terms: tuple[Term, ...] = ()
    excluded: tuple[Term, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Say whether nothing is looked for; exclusions alone look for nothing."""
        return not self.terms


def parse(text: str) -> Query:
    """Read a query: words, "phrases", -exclusions; the last word is a prefix while it is being typed.

    What holds several words together, such as `snake_case`, `a.b` or `well-known`, is a phrase. At most 12 terms and
    12 exclusions count.
    """
    terms: list[Term] = []
    excluded: list[Term] = []
    for chunk in CHUNK.finditer(text):
        is_typed = chunk.end() == len(text) and not chunk["end"]
        is_quoted = chunk["phrase"] is not None
        words = chunk["phrase"] if is_quoted else chunk["bare"]
        if chunk["minus"]:
            excluded += _terms(words, is_typed=False, is_quoted=is_quoted)
        else:
            terms += _terms(words, is_typed=is_typed, is_quoted=is_quoted)
    return Query(tuple(dict.fromkeys(terms))[:MOST_TERMS], tuple(dict.fromkeys(excluded))[:MOST_TERMS])


def _terms(text: str, *, is_typed: bool, is_quoted: bool) -> list[Term]:
    """Make the terms of one chunk: its words are a phrase, apart from runs of scripts without spaces."""
    terms: list[Term] = []
    phrase: list[str] = []
    for run in runs_of(text):
        if not is_unspaced(run):
            phrase.append(run)
            continue
        terms += [Term(tuple(phrase), is_quoted=is_quoted)] if phrase else []
        phrase = []
        # One letter is the beginning of a pair, wherever it stands.
        terms.append(Term(tuple(pairs_of(run)), len(run) == 1, is_quoted))
    if phrase:
        is_prefix = is_typed and len(phrase[-1]) >= SHORTEST_PREFIX
        terms.append(Term(tuple(phrase), is_prefix, is_quoted))
    return terms
