"""Drafts of notes: the body that a new note takes, made to fit what NoteAssist keeps.

What is too long is split, or cut where splitting makes no sense, and every such change gives a reason. Of a title that
is cut, the whole goes into the text.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from noteassist.services.imports import limits
from noteassist.services.imports.markup import escaped
from noteassist.services.imports.refusals import too_large

Draft = dict[str, Any]

# As the rest of NoteAssist has them; here again, so that a child process needs neither models nor a database.
STATUSES = ("draft", "published", "archived")
TAGS_PER_NOTE = 20
CHAPTERS_PER_NOTE = 200
TOPICS_PER_CHAPTER = 200
LONGEST_TITLE = 255
LONGEST_TAG = 50
LONGEST_TEXT = 100_000
LONGEST_LANGUAGE = 50
LONGEST_URL = 2048
OLDEST = datetime(1970, 1, 2, tzinfo=UTC)

# Control characters but tab and line feed, and halves of surrogate pairs: neither is text.
NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
# Of these, what no note can have.
UNKEEPABLE = re.compile(r"[\x00\ud800-\udfff]")


@dataclass
class Findings:
    """What was found in an upload: drafts of notes, and what was left out or changed, with the reason.

    Nothing may be found only in what an account without notes exports.
    """

    drafts: list[Draft] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    topics: int = 0
    untold: int = 0
    told_once: set[tuple[str, str]] = field(default_factory=set)
    is_empty_export: bool = False

    def skip(self, file: str, reason: str) -> None:
        """Say that something was left out or changed, once; from the thousandth on only their number is kept."""
        if (file, reason) in self.told_once:
            return
        if len(self.skipped) >= limits.TOLD_REASONS:
            self.untold += 1
            return
        self.told_once.add((file, reason))
        self.skipped.append({"file": clean_line(file)[:LONGEST_TITLE], "reason": reason})

    def add(self, file: str, draft: Mapping[str, Any], *, is_own: bool = False) -> None:
        """Add a draft, made to fit; one that `is_own` was a note here and keeps every character.

        Raises Refused when there are too many.
        """
        for fitting in _Fitting(file, self, is_own=is_own).notes(draft):
            self.drafts.append(fitting)
            self.topics += sum(len(chapter["topics"]) for chapter in fitting["chapters"])
        if len(self.drafts) > limits.NOTES:
            raise too_large(f"This would make more than {limits.NOTES:,} notes.")
        if self.topics > limits.TOPICS:
            raise too_large(f"This would make more than {limits.TOPICS:,} topics.")

    def told(self) -> list[dict[str, str]]:
        """Give what was left out, with the number of those that were not told one by one."""
        if not self.untold:
            return self.skipped
        return [*self.skipped, {"file": "", "reason": f"And {self.untold:,} more like these."}]


def clean_text(text: Any) -> str:
    """Make text of several lines that can be kept: line feeds only, no control characters."""
    lines = str(text).replace("\r\n", "\n").replace("\r", "\n")
    return NO_TEXT.sub("", lines)


def clean_line(text: Any) -> str:
    """Make text of one line."""
    return " ".join(clean_text(text).split())


def without_unkeepable(text: Any) -> str:
    """Leave a text as it is, but for what no note can have."""
    return UNKEEPABLE.sub("", str(text))


def _trimmed(text: Any) -> str:
    return without_unkeepable(text).strip()


def clean_tag(tag: Any) -> str:
    """Make a tag as NoteAssist writes it: lower-cased, its white space folded."""
    return clean_line(unicodedata.normalize("NFC", str(tag)).lower())


def clean_moment(value: Any) -> datetime | None:
    """Read a time that a note may have; None for none, for one that cannot be read or that is no past."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if OLDEST <= moment <= datetime.now(UTC) else None


def path_tags(path: str) -> list[str]:
    """Give a path of folders as tags: for `Biology/Cells` both `biology` and `biology/cells`."""
    parts = [clean_tag(part).strip("/") for part in path.split("/")]
    parts = [part for part in parts if part]
    return ["/".join(parts[: length + 1]) for length in range(len(parts))]


