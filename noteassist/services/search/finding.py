"""Finding what a user has written or was given, the best first."""

from collections.abc import Sequence
from typing import Any

import orjson

from noteassist import db
from noteassist.paging import Page, PageRequest, Position
from noteassist.security.actors import Actor
from noteassist.services.search.dialects import match_parameter, weight_parameters
from noteassist.services.search.queries import Query, Term, parse
from noteassist.services.search.snippets import snippet
from noteassist.services.search.statements import SECTION_WEIGHTS, hits_statement
from noteassist.services.search.typos import corrected


def search(actor: Actor, text: str, page: PageRequest) -> Page:
    """Find my notes outside the trash, their topics, and my AI outputs that have all words of a query.

    Best first: by the best place of each word (title, then names and tags, text, code), then the newest. Where nothing
    is found at all, words that stand in no name are replaced by the most alike that do. Of more than 5,000 hits the
    newest 5,000 are ranked.
    """
    query = parse(text)
    if query.is_empty:
        return Page([], None, None)
    if page.position is not None and page.position.key[-1]:
        return _search(actor, corrected(actor.user_id, query) or query, page, is_corrected=True)
    found = _search(actor, query, page, is_corrected=False)
    if found.results or page.position is not None:
        return found
    guessed = corrected(actor.user_id, query)
    return found if guessed is None else _search(actor, guessed, page, is_corrected=True)


def note_parameters(user_id: int, query: Query) -> dict[str, Any]:
    """Give the parameters of `statements.notes_sql`."""
    parameters: dict[str, Any] = {}
    for letter, terms in (("n", query.terms), ("x", query.excluded)):
        for number, term in enumerate(terms):
            parameters[f"{letter}{number}"] = match_parameter(user_id, Query((term,)))
    return parameters


def _search(actor: Actor, query: Query, page: PageRequest, *, is_corrected: bool) -> Page:
    position = page.position
    backward = position is not None and position.backward
    shape = (len(query.terms), len(query.excluded), position is not None, backward)
    found = db.rows(hits_statement(*shape), _parameters(actor.user_id, query, page))
    has_more = len(found) > page.size
    shown = (found[1:] if backward else found[:-1]) if has_more else found
    if not shown:
        return Page([], None, None)
    highest = max(SECTION_WEIGHTS.values()) * len(query.terms)
    return Page(
        [_present(row, query.terms, highest) for row in shown],
        _position(shown[-1], is_corrected, backward=False) if has_more or backward else None,
        _position(shown[0], is_corrected, backward=True)
        if (has_more if backward else position is not None)
        else None,
    )


def _parameters(user_id: int, query: Query, page: PageRequest) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "owner": user_id,
        "now": db.utcnow(),
        "query": match_parameter(user_id, query),
        "needle": query.terms[0].words[0],
        "page_limit": page.size + 1,
    }
    for number, term in enumerate(query.terms):
        parameters |= weight_parameters(user_id, f"t{number}", term)
    if len(query.terms) > 1:
        parameters |= note_parameters(user_id, query)
    if page.position is not None:
        parameters |= {"key_weight": page.position.key[0], "key_id": page.position.key[1]}
    return parameters


def _position(row: db.AnyRow, is_corrected: bool, *, backward: bool) -> Position:
    return Position((row.weight, row.entry_id, int(is_corrected)), backward)


def _present(row: db.AnyRow, terms: Sequence[Term], highest: int) -> dict[str, Any]:
    if row.output_id is not None:
        kind, found_id, note_id = "ai_output", row.output_id, row.output_note_id
    elif row.topic_id is not None:
        kind, found_id, note_id = "topic", row.topic_id, row.note_id
    else:
        kind, found_id, note_id = "note", row.note_id, row.note_id
    names = [*orjson.loads(row.tags or "[]"), *orjson.loads(row.chapters or "[]")]
    texts = (row.content, row.code, row.source, " · ".join(names), row.title)
    return {
        "kind": kind,
        "id": found_id,
        "note_id": note_id,
        "title": row.title,
        "snippet": snippet(texts, terms),
        "rank": round(row.weight / highest, 4),
    }
