"""Words and queries as each of the two databases takes them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import add
from typing import Any

from noteassist import db
from noteassist.services.search.queries import Query, Term

# Stands where words are not side by side although one follows the other.
GAP = "_"
# A tsvector knows no places beyond 16,383, and has at most 1 MiB: that of a word's letters, 5 bytes for its first
# place and 2 for each other one. What is longer is cut alike for both databases.
MOST_PLACES = 16_000
MOST_BYTES = 900_000
MOST_TRIGRAMS = 4000
BYTES_FIRST, BYTES_AGAIN = 5, 2
WEIGHTS = "ABCD"
_PLACES = {weight: [f":{place}{weight}" for place in range(1, MOST_PLACES + 2)] for weight in WEIGHTS}

Sections = Sequence[Sequence[str]]


def owner_prefix(user_id: int) -> str:
    """Give what stands before each word of a user's."""
    return f"{user_id}_"


def stored_words(user_id: int, sections: Sections, trigrams: Iterable[str]) -> str:
    """Make the column `words` of four sections of words, the weightiest first, and of trigrams."""
    if sum(map(len, sections)) > MOST_PLACES // 2:
        sections = _bounded(user_id, sections)
    make = _vector if db.is_postgresql() else _text
    return make(owner_prefix(user_id), sections, sorted(trigrams)[:MOST_TRIGRAMS])


def _bounded(user_id: int, sections: Sections) -> Sections:
    """Cut what is too long: beyond 16,000 places each new word stands once and alone, and at 900 KB it ends."""
    places, size = 0, 0
    seen: set[str] = set()
    cut: list[list[str]] = []
    overhead = len(owner_prefix(user_id)) + BYTES_FIRST
    for section in sections:
        kept: list[str] = []
        for word in section:
            is_beyond = places >= MOST_PLACES
            if size >= MOST_BYTES or (is_beyond and word in seen):
                continue
            size += BYTES_AGAIN if word in seen else len(word.encode()) + overhead
            seen.add(word)
            kept += (GAP, word) if is_beyond else (word,)
            places += 1
        cut.append(kept)
    return cut


def _vector(prefix: str, sections: Sections, trigrams: Iterable[str]) -> str:
    """Write a tsvector: `7_cell:1A 7_wall:2A`; words hold no letter that would have to be escaped."""
    parts: list[str] = []
    start = 0
    for weight, section in zip(WEIGHTS, sections, strict=True):
        places = _PLACES[weight][start : start + len(section)]
        places += [f":{MOST_PLACES + 1}{weight}"] * (len(section) - len(places))
        parts += compress(map(add, section, places), map(GAP.__ne__, section))
        # The last word of one section and the first of the next one are not side by side.
        start += len(section) + 1
    parts += [GAP + gram for gram in trigrams]
    return prefix + f" {prefix}".join(parts) if parts else ""


def _text(prefix: str, sections: Sections, trigrams: Iterable[str]) -> str:
    """Write the words with spaces around each, and a mark where each section begins."""
    written = []
    for weight, section in zip(WEIGHTS, sections, strict=True):
        written.append(f"{GAP}{weight}")
        written += [word if word == GAP else prefix + word for word in section]
    written.append(f"{GAP}E")
    written += [f"{prefix}{GAP}{gram}" for gram in trigrams]
    return f" {' '.join(written)} "


@dataclass(frozen=True)
class Dialect:
    """The SQL of the search on one database."""

    # Finds the entries of :owner that match the parameter {0}: gives the columns {1}.
    matching: str
    # Finds them with all columns, as `entry`, for the parameter `query`: a FROM clause and its condition.
    source: str
    condition: str
    # By what they are newer or older.
    newest: str
    # Says whether the query in the parameter {0} holds for `entry`, one of `hits`.
    stands: str
    # Makes a JSON array of a column.
    array: str
    # The place of the second text in the first, 0 where it is not.
    place: str


