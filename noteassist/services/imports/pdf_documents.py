"""PDF files: their text, with chapters by the outline, or else by the size of letters, or else by pages."""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pypdf
from pypdf import apply_configuration
from pypdf.errors import PyPdfError

from noteassist.services.exports.documents import AUTHOR
from noteassist.services.imports import limits
from noteassist.services.imports.drafts import Draft, Findings, clean_line
from noteassist.services.imports.outlines import is_same_title
from noteassist.services.imports.pdf_lines import Collector, Line, paragraphs
from noteassist.services.imports.refusals import too_large, unreadable

LONGEST_HEADING = 160
# Letters so much larger than those of the text make a heading.
HEADING_FACTOR = 1.15
PAGES_PER_CHAPTER = 20
OUTLINE_ENTRIES = 2_000
# Dots that lead to a page's number, in a table of contents.
LEADER = re.compile(r"(?:\.\s?){4,}\s*\d{1,5}$")
FEWEST_LEADERS = 2
# The number of a chapter or a topic, before its title in a document of ours.
OWN_NUMBER = re.compile(r"^\d+(?:\.\d+)? ")

# What one packed stream may unpack to, and that no other program is started; the file as a whole is bounded by the
# memory and the time of this process.
CAREFUL: dict[str, Any] = {
    "zlib_maximum_output_length": limits.DOCUMENT_PART_BYTES,
    "lzw_maximum_output_length": limits.DOCUMENT_PART_BYTES,
    "run_length_maximum_output_length": limits.DOCUMENT_PART_BYTES,
    "stream_decoding_work_maximum_length": 4 * limits.DOCUMENT_PART_BYTES,
    "outline_maximum_entries": 10_000,
    "page_tree_maximum_entries": 10 * limits.PAGES,
    "xform_maximum_invocations_per_extraction": 500,
    "jbig2dec_binary": None,
}


@dataclass
class Heading:
    """Where a chapter (level 0) or a topic (level 1) begins: at this line of all."""

    level: int
    title: str
    line: int


@dataclass(frozen=True)
class _Entry:
    """Where an entry of the outline leads: to a page, and mostly to a height on it."""

    title: str
    page: int
    top: float | None


