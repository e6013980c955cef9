"""The SQL of searches, put together of each database's own parts."""

from sqlalchemy import TextClause, bindparam, text

from noteassist import db
from noteassist.models import AiOutput, SearchEntry
from noteassist.services.search.dialects import dialect

# Above so many hits only the newest are ranked.
MOST_RANKED = 5000
# What a word counts by the best section it stands in: title, names and tags, text, code.
SECTION_WEIGHTS = {"A": 100, "B": 40, "C": 20, "D": 10}
# A word of a note that stands in one of its topics counts for the note as little as this.
WEIGHT_ELSEWHERE = 5
# What of a longer text is looked at for the excerpt, in characters, and how much of it lies before the word.
LONGEST_LOOK, LOOK_BEFORE = 6000, 300

# The newest that are not in the trash, and not expired.
_NEWEST = """\
    SELECT entry.id, entry.note_id FROM {source}
    LEFT JOIN notes ON notes.user_id = :owner AND notes.id = entry.note_id
    LEFT JOIN ai_outputs ON ai_outputs.user_id = :owner AND ai_outputs.task_id = entry.task_id
    WHERE {condition} AND ((notes.id IS NOT NULL AND notes.deleted_at IS NULL)
        OR (ai_outputs.id IS NOT NULL AND (ai_outputs.expires_at IS NULL OR ai_outputs.expires_at > :now)))
    ORDER BY {newest} DESC LIMIT {most}"""
_FOUND = """\
WITH direct AS MATERIALIZED (
{direct}
),
hits AS MATERIALIZED (SELECT id FROM direct {beside}),
ranked AS MATERIALIZED (
    SELECT entry.id, entry.note_id, entry.topic_id, entry.task_id, {weight} AS weight
    FROM hits JOIN search_entries AS entry ON entry.id = hits.id
),
page AS MATERIALIZED (
    SELECT * FROM ranked {after} ORDER BY weight {direction}, id {direction} LIMIT :page_limit
)
SELECT page.id AS entry_id, page.weight, page.note_id, page.topic_id, ai_outputs.id AS output_id,
    coalesce(ai_outputs.title, topics.name, notes.title) AS title, {explanation} AS content, {code} AS code,
    sources.title AS source, saved.id AS output_note_id,
    CASE WHEN page.topic_id IS NULL AND page.task_id IS NULL THEN {tags} END AS tags,
    CASE WHEN page.topic_id IS NULL AND page.task_id IS NULL THEN {chapters} END AS chapters
FROM page
LEFT JOIN notes ON notes.user_id = :owner AND notes.id = page.note_id
LEFT JOIN topics ON topics.user_id = :owner AND topics.id = page.topic_id
LEFT JOIN explanations ON explanations.user_id = :owner AND explanations.topic_id = page.topic_id
LEFT JOIN code_snippets ON code_snippets.user_id = :owner AND code_snippets.topic_id = page.topic_id
LEFT JOIN sources ON sources.user_id = :owner AND sources.topic_id = page.topic_id
LEFT JOIN ai_outputs ON ai_outputs.user_id = :owner AND ai_outputs.task_id = page.task_id
LEFT JOIN notes AS saved ON saved.user_id = :owner AND saved.id = ai_outputs.note_id AND saved.deleted_at IS NULL
ORDER BY page.weight DESC, page.id DESC"""
# A JSON array in the order of its rows.
_LIST = """\
(SELECT CAST({array}(listed.item) AS text) FROM (
    SELECT {column} AS item FROM {table} WHERE {table}.user_id = :owner AND {table}.note_id = page.note_id
    ORDER BY {order}
) AS listed)"""
# Notes that have all words, though no part of theirs has.
_BESIDE = """\
UNION ALL SELECT entry.id FROM search_entries AS entry
    JOIN notes ON notes.user_id = :owner AND notes.id = entry.note_id AND notes.deleted_at IS NULL
    WHERE entry.user_id = :owner AND entry.topic_id IS NULL
        AND entry.note_id IN ({notes} EXCEPT SELECT note_id FROM direct)"""


