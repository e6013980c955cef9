"""Anki collections (`.apkg`): a deck for each note, a card for each topic.

Ids come from those of notes and topics, with the time at which they were made, so that another server's are others: a
collection that is imported again updates the cards that are there, and keeps what was learnt. The same note makes the
same bytes.
"""

import contextlib
import hashlib
import html
import itertools
import json
import re
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import genanki  # type: ignore[import-untyped]
from genanki.apkg_col import APKG_COL  # type: ignore[import-untyped]
from genanki.apkg_schema import APKG_SCHEMA  # type: ignore[import-untyped]

from noteassist.services.exports.documents import one_line
from noteassist.services.exports.highlighting import COLOURS
from noteassist.services.exports.markdown import clean
from noteassist.services.exports.times import read_time, shown_time

MODEL_ID = 1_780_412_603
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
# Rows are numbered by milliseconds in Anki, which gives other numbers to those it has already.
FIRST_ID = 1_767_225_600_000
PARENT_DECK = "NoteAssist"
FIELDS = ("Topic", "Chapter", "Note", "Explanation", "Code", "Source")
QUESTION = """\
<div class="place" dir="auto">{{Note}} · {{Chapter}}</div>
<div class="topic" dir="auto">{{Topic}}</div>"""
ANSWER = """\
{{FrontSide}}
<hr id="answer">
<div class="answer">{{Explanation}}{{Code}}{{#Source}}<p class="place">Source: {{Source}}</p>{{/Source}}</div>"""
STYLE = """\
.card { font: 18px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; text-align: start }
.place { color: #6a737d; font-size: .85em } .topic { font-size: 1.4em; font-weight: 600; margin: .4em 0 }
pre, code { font: .85em/1.5 ui-monospace, Menlo, Consolas, monospace; background: #8881; border-radius: .3em }
pre { padding: .8em 1em; overflow-x: auto; direction: ltr; text-align: left } code { padding: .1em .3em }
pre code { padding: 0; background: none; font-size: 1em }
table { border-collapse: collapse } th, td { border: 1px solid #8886; padding: .3em .6em }
blockquote { margin-inline-start: 0; padding-inline-start: 1em; border-inline-start: .2em solid #8888 }
"""

Cards = list[list[str]]
Details = Iterator[tuple[Mapping[str, Any], Cards]]


def write_collection(details: Details, out: BinaryIO, progress: Callable[[int], None]) -> None:
    """Write notes, each with the fields of its cards, and tell after each how many there are.

    What is written waits in a file for the end, not in memory.
    """
    with tempfile.TemporaryDirectory(prefix="noteassist-") as folder:
        place = Path(folder) / "collection.anki2"
        with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as connection:
            _fill(connection, details, progress)
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            entry = zipfile.ZipInfo("collection.anki2")
            entry.compress_type = zipfile.ZIP_DEFLATED
            with place.open("rb") as collection, archive.open(entry, "w", force_zip64=True) as inside:
                shutil.copyfileobj(collection, inside)
            archive.writestr(zipfile.ZipInfo("media"), "{}")


def _fill(connection: sqlite3.Connection, details: Details, progress: Callable[[int], None]) -> None:
    cursor = connection.cursor()
    cursor.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + APKG_SCHEMA + APKG_COL)
    cursor.execute("BEGIN")
    ids = itertools.count(FIRST_ID)
    decks = []
    for number, (note, cards) in enumerate(details, 1):
        deck = genanki.Deck(deck_id(note), _deck_name(note))
        decks.append(deck)
        topics = [topic for chapter in note["chapters"] for topic in chapter["topics"]]
        # Anki updates a card that is older than the one in the file.
        changed_at = (read_time(note.get("updated_at")) or EPOCH).timestamp()
        tags = [tag for tag in map(anki_tag, note["tags"]) if tag]
        for topic, fields in zip(topics, cards, strict=True):
            card = genanki.Note(MODEL, fields, guid=topic_guid(topic), tags=tags)
            card.write_to_db(cursor, changed_at, deck.deck_id, ids)
        progress(number)
    # genanki does this anew for each deck, which takes too long for many.
    known = json.loads(cursor.execute("SELECT decks FROM col").fetchone()[0])
    known |= {str(deck.deck_id): deck.to_json() for deck in decks}
    model = {str(MODEL_ID): MODEL.to_json(EPOCH.timestamp(), decks[0].deck_id if decks else 1)}
    cursor.execute("UPDATE col SET decks = ?, models = ?", (json.dumps(known), json.dumps(model)))
    cursor.execute("COMMIT")


def plain_cards(note: Mapping[str, Any]) -> Cards:
    """Write the fields of each topic of a note as they were typed, for a note that cannot be laid out."""
    return [
        [*map(_escaped, (topic["name"], chapter["title"], note["title"])), *_plain_parts(topic)]
        for chapter in note["chapters"]
        for topic in chapter["topics"]
    ]


def _plain_parts(topic: Mapping[str, Any]) -> list[str]:
    fields = (("explanation", "content"), ("code_snippet", "code"), ("source", "url"))
    texts = [topic[part][field] if topic.get(part) else "" for part, field in fields]
    return [f"<pre>{_escaped(text)}</pre>" if text else "" for text in texts]


def _escaped(text: str) -> str:
    return html.escape(clean(text))


def deck_id(note: Mapping[str, Any]) -> int:
    """Give the id of a note's deck."""
    return (1 << 40) | int(_digest("note", note, "title")[:10], 16)


def topic_guid(topic: Mapping[str, Any]) -> str:
    """Give the id by which Anki knows a topic again."""
    return _digest("topic", topic, "name")[:20]


def anki_tag(tag: str) -> str:
    """Write a tag as Anki has them: without white space."""
    return re.sub(r"[\s\x00-\x1f]+", "_", tag.strip())


def _digest(kind: str, row: Mapping[str, Any], name: str) -> str:
    made = shown_time(row.get("created_at")) or row[name]
    return hashlib.sha256(f"noteassist {kind} {row.get('id')} {made}".encode()).hexdigest()


def _deck_name(note: Mapping[str, Any]) -> str:
    title = re.sub(r":{2,}", ":", one_line(note["title"])).strip(":") or "Untitled"
    return f"{PARENT_DECK}::{title}"


def _style() -> str:
    light = "".join(f".{kind} {{ color: {colour} }}\n" for kind, (colour, _) in COLOURS.items())
    dark = "".join(f".nightMode .{kind} {{ color: {colour} }}\n" for kind, (_, colour) in COLOURS.items())
    return STYLE + light + dark


MODEL = genanki.Model(
    MODEL_ID,
    "NoteAssist topic",
    fields=[{"name": name} for name in FIELDS],
    templates=[{"name": "Topic", "qfmt": QUESTION, "afmt": ANSWER}],
    css=_style(),
)