def is_web_address(url: str) -> bool:
    """Say whether a text is an http or https address that a source may have."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_good and len(url) <= LONGEST_URL and not re.search(r"[\s\x00-\x1f\x7f]", url)


def pieces(text: str, size: int = LONGEST_TEXT) -> Iterator[str]:
    """Split a text into pieces of at most `size` characters, between paragraphs, lines or words where it can."""
    while len(text) > size:
        cut = size
        for border in ("\n\n", "\n", " "):
            found = text.rfind(border, size // 2, size)
            if found > 0:
                cut = found + len(border)
                break
        yield text[:cut]
        text = text[cut:]
    yield text


def groups(items: Sequence[Draft], size: int) -> list[Sequence[Draft]]:
    """Split a list into lists of at most `size`; an empty one stays one."""
    return [items[start : start + size] for start in range(0, len(items), size)] or [items]


def numbered(title: str, number: int) -> str:
    """Name the second, third, ... part of something that was split."""
    return title if number == 1 else f"{title[: LONGEST_TITLE - 10]} ({number})"


def _opened(parts: Sequence[Draft], key: str, title: str) -> Sequence[Draft]:
    """Put a part of this title before all others, unless the first one has it already; none for an empty title."""
    if not title or (parts and clean_line(parts[0].get(key)) == title):
        return parts
    return [{key: title}, *parts]


class _Fitting:
    """One draft, made to fit."""

    def __init__(self, file: str, findings: Findings, *, is_own: bool) -> None:
        self.file, self.findings, self.is_own = file, findings, is_own
        self.clean_text = without_unkeepable if is_own else clean_text
        self.clean_line = _trimmed if is_own else clean_line

    def notes(self, draft: Mapping[str, Any]) -> Iterator[Draft]:
        title, whole = self._title(draft.get("title"))
        given = _opened(draft.get("chapters") or (), "title", whole)
        chapters = [fitting for chapter in given for fitting in self._chapters(chapter)]
        common = {
            "tags": self._tags(draft.get("tags") or ()),
            "status": draft["status"] if draft.get("status") in STATUSES else "draft",
            "created_at": clean_moment(draft.get("created_at")),
            "updated_at": clean_moment(draft.get("updated_at")),
        }
        parts = list(self._parts(chapters))
        if len(parts) > 1:
            self._say(
                f"“{title}” has too many chapters or topics for one note and became {len(parts)} notes."
            )
        for number, part in enumerate(parts, 1):
            yield {"title": numbered(title, number), **common, "chapters": part}

    def _parts(self, chapters: Sequence[Draft]) -> Iterator[list[Draft]]:
        """Split chapters between notes, each of which can still be handled."""
        most = limits.TOPICS_PER_NOTE if not self.is_own else CHAPTERS_PER_NOTE * TOPICS_PER_CHAPTER
        part: list[Draft] = []
        topics = 0
        for chapter in chapters:
            size = len(chapter["topics"])
            if part and (len(part) == CHAPTERS_PER_NOTE or topics + size > most):
                yield part
                part, topics = [], 0
            part.append(chapter)
            topics += size
        yield part

    def _chapters(self, chapter: Mapping[str, Any]) -> Iterator[Draft]:
        title, whole = self._title(chapter.get("title"))
        given = _opened(chapter.get("topics") or (), "name", whole)
        topics = [fitting for topic in given for fitting in self._topics(topic)]
        parts = groups(topics, TOPICS_PER_CHAPTER)
        if len(parts) > 1:
            self._say(
                f"“{title}” has more than {TOPICS_PER_CHAPTER} topics and became {len(parts)} chapters."
            )
        for number, part in enumerate(parts, 1):
            yield {"title": numbered(title, number), "topics": list(part)}

    def _topics(self, topic: Mapping[str, Any]) -> Iterator[Draft]:
        name, whole = self._title(topic.get("name"))
        explanation, snippet = topic.get("explanation"), topic.get("code_snippet")
        texts = [] if explanation is None else [self.clean_text(explanation["content"])]
        if whole:
            texts = ["\n\n".join(filter(None, [escaped(whole), *texts]))]
        texts = [piece for text in texts for piece in pieces(text)]
        codes = [] if snippet is None else list(pieces(self.clean_text(snippet["code"])))
        language = (
            "" if snippet is None else self.clean_line(snippet.get("language") or "")[:LONGEST_LANGUAGE]
        )
        count = max(len(texts), len(codes), 1)
        if count > 1:
            self._say(f"“{name}” is longer than {LONGEST_TEXT:,} characters and became {count} topics.")
        for number in range(count):
            fitting: Draft = {"name": numbered(name, number + 1)}
            if number < len(texts):
                fitting["explanation"] = {"content": texts[number]}
            if number < len(codes):
                fitting["code_snippet"] = {"language": language or "text", "code": codes[number]}
            if number == 0 and topic.get("source") is not None:
                fitting |= self._source(name, topic["source"])
            yield fitting

    def _source(self, name: str, source: Mapping[str, Any]) -> Draft:
        url = clean_line(source.get("url") or "")
        if not is_web_address(url):
            self._say(f"The source of “{name}” is no web address and was left out.")
            return {}
        title = self.clean_line(source.get("title") or "")
        if len(title) > LONGEST_TITLE:
            self._say(f"The name of the source “{title[:40]}…” was cut to {LONGEST_TITLE} characters.")
        return {"source": {"title": title[:LONGEST_TITLE], "url": url}}

    def _title(self, title: Any) -> tuple[str, str]:
        """Give a title as it can be kept, and the whole of one that had to be cut."""
        whole = self.clean_line(title or "") or "Untitled"
        if len(whole) <= LONGEST_TITLE:
            return whole, ""
        self._say(
            f"The title “{whole[:40]}…” was cut to {LONGEST_TITLE} characters; the text begins with it."
        )
        return f"{whole[: LONGEST_TITLE - 1].rstrip()}…", whole

    def _tags(self, given: Sequence[Any]) -> list[str]:
        tags: dict[str, None] = {}
        for tag in map(clean_tag, given):
            if len(tag) > LONGEST_TAG:
                self._say(f"The tag “{tag[:40]}…” was cut to {LONGEST_TAG} characters.")
            if tag:
                tags[tag[:LONGEST_TAG].strip()] = None
        if len(tags) > TAGS_PER_NOTE:
            self._say(f"Of {len(tags)} tags the first {TAGS_PER_NOTE} were kept.")
        return sorted(list(tags)[:TAGS_PER_NOTE])

    def _say(self, reason: str) -> None:
        self.findings.skip(self.file, reason)
