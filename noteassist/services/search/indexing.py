"""Writing the words of new and changed things, in the open write."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert

from noteassist import db
from noteassist.models import SearchEntry
from noteassist.services.search.dialects import GAP, stored_words
from noteassist.services.search.tokens import camel_parts, trigrams, trigrams_of, words_of

Record = dict[str, Any]


def note_entry(
    user_id: int, note_id: int, title: str, tags: Iterable[str], chapter_titles: Iterable[str]
) -> Record:
    """Make the entry of a note itself."""
    sections = (_section((title,)), _section((*tags, *chapter_titles)), (), ())
    return {"user_id": user_id, "note_id": note_id, "topic_id": None} | _words(user_id, sections)


def topic_entry(user_id: int, note_id: int, topic_id: int, topic: Mapping[str, Any]) -> Record:
    """Make the entry of a topic: its name, its text and the title of its source, its code."""
    explanation, snippet, source = (topic.get(part) for part in ("explanation", "code_snippet", "source"))
    texts = [explanation["content"]] if explanation else []
    texts += [source["title"]] if source else []
    code = [snippet["code"]] if snippet else []
    sections = ((), _section((topic["name"],)), _section(texts), _section(code))
    return {"user_id": user_id, "note_id": note_id, "topic_id": topic_id} | _words(user_id, sections)


def _section(texts: Iterable[str]) -> list[str]:
    words: list[str] = []
    for text in texts:
        if words:
            words.append(GAP)
        words += words_of(text)
        for part in camel_parts(text):
            words += (GAP, part)
    return words


def _words(user_id: int, sections: Sequence[Sequence[str]]) -> Record:
    named = [word for section in sections[:2] for word in section if trigrams(word)]
    return {
        "names": " ".join(dict.fromkeys(named)),
        "words": stored_words(user_id, sections, trigrams_of(named)),
    }


def insert_entries(entries: Sequence[Record]) -> None:
    """Insert entries of notes and topics that have none."""
    db.insert_rows(SearchEntry, entries)


def index_topics(user_id: int, note_id: int, topics: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Write the words of topics that have changed, given as (id, topic)."""
    if topics:
        changed = db.each_of([topic_id for topic_id, _ in topics])
        own = (SearchEntry.user_id == user_id) & SearchEntry.topic_id.in_(changed)
        db.execute(delete(SearchEntry).where(own))
        insert_entries([topic_entry(user_id, note_id, topic_id, topic) for topic_id, topic in topics])


def index_outputs(outputs: Iterable[Mapping[str, Any]]) -> None:
    """Write the words of new AI outputs: rows with `user_id`, `task_id`, `title` and `content`."""
    entries = []
    for output in outputs:
        sections = (_section((output["title"],)), (), _section((output["content"],)), ())
        owner = {"user_id": output["user_id"], "task_id": output["task_id"]}
        entries.append(owner | _words(output["user_id"], sections))
    if entries:
        db.execute(insert(SearchEntry), entries)
