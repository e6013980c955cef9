"""Notes as they are read from files: bodies that POST /api/notes/ takes, with `created_at` and `updated_at` beside."""

from collections.abc import Mapping, Sequence
from typing import Any

from noteassist.children import Refused
from noteassist.services.exports.times import shown_time

Draft = dict[str, Any]

STATUSES = ("draft", "published", "archived")
PARTS = {"explanation": ("content",), "code_snippet": ("language", "code"), "source": ("title", "url")}


class Unreadable(Refused):
    """The file is not what it claims to be; `detail` says what is wrong with it."""

    def __init__(self, detail: str) -> None:
        super().__init__("unreadable", detail)


def draft_of(note: Any) -> Draft:
    """Take from a detail what makes a note, and leave ids and what else a file has; raises Unreadable."""
    title = _text(_mapping(note, "a note"), "title")
    tags = note.get("tags") or []
    if not isinstance(tags, Sequence) or not all(isinstance(tag, str) for tag in tags):
        raise Unreadable(f"The tags of “{title}” are not a list of texts.")
    status = note.get("status", "draft")
    if status not in STATUSES:
        raise Unreadable(f"The status of “{title}” is none of {', '.join(STATUSES)}.")
    chapters = [_chapter(chapter) for chapter in _items(note, "chapters")]
    draft: Draft = {"title": title, "tags": list(tags), "status": status, "chapters": chapters}
    return draft | times_of(note)


def times_of(fields: Mapping[str, Any]) -> Draft:
    """Give those of the two times that are there and are times."""
    times = {name: shown_time(fields.get(name)) for name in ("created_at", "updated_at")}
    return {name: time for name, time in times.items() if time is not None}


def topic_draft(name: str) -> Draft:
    """Make a topic without any part."""
    return {"name": name, **dict.fromkeys(PARTS)}


def _chapter(chapter: Any) -> Draft:
    title = _text(_mapping(chapter, "a chapter"), "title")
    return {"title": title, "topics": [_topic(topic) for topic in _items(chapter, "topics")]}


def _topic(topic: Any) -> Draft:
    draft = topic_draft(_text(_mapping(topic, "a topic"), "name"))
    for part, fields in PARTS.items():
        if topic.get(part) is not None:
            content = _mapping(topic[part], part)
            draft[part] = {field: _text(content, field) for field in fields}
    return draft


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unreadable(f"There is something else where {what} should be.")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise Unreadable(f"There is no text in a field “{name}”.")
    return value


def _items(fields: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = fields.get(name, [])
    if not isinstance(value, list):
        raise Unreadable(f"The field “{name}” is not a list.")
    return value
