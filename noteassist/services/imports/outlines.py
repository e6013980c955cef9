"""A long Markdown text as chapters and topics, by its headings."""

import re
from dataclasses import dataclass, field

from noteassist.services.imports.drafts import Draft
from noteassist.services.imports.markup import FENCE

HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)")
UNDERLINE = re.compile(r" {0,3}(=+|-{3,})[ \t]*")
# Bounded, so that no text takes long.
LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\([^)\[\n]{0,2048}\)")
LINKS_WITHIN = 2000
EMPHASIS = re.compile(r"(\*\*|__|~~|==|`|(?<!\w)[*_]|[*_](?!\w))")
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass
class Section:
    """A heading with the lines below it, up to the next heading; level 0 is what stands before the first."""

    level: int
    title: str
    heading: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Give the text without empty lines around it."""
        return "\n".join(self.lines).strip("\n")

    @property
    def whole(self) -> str:
        """Give the text with its heading."""
        return f"{self.heading}\n\n{self.text}".strip("\n")


def sections_of(text: str) -> list[Section]:
    """Cut a Markdown text at its headings; a `#` within fenced code is none."""
    found = [Section(0, "")]
    fence = ""
    for line in text.split("\n"):
        if fence or FENCE.match(line):
            fence = _after(line, fence)
            found[-1].lines.append(line)
        elif match := HEADING.fullmatch(line):
            found.append(Section(len(match[1]), plain(_without_closing(match[2])), line.strip()))
        elif _is_underline(line, found[-1].lines):
            title = found[-1].lines.pop().strip()
            level = 1 if line.strip().startswith("=") else 2
            found.append(Section(level, plain(title), f"{'#' * level} {title}"))
        else:
            found[-1].lines.append(line)
    return [section for section in found if section.level or section.text]


def _without_closing(title: str) -> str:
    """Take off the `#` that a heading may end with."""
    stripped = title.rstrip()
    shorter = stripped.rstrip("#")
    return shorter if shorter.endswith((" ", "\t")) else stripped


def _after(line: str, fence: str) -> str:
    """Give the fence that is open after this line."""
    mark = FENCE.match(line)
    if mark is None:
        return fence
    if not fence:
        return mark[1]
    closes = mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line.strip().strip(fence[0])
    return "" if closes else fence


def _is_underline(line: str, before: list[str]) -> bool:
    """Say whether a line of `===` or `---` makes a heading of the only line of text before it."""
    if UNDERLINE.fullmatch(line) is None or not before or not before[-1].strip():
        return False
    is_alone = len(before) == 1 or not before[-2].strip()
    return is_alone and not re.match(r"\s*([-*+>|]|\d+[.)])|\s{4}", before[-1])


def plain(markdown: str) -> str:
    """Give one line of Markdown as a reader sees it; links are made out in its first 2,000 characters."""
    text = LINK.sub(r"\1", markdown[:LINKS_WITHIN]) + markdown[LINKS_WITHIN:]
    return ESCAPED.sub(r"\1", EMPHASIS.sub("", text)).strip()


def is_same_title(one: str, other: str) -> bool:
    """Say whether two titles differ in case and punctuation only."""
    return re.sub(r"[\W_]+", " ", one).casefold().strip() == re.sub(r"[\W_]+", " ", other).casefold().strip()


def outline(text: str, *, name: str, title: str = "") -> Draft:
    """Make title and chapters of a Markdown text.

    `title` is the note's where that is known, and a heading that repeats it is left out. Otherwise a single highest
    heading at the beginning is the title, or else `name`, the file's. Of the headings that are left the highest
    level makes chapters, the next one topics, and deeper ones stay in the text.
    """
    sections = sections_of(text)
    first = next((section for section in sections if section.level), None)
    if first is not None and _is_title(first, sections, title):
        title = title or first.title
        sections = _without_heading(sections, first)
    title = title or name
    return {"title": title, "chapters": _chapters(title, sections)}


def _is_title(first: Section, sections: list[Section], title: str) -> bool:
    if title:
        return is_same_title(first.title, title)
    is_only_one = sum(section.level == first.level for section in sections) == 1
    is_highest = all(section.level >= first.level for section in sections if section.level)
    return bool(first.title) and is_only_one and is_highest and sections[0] is first


def _without_heading(sections: list[Section], heading: Section) -> list[Section]:
    """Make a heading's text a text before the first heading."""
    place = sections.index(heading)
    before = sections[0].lines if place else []
    opening = Section(0, "", lines=[*before, *([""] if before else []), *heading.lines])
    return [*([opening] if opening.text else []), *sections[place + 1 :]]


def _chapters(title: str, sections: list[Section]) -> list[Draft]:
    levels = sorted({section.level for section in sections if section.level})
    chapter_level, topic_level = [*levels, 9, 9][:2]
    chapters: list[Draft] = []
    for section in sections:
        if section.level <= chapter_level or not chapters:
            # What stands before the first chapter is in one that has the note's title.
            is_chapter = section.level == chapter_level
            chapters.append({"title": (section.title if is_chapter else "") or title, "topics": []})
        topics = chapters[-1]["topics"]
        if section.level == topic_level or not topics:
            # A chapter's own text, before its first topic, is a topic of its name.
            text = section.text if section.level <= topic_level else section.whole
            name = section.title or title
            if section.level > chapter_level or text:
                topics.append({"name": name, "explanation": {"content": text} if text else None})
        else:
            add_text(topics[-1], section.whole)
    return chapters


def add_text(topic: Draft, text: str) -> None:
    """Put more text under that of a topic."""
    before = topic["explanation"]["content"] if topic.get("explanation") else ""
    topic["explanation"] = {"content": f"{before}\n\n{text}".strip("\n")}