@db.per_database
def hits_statement(terms: int, excluded: int, is_placed: bool, is_backward: bool) -> TextClause:
    """Make the SELECT of one page of hits.

    Parameters: `owner`, `now`, `query`, those of `weight_parameters` for `t0`, `t1`, ..., with two terms or more also
    those of `notes_sql`, `page_limit`, and `key_weight` and `key_id` of the hit beside the page.
    """
    sql = dialect()
    after = "WHERE (weight, id) {} (:key_weight, :key_id)".format(">" if is_backward else "<")
    statement = _FOUND.format(
        direct=_NEWEST.format(
            source=sql.source, condition=sql.condition, newest=sql.newest, most=MOST_RANKED
        ),
        beside=_BESIDE.format(notes=notes_sql(terms, excluded)) if terms > 1 else "",
        weight=" + ".join(_weight(number, terms) for number in range(terms)),
        after=after if is_placed else "",
        direction="ASC" if is_backward else "DESC",
        explanation=_excerpt("coalesce(ai_outputs.content, explanations.content)"),
        code=_excerpt("code_snippets.code"),
        tags=_LIST.format(array=sql.array, column="name", table="tags", order="name"),
        chapters=_LIST.format(array=sql.array, column="title", table="chapters", order="position"),
    )
    return text(statement).bindparams(bindparam("now", type_=AiOutput.expires_at.type))


def _weight(number: int, terms: int) -> str:
    """Make the weight of a term: by the best section it stands in. Most stand in none of the first two."""
    in_sections = {
        sections: dialect().stands.format(f"t{number}{sections}") for sections in ("AB", *SECTION_WEIGHTS)
    }
    return (
        f"CASE WHEN {in_sections['AB']} "
        f"THEN CASE WHEN {in_sections['A']} THEN {SECTION_WEIGHTS['A']} ELSE {SECTION_WEIGHTS['B']} END "
        f"WHEN {in_sections['C']} THEN {SECTION_WEIGHTS['C']} WHEN {in_sections['D']} THEN {SECTION_WEIGHTS['D']} "
        f"ELSE {WEIGHT_ELSEWHERE if terms > 1 else 0} END"
    )


def _excerpt(column: str) -> str:
    """Cut a long text to what lies around the first letters that look like the :needle."""
    place = f"{dialect().place.format(f'lower({column})', ':needle')} - {LOOK_BEFORE}"
    around = f"substr({column}, {db.greater_of()}(1, {place}), {LONGEST_LOOK})"
    return f"CASE WHEN length({column}) > {LONGEST_LOOK} THEN {around} ELSE {column} END"


@db.per_database
def notes_sql(terms: int, excluded: int) -> str:
    """Make the SELECT of the ids of notes that have all terms, wherever in the note, and none of the excluded.

    Parameters: `owner`, and a query for each of `n0`, `n1`, ... and of `x0`, `x1`, ...
    """
    matching = dialect().matching
    having = [matching.format(f"n{number}", "note_id") for number in range(terms)]
    lacking = [matching.format(f"x{number}", "note_id") for number in range(excluded)]
    return " EXCEPT ".join([" INTERSECT ".join(having), *lacking])


@db.per_database
def notes_subquery(terms: int, excluded: int) -> db.AnySelect:
    """Make `notes_sql` for use with IN; its parameters are given when it is run."""
    return text(notes_sql(terms, excluded)).columns(SearchEntry.note_id)  # type: ignore[return-value]  # selects like one


@db.per_database
def names_statement() -> TextClause:
    """Make the SELECT of the names of entries that have one of the trigrams in `query`, newest first."""
    found = dialect().matching.format("query", "names")
    return text(f"{found} ORDER BY id DESC LIMIT {MOST_RANKED}")
