"""The SQL of the dashboard: parts that are read together, in one statement.

Every part gives the same columns: its name, two texts, five numbers and a time. What they mean stands in its comment.
Parameters: :owner, :now, :week and :month, the moments at which the last 7 and 30 days of the user began.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, column, text

from noteassist import db

LATEST = 20
# Tasks that are worth telling of, beside those of AI tools, which are told by what they made.
TOLD_TASKS = ("export", "import", "drive_upload", "drive_import")

PARTS = {
    # Notes, chapters and topics in all; notes of this week and their topics; when the last note was changed.
    "totals": """\
SELECT 'totals' AS part, '' AS label, '' AS more, count(*) AS a, coalesce(sum(chapter_count), 0) AS b,
    coalesce(sum(topic_count), 0) AS c, count(*) FILTER (WHERE created_at >= :week) AS d,
    coalesce(sum(topic_count) FILTER (WHERE created_at >= :week), 0) AS e, max(updated_at) AS at
FROM notes WHERE user_id = :owner AND deleted_at IS NULL""",
    # Topics that were added this week to notes from before.
    "added": """\
SELECT 'added' AS part, '' AS label, '' AS more, count(*) AS a, 0 AS b, 0 AS c, 0 AS d, 0 AS e, {no_time} AS at
FROM notes JOIN topics ON topics.user_id = notes.user_id AND topics.note_id = notes.id
WHERE notes.user_id = :owner AND notes.deleted_at IS NULL AND notes.updated_at >= :week AND notes.created_at < :week
    AND topics.created_at >= :week""",
    # Notes made this week: a quarter-hour, how many.
    "notes": """\
SELECT 'notes' AS part, '' AS label, '' AS more, {quarter} AS a, count(*) AS b, 0 AS c, 0 AS d, 0 AS e, {no_time} AS at
FROM notes WHERE user_id = :owner AND deleted_at IS NULL AND created_at >= :week GROUP BY 4""",
    # Topics made this week: a quarter-hour, how many. Whose topics are of this week was changed this week.
    "topics": """\
SELECT 'topics' AS part, '' AS label, '' AS more, {topic_quarter} AS a, count(*) AS b, 0 AS c, 0 AS d, 0 AS e,
    {no_time} AS at
FROM notes JOIN topics ON topics.user_id = notes.user_id AND topics.note_id = notes.id
WHERE notes.user_id = :owner AND notes.deleted_at IS NULL AND notes.updated_at >= :week AND topics.created_at >= :week
GROUP BY 4""",
    # How often each tool was used, and when last.
    "uses": """\
SELECT 'uses' AS part, tool AS label, '' AS more, count(*) AS a, 0 AS b, 0 AS c, 0 AS d, 0 AS e, max(created_at) AS at
FROM ai_usage WHERE user_id = :owner GROUP BY tool""",
    # Of each tool: uses, tokens, answers from the cache; of the others the sum of their ms and the 95th percentile,
    # by nearest rank.
    "tools": """\
SELECT 'tools' AS part, tool AS label, '' AS more, count(*) AS a, coalesce(sum(tokens), 0) AS b,
    count(*) FILTER (WHERE cached) AS c, coalesce(sum(response_ms) FILTER (WHERE NOT cached), 0) AS d,
    coalesce(min(response_ms) FILTER (WHERE NOT cached AND place * 100 >= size * 95), 0) AS e, {no_time} AS at
FROM (
    SELECT tool, tokens, cached, response_ms,
        row_number() OVER (PARTITION BY tool, cached ORDER BY response_ms) AS place,
        count(*) OVER (PARTITION BY tool, cached) AS size
    FROM ai_usage WHERE user_id = :owner
) AS used GROUP BY tool""",
    # Uses this month: a quarter-hour, how many, their tokens.
    "month": """\
SELECT 'month' AS part, '' AS label, '' AS more, {quarter} AS a, count(*) AS b, coalesce(sum(tokens), 0) AS c, 0 AS d,
    0 AS e, {no_time} AS at