POSTGRESQL = Dialect(
    matching="SELECT {1} FROM search_entries WHERE user_id = :owner AND words @@ CAST(:{0} AS tsquery)",
    # OFFSET keeps the planner from reading the newest entries one by one until enough of them match.
    source="(SELECT id, note_id, task_id FROM search_entries WHERE user_id = :owner"
    " AND words @@ CAST(:query AS tsquery) OFFSET 0) AS entry",
    condition="true",
    newest="entry.id",
    stands="entry.words @@ CAST(:{0} AS tsquery)",
    array="json_agg",
    place="strpos({}, {})",
)
SQLITE = Dialect(
    matching="SELECT {1} FROM search_entries WHERE user_id = :owner AND id IN "
    "(SELECT rowid FROM search_index WHERE search_index MATCH :{0})",
    # CROSS JOIN keeps the order: the index gives the newest first, and stops when there are enough.
    source="search_index CROSS JOIN search_entries AS entry ON entry.id = search_index.rowid",
    condition="search_index MATCH :query AND entry.user_id = :owner",
    newest="search_index.rowid",
    # Only as far back as the oldest hit.
    stands="entry.id IN (SELECT rowid FROM search_index WHERE search_index MATCH :{0} AND rowid >= ("
    "SELECT min(id) FROM hits))",
    array="json_group_array",
    place="instr({}, {})",
)


def dialect() -> Dialect:
    """Give the SQL of the database that is behind."""
    return POSTGRESQL if db.is_postgresql() else SQLITE


def match_parameter(user_id: int, query: Query) -> str:
    """Write a whole query as the database takes it; it must not be empty."""
    prefix = owner_prefix(user_id)
    if db.is_postgresql():
        written = [_tsquery(prefix, term) for term in query.terms]
        written += [f"!({_tsquery(prefix, term)})" for term in query.excluded]
        return " & ".join(written)
    wanted = " AND ".join(_fts5(prefix, term) for term in query.terms)
    unwanted = " OR ".join(_fts5(prefix, term) for term in query.excluded)
    return f"({wanted}) NOT ({unwanted})" if unwanted else wanted


def any_trigram(user_id: int, trigrams: Iterable[str]) -> str:
    """Write the query for entries that have any of these trigrams."""
    words = [f"{owner_prefix(user_id)}{GAP}{gram}" for gram in sorted(trigrams)]
    if db.is_postgresql():
        return " | ".join(f"'{word}'" for word in words)
    return " OR ".join(f'"{word}"' for word in words)


def weight_parameters(user_id: int, name: str, term: Term) -> Mapping[str, Any]:
    """Give the queries for a term in each of the four sections and in the first two, named by the sections."""
    prefix = owner_prefix(user_id)
    if db.is_postgresql():
        return {name + sections: _tsquery(prefix, term, sections) for sections in ("AB", *WEIGHTS)}
    return {
        name + sections: f"{{{' '.join(sections.lower())}}} : {_fts5(prefix, term)}"
        for sections in ("AB", *WEIGHTS)
    }


def _tsquery(prefix: str, term: Term, weights: str = "") -> str:
    marks = [weights] * len(term.words)
    if term.is_prefix:
        marks[-1] = "*" + weights
    pairs = zip(term.words, marks, strict=True)
    return " <-> ".join(f"'{prefix}{word}'" + (f":{mark}" if mark else "") for word, mark in pairs)


def _fts5(prefix: str, term: Term) -> str:
    phrase = '"' + " ".join(prefix + word for word in term.words) + '"'
    return phrase + "*" if term.is_prefix else phrase


@db.per_database
def copy_output_entry() -> str:
    """Give the SQL that copies the words of an output: of the row in the table `given`.

    They become those of the output of task :id of :user_id, so the owner before each word changes.
    """
    if db.is_postgresql():
        start, words = "''''", "CAST({} AS tsvector)"
    else:
        start, words = "' '", "{}"
    copied = words.format(
        f"replace(CAST(words AS text), {start} || given.user_id || '_', {start} || :user_id || '_')"
    )
    source = f"SELECT :user_id, :id, names, {copied} FROM given JOIN search_entries USING (task_id)"  # noqa: S608  # our own SQL
    return f"INSERT INTO search_entries (user_id, task_id, names, words) {source}"
