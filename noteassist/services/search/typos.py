"""Words that were probably meant: those of titles, names and tags that have most groups of three letters in common."""

from collections.abc import Collection
from dataclasses import replace

from noteassist import db
from noteassist.services.search.dialects import any_trigram
from noteassist.services.search.queries import Query, Term
from noteassist.services.search.statements import names_statement
from noteassist.services.search.tokens import trigrams

# Of the groups that either word has, the share that both have. `mitocondria` and `mitochondria`: 9 of 14.
LEAST_ALIKE = 0.35
# Up to so many letters a word has too few groups; there one slip is forgiven: `hsh` or `hahs` for `hash`.
SHORT = 5
SHORTEST = 3


def corrected(user_id: int, query: Query) -> Query | None:
    """Replace the words that stand in no name of this user's by the most alike that do; None where there is none.

    Phrases and what is quoted stay as they are. The names looked at are those of the newest 5,000 entries that are
    anything like it.
    """
    terms = tuple(_corrected(user_id, term) for term in query.terms)
    return None if terms == query.terms else Query(terms, query.excluded)


def _corrected(user_id: int, term: Term) -> Term:
    [*firsts, word] = term.words
    grams = trigrams(word, SHORTEST)
    if firsts or term.is_quoted or not grams:
        return term
    found = db.rows(names_statement(), {"owner": user_id, "query": any_trigram(user_id, grams)})
    known = {name for row in found for name in row.names.split()}
    best = most_alike(word, known)
    return term if best is None else replace(term, words=(best,), is_prefix=False)


def most_alike(word: str, known: Collection[str]) -> str | None:
    """Choose the word that is most like this one, or None where none is like it enough."""
    grams = trigrams(word, SHORTEST)
    rated = [(_likeness(grams, trigrams(other)), other) for other in known]
    alike = [pair for pair in rated if pair[0] >= LEAST_ALIKE] or [
        pair for pair in rated if len(word) <= SHORT and is_slip(word, pair[1])
    ]
    return max(alike)[1] if alike else None


def is_slip(word: str, other: str) -> bool:
    """Say whether a letter too much, a missing one, or two neighbours in the wrong order make one word of the other."""
    shorter, longer = sorted((word, other), key=len)
    if len(longer) == len(shorter) + 1:
        return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))
    swapped = (f"{word[:n]}{word[n + 1]}{word[n]}{word[n + 2 :]}" for n in range(len(word) - 1))
    return word != other and other in swapped


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common) if common else 0.0