FROM ai_usage WHERE user_id = :owner AND created_at >= :month GROUP BY 4""",
    # Days of study: the day, its first and its last quarter-hour.
    "days": """\
SELECT 'days' AS part, '' AS label, '' AS more, day AS a, first_quarter AS b, last_quarter AS c, 0 AS d, 0 AS e,
    {no_time} AS at
FROM study_days WHERE user_id = :owner""",
    # The latest notes: title, what their last revision says; id, whether it is as it was made.
    "latest_notes": """\
SELECT * FROM (
    SELECT 'latest_notes' AS part, title AS label, coalesce((
        SELECT summary FROM note_revisions AS revisions
        WHERE revisions.user_id = notes.user_id AND revisions.note_id = notes.id ORDER BY number DESC LIMIT 1
    ), '') AS more, id AS a, CASE WHEN created_at = updated_at THEN 1 ELSE 0 END AS b, 0 AS c, 0 AS d, 0 AS e,
        updated_at AS at
    FROM notes WHERE user_id = :owner AND deleted_at IS NULL ORDER BY updated_at DESC, id DESC LIMIT {latest}
) AS latest_notes""",
    # The latest outputs: title, tool; id, the note it was saved to.
    "latest_outputs": """\
SELECT * FROM (
    SELECT 'latest_outputs' AS part, title AS label, tool AS more, id AS a, coalesce(note_id, 0) AS b, 0 AS c, 0 AS d,
        0 AS e, created_at AS at
    FROM ai_outputs WHERE user_id = :owner AND (expires_at IS NULL OR expires_at > :now)
    ORDER BY created_at DESC, id DESC LIMIT {latest}
) AS latest_outputs""",
    # The latest tasks that are done: id, kind.
    "latest_tasks": """\
SELECT * FROM (
    SELECT 'latest_tasks' AS part, CAST(id AS TEXT) AS label, kind AS more, 0 AS a, 0 AS b, 0 AS c, 0 AS d, 0 AS e,
        finished_at AS at
    FROM tasks WHERE user_id = :owner AND status = 'succeeded' AND kind IN ({kinds})
    ORDER BY created_at DESC, id DESC LIMIT {latest}
) AS latest_tasks""",
}

# What each call of the dashboard needs.
OVERVIEW = ("totals", "added", "uses")
ACTIVITY = ("latest_notes", "latest_outputs", "latest_tasks")
AI_USAGE = ("tools", "month")
PROGRESS = ("notes", "topics", "days")
EVERYTHING = ("totals", "added", "uses", "notes", "topics", "days", "tools", "month", *ACTIVITY)


@db.per_database
def _statement(parts: tuple[str, ...]) -> db.Prepared:
    blanks = {
        "quarter": db.quarter_of("created_at"),
        "topic_quarter": db.quarter_of("topics.created_at"),
        "no_time": db.no_time(),
        "latest": LATEST,
        "kinds": ", ".join(f"'{kind}'" for kind in TOLD_TASKS),
    }
    union = "\nUNION ALL\n".join(PARTS[part].format(**blanks) for part in parts)
    names = {"week", "month", "now"}
    binds = [bindparam(name, type_=db.UtcDateTime) for name in sorted(names) if f":{name}" in union]
    texts = [column(name, Text) for name in ("part", "label", "more")]
    numbers = [column(name, BigInteger) for name in "abcde"]
    return db.Prepared(text(union).bindparams(*binds).columns(*texts, *numbers, column("at", db.UtcDateTime)))


def read_parts(parts: tuple[str, ...], user_id: int, times: dict[str, datetime]) -> dict[str, Sequence[Any]]:
    """Read parts of a user's dashboard in one statement; gives the rows of each by its name."""
    found: dict[str, list[Any]] = {part: [] for part in parts}
    for row in db.read_rows(_statement(parts), {"owner": user_id, **times}):
        found[row.part].append(row)
    return dict(found)
