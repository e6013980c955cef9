"""Markdown files as notes: our own exactly, and any other by its headings."""

import json
import re
from collections import Counter
from typing import Any

from noteassist.services.exports.drafts import Draft, Unreadable, topic_draft
from noteassist.services.exports.front_matter import draft_fields, split_front_matter
from noteassist.services.exports.lines import scan
from noteassist.services.exports.own_json import FORMAT, VERSION
from noteassist.services.exports.own_markdown import CHAPTER, LINK, MARK, TOPIC, end_mark

LONGEST_NAME = 255


def read_markdown(text: str, *, name: str = "Untitled") -> Draft:
    """Read a Markdown file as a note; `name` is its title if nothing in it says otherwise. Raises Unreadable.

    In a file that was not written here the first of `#`, `##` and `###` that can be is the title, the next one
    makes chapters, the next one topics; deeper headings belong to the text.
    """
    text = text.removeprefix("\ufeff")
    if text.partition("\n")[0].endswith("\r"):
        text = text.replace("\r\n", "\n")
    fields, body = split_front_matter(text)
    if fields.get("format") == FORMAT:
        if fields.get("version") != VERSION:
            raise Unreadable(f"This file is of a version that cannot be read; {VERSION} can.")
        return _read_own(fields, body)
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    return _read_foreign(fields, body, name)


class _Builder:
    """A note that grows while its file is read."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.chapters: list[Draft] = []
        self.topic: Draft | None = None

    def add_chapter(self, title: str) -> None:
        self.chapters.append({"title": title, "topics": []})
        self.topic = None

    def add_topic(self, name: str) -> Draft:
        if not self.chapters:
            self.add_chapter(self.title)
        self.topic = topic_draft(name)
        self.chapters[-1]["topics"].append(self.topic)
        return self.topic

    def current(self) -> Draft:
        """Give the topic that a part belongs to; text before the first topic gets one of its chapter's name."""
        return self.topic or self.add_topic(self.chapters[-1]["title"] if self.chapters else self.title)

    def add_text(self, content: str) -> None:
        topic = self.current()
        before = topic["explanation"]
        topic["explanation"] = {"content": f"{before['content']}\n\n{content}" if before else content}


def _read_own(fields: dict[str, Any], body: str) -> Draft:
    title = fields.get("title")
    if not isinstance(title, str):
        raise Unreadable("There is no title at the top of the file.")
    note = _Builder(title)
    lines = body.split("\n")
    at = next((number for number, line in enumerate(lines) if line), len(lines))
    if at < len(lines) and lines[at].startswith("# "):
        at += 1
    while at < len(lines):
        at = _read_block(note, lines, at)
    return {"title": title, **draft_fields(fields, verbatim=True), "chapters": note.chapters}


def _read_block(note: _Builder, lines: list[str], at: int) -> int:
    """Read what begins at a line; gives the line after it."""
    if not lines[at]:
        return at + 1
    line = next(scan(lines, at))
    if line.level in {CHAPTER, TOPIC}:
        below = MARK.fullmatch(lines[at + 1]) if at + 1 < len(lines) else None
        exact = below.group(3) if below and below.group(1) == "exact" else None
        title = line.title if exact is None else _json(exact, str)
        (note.add_chapter if line.level == CHAPTER else note.add_topic)(title)
        return at + (1 if exact is None else 2)
    if mark := MARK.fullmatch(lines[at]):
        return _read_part(note, lines, at + 1, mark)
    end = at
    for found in scan(lines, at):
        if found.level in {CHAPTER, TOPIC} or (not found.is_code and MARK.fullmatch(found.text)):
            break
        end += 1
    note.add_text("\n".join(lines[at:end]).strip("\n"))
    return end


def _read_part(note: _Builder, lines: list[str], at: int, mark: re.Match[str]) -> int:
    """Read a part whose mark stands above a line; gives the line after it."""
    kind, number, details = mark.groups()
    if kind == "explanation":
        end = _find(lines, end_mark(number), at)
        note.add_text("\n".join(lines[at:end]))
        return end + 1
    if kind == "code":
        fence, language = _fence(lines, at)
        end = _find(lines, fence, at + 1)
        language = language if details is None else _json(details, str)
        note.current()["code_snippet"] = {"language": language, "code": "\n".join(lines[at + 1 : end])}
        return end + 1
    if kind == "source":
        return _read_source(note, lines, at, details)
    return at


def _read_source(note: _Builder, lines: list[str], at: int, details: str | None) -> int:
    if details is not None:
        source = _json(details, dict)
        note.current()["source"] = {field: str(source.get(field, "")) for field in ("title", "url")}
        return at
    link = LINK.fullmatch(lines[at]) if at < len(lines) else None
    if link is None:
        raise Unreadable("There is no link below a mark of a source.")
    note.current()["source"] = {"title": link.group(1), "url": link.group(2)}
    return at + 1


def _fence(lines: list[str], at: int) -> tuple[str, str]:
    found = re.fullmatch(r"(`{3,})([^`]*)", lines[at]) if at < len(lines) else None
    if found is None:
        raise Unreadable("There is no code below a mark of code.")
    return found.group(1), found.group(2)


def _find(lines: list[str], wanted: str, at: int) -> int:
    try:
        return lines.index(wanted, at)
    except ValueError:
        raise Unreadable(f"The line “{wanted}” is missing.") from None


def _json(text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise Unreadable("A comment of NoteAssist in the file cannot be read.")
    return value


def _read_foreign(fields: dict[str, Any], body: str, name: str) -> Draft:
    lines = list(scan(body.split("\n"), underlined=True))
    levels = Counter(line.level for line in lines if line.level)
    title = next((line.title for line in lines if line.level == 1), None) if levels[1] == 1 else None
    given = fields.get("title")
    title = _name(given if isinstance(given, str) and given.strip() else title or name, name)
    # One `#` is the title; several are chapters.
    chapter = 1 if levels[1] > 1 else min((level for level in levels if level > 1), default=2)
    note = _Builder(title)
    text: list[str] = []
    for line in lines:
        if line.level and line.level <= chapter + 1:
            _flush(note, text)
            _add_heading(note, line.level - chapter, line.title)
        else:
            text.append(line.text)
    _flush(note, text)
    return {"title": title, **draft_fields(fields), "chapters": note.chapters}


def _add_heading(note: _Builder, depth: int, title: str) -> None:
    shown = re.sub(r"[ \t]+#+[ \t]*$", "", title).strip()
    if depth < 0:
        return
    (note.add_topic if depth else note.add_chapter)(_name(shown))
    if len(shown) > LONGEST_NAME:
        note.add_text(shown)


def _flush(note: _Builder, text: list[str]) -> None:
    content = "\n".join(text).strip("\n")
    if content.strip():
        note.add_text(content)
    text.clear()


def _name(text: str, otherwise: str = "Untitled") -> str:
    """Make a title or name of a text: one line, not longer than it may be, never empty."""
    line = " ".join(text.replace("\x00", "").split()) or otherwise
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