def read_pdf(content: bytes, file: str, name: str, findings: Findings) -> None:
    """Make a note of a PDF file; raises Refused."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        with apply_configuration(**CAREFUL):
            reader = pypdf.PdfReader(BytesIO(content))
            if reader.is_encrypted and not reader.decrypt(""):
                raise unreadable("The PDF file is protected by a password.")
            draft = _draft(reader, file, name, findings)
    except RecursionError as error:
        raise unreadable("The PDF file is nested too deeply.") from error
    except (
        PyPdfError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
        OSError,
        ArithmeticError,
    ) as error:
        raise unreadable("The PDF file is damaged, or made in a way that is not read.") from error
    findings.add(file, draft)


def _draft(reader: pypdf.PdfReader, file: str, name: str, findings: Findings) -> Draft:
    count = len(reader.pages)
    if count > limits.PAGES:
        raise too_large(f"The PDF file has more than {limits.PAGES:,} pages.")
    lines = _without_contents(_lines(reader), count)
    if not lines:
        raise unreadable("There is no text in this PDF file; it may be scanned pictures.")
    title = _title(reader) or name
    if _property(reader, "author") == AUTHOR:
        return _own_draft(reader, title, lines)
    headings = _outline(reader, lines) or _by_size(lines) or _by_page(lines, count)
    if any(_has_pictures(page) for page in reader.pages):
        findings.skip(file, "Pictures in the document are not imported.")
    return {
        "title": title,
        "chapters": _chapters(title, lines, headings),
    }


def _own_draft(reader: pypdf.PdfReader, title: str, lines: list[Line]) -> Draft:
    """Read a PDF of ours: its first page is a title page, its outline has all titles, and they are numbered."""
    lines = [line for line in lines if line.page > 0]
    chapters = _chapters(title, lines, _outline(reader, lines))
    for chapter in chapters:
        chapter["title"] = OWN_NUMBER.sub("", chapter["title"])
        for topic in chapter["topics"]:
            topic["name"] = OWN_NUMBER.sub("", topic["name"])
    return {"title": title, "tags": _property(reader, "keywords").split(", "), "chapters": chapters}


def _title(reader: pypdf.PdfReader) -> str:
    """Give the title that the file says it has; many files have this wrong, and none then."""
    return _property(reader, "title")


def _property(reader: pypdf.PdfReader, name: str) -> str:
    """Give what the file says of itself; empty where it says nothing, or nothing that can be read."""
    try:
        return clean_line(getattr(reader.metadata, name, None) or "")
    except (PyPdfError, ValueError, TypeError, AttributeError, KeyError):
        return ""


def _lines(reader: pypdf.PdfReader) -> list[Line]:
    found: list[Line] = []
    left = limits.ALL_TEXT_BYTES // 4
    for number, page in enumerate(reader.pages):
        collector = Collector(number)
        page.extract_text(visitor_text=collector.take)
        collector.end_line()
        found += collector.lines
        left -= sum(len(line.text) for line in collector.lines)
        if left < 0:
            raise too_large("The PDF file has more text than is read at once.")
    return found


def _without_contents(lines: list[Line], count: int) -> list[Line]:
    """Leave out pages that are a table of contents, and the numbers of pages."""
    texts: Counter[int] = Counter()
    leaders: Counter[int] = Counter()
    for line in lines:
        texts[line.page] += 1
        leaders[line.page] += LEADER.search(line.text.rstrip()[-200:]) is not None
    contents = {
        page for page, found in leaders.items() if found >= FEWEST_LEADERS and 2 * found >= texts[page]
    }
    kept = [line for line in lines if line.page not in contents]
    return [line for line in kept if line.text.strip() != f"{line.page + 1} / {count}"]


def _has_pictures(page: Any) -> bool:
    resources = page.get("/Resources")
    objects = resources.get_object().get("/XObject") if resources is not None else None
    names = list(objects.get_object().values())[:50] if objects is not None else []
    return any(entry.get_object().get("/Subtype") == "/Image" for entry in names)


def _outline(reader: pypdf.PdfReader, lines: list[Line]) -> list[Heading]:
    """Find the entries of the outline in the text: first and second level, where they can be found at all."""
    try:
        entries = list(_entries(reader, reader.outline, 0))
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError):
        return []
    levels = sorted({level for level, _ in entries})
    # A single entry around all others is the title, unless the file says that it has another.
    highest = [entry.title for level, entry in entries if level == levels[0]]
    title = _title(reader)
    if len(levels) > 1 and len(highest) == 1 and (not title or is_same_title(highest[0], title)):
        levels = levels[1:]
    starts: dict[int, int] = {}
    for index, line in enumerate(lines):
        starts.setdefault(line.page, index)
    headings: list[Heading] = []
    after, last_page = 0, 0
    for level, entry in entries[:OUTLINE_ENTRIES]:
        if entry.title and level in levels[:2]:
            # Some outlines have another order than their pages, but none goes back on a page.
            after = after if entry.page >= last_page else 0
            place = _place(lines, starts, entry, after)
            headings.append(Heading(levels.index(level), entry.title, place))
            is_found = place < len(lines) and is_same_title(lines[place].text, entry.title)
            after, last_page = place + is_found, entry.page
    return sorted(headings, key=lambda heading: heading.line)


def _entries(reader: pypdf.PdfReader, outline: Any, level: int) -> Iterator[tuple[int, _Entry]]:
    for entry in outline:
        if isinstance(entry, list):
            if level < 10:
                yield from _entries(reader, entry, level + 1)
        else:
            page = reader.get_destination_page_number(entry)
            top = entry.top if isinstance(entry.top, int | float) else None
            yield level, _Entry(clean_line(entry.title), -1 if page is None else page, top)


def _place(lines: list[Line], starts: dict[int, int], entry: _Entry, after: int) -> int:
    """Find the line of a title on its page; else the first line where its entry leads, never one before `after`."""
    first = next((starts[number] for number in sorted(starts) if number >= entry.page), len(lines))
    first = max(first, after)
    on_page = [
        index for index in range(first, min(first + 200, len(lines))) if lines[index].page <= entry.page
    ]
    for index in on_page:
        if is_same_title(lines[index].text, entry.title):
            return index
    # Letters that a font does not tell are missing in the text.
    below = (index for index in on_page if entry.top is not None and lines[index].height <= entry.top)
    return next(below, first)


def _by_size(lines: list[Line]) -> list[Heading]:
    """Take short lines in large letters as headings: the two largest sizes that come more than once."""
    letters: Counter[float] = Counter()
    for line in lines:
        letters[line.size] += len(line.text)
    body = letters.most_common(1)[0][0]
    large = [
        index
        for index, line in enumerate(lines)
        if line.size >= body * HEADING_FACTOR and len(line.text) <= LONGEST_HEADING and not line.is_code
    ]
    counted = Counter(lines[index].size for index in large)
    sizes = sorted(counted, reverse=True)
    # The largest letters, used once and at the beginning, are the title.
    if len(sizes) > 1 and counted[sizes[0]] == 1 and lines[large[0]].size == sizes[0]:
        sizes = sizes[1:]
    levels = {size: level for level, size in enumerate(sizes[:2])}
    headings: list[Heading] = []
    for index in large:
        level = levels.get(lines[index].size)
        if level is None:
            continue
        last = headings[-1] if headings else None
        # A heading of two lines.
        if (
            last is not None
            and last.level == level
            and index
            and last.line == index - 1
            and lines[index].page == lines[index - 1].page
        ):
            last.title = f"{last.title} {lines[index].text.strip()}"
            last.line = index
        else:
            headings.append(Heading(level, lines[index].text.strip(), index))
    return headings


def _goes_on(lines: list[Line], before: int, index: int) -> bool:
    """Say whether a heading goes on in the line right below."""
    return before == index - 1 and lines[before].page == lines[index].page


def _by_page(lines: list[Line], count: int) -> list[Heading]:
    """Make a topic of each page and a chapter of twenty."""
    headings: list[Heading] = []
    for index, line in enumerate(lines):
        if index and lines[index - 1].page == line.page:
            continue
        group = line.page // PAGES_PER_CHAPTER
        first, last = group * PAGES_PER_CHAPTER + 1, min((group + 1) * PAGES_PER_CHAPTER, count)
        if not headings or (lines[headings[-1].line].page // PAGES_PER_CHAPTER) != group:
            title = f"Pages {first}–{last}" if last > first else f"Page {first}"
            headings.append(Heading(0, title, index))
        headings.append(Heading(1, f"Page {line.page + 1}", index))
    return headings


def _begins_title(text: str, title: str) -> bool:
    """Say whether a line is what could be read of a title, up to a letter that could not."""
    read, whole = (re.sub(r"[\W_]+", "", part).casefold() for part in (text, title))
    return bool(read) and whole.startswith(read)


def _chapters(title: str, lines: list[Line], headings: list[Heading]) -> list[Draft]:
    chapters: list[Draft] = []
    edges = [0, *(heading.line for heading in headings), len(lines)]
    named: list[Heading | None] = [None, *headings]
    for heading, start, end in zip(named, edges[:-1], edges[1:], strict=True):
        name = heading.title if heading else title
        rest = lines[start:end]
        # The heading itself, and at the beginning the title.
        while rest and is_same_title(rest[0].text, name):
            rest = rest[1:]
        if len(rest) == end - start and rest and _begins_title(rest[0].text, name):
            rest = rest[1:]
        text = paragraphs(rest)
        if heading is None and not text:
            continue
        if heading is None or heading.level == 0 or not chapters:
            chapters.append({"title": name, "topics": []})
        if heading is not None and heading.level:
            chapters[-1]["topics"].append({"name": name, "explanation": {"content": text} if text else None})
        elif text:
            chapters[-1]["topics"].append({"name": name, "explanation": {"content": text}})
    return chapters
