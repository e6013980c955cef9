"""Notion's export as Markdown and CSV: each page is a note, each database a table.

A file is named `Title 32-hexadecimal-digits.md`, its sub-pages lie in a folder of that name, and a large export
is packed in parts within a ZIP file (notion.com/help/export-your-content).
"""

import csv
import io
import re
from collections.abc import Iterator
from urllib.parse import unquote

from noteassist.services.imports import limits
from noteassist.services.imports.archives import Archive
from noteassist.services.imports.drafts import (
    LONGEST_TEXT,
    Draft,
    Findings,
    clean_moment,
    clean_text,
    is_web_address,
    path_tags,
)
from noteassist.services.imports.markup import escaped, outside_code, table
from noteassist.services.imports.outlines import outline
from noteassist.services.imports.properties import add_properties
from noteassist.services.imports.vaults import common_folder, is_silent, read_text, why_not

ID = re.compile(r"[ \-_]?(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", re.IGNORECASE)
NAMED = re.compile(r"(^|/)[^/]*[0-9a-f]{32}(_all)?\.(md|csv)$", re.IGNORECASE)
PROPERTY = re.compile(r"([^\s:#>*|`\-][^:\n]{0,60}): (.{1,2000})")
LINK = re.compile(r"(!?)\[([^\[\]\n]{0,500})\]\(<?([^)>\[\n]{1,2048})>?\)")
MONTH_DATE = re.compile(r"[A-Z][a-z]+ \d{1,2}, \d{4}(?: \d{1,2}:\d{2} [AP]M)?")
TAG_PROPERTIES = ("tags", "tag", "labels", "label", "topics", "category")
CREATED_PROPERTIES = ("created", "created time", "created at", "date created")
EDITED_PROPERTIES = ("last edited", "last edited time", "updated", "updated at")
SOURCE_PROPERTIES = ("url", "source", "link")


def looks_like_notion(names: list[str]) -> bool:
    """Say whether files are named as Notion names them."""
    return any(NAMED.search(name) for name in names)


def read_notion(archive: Archive, findings: Findings) -> None:
    """Make a note of each page and each database of an export."""
    names = [name for name in archive.names() if not is_silent(name)]
    root = common_folder(names)
    for name in names:
        path = name.removeprefix(root)
        shown = readable_path(path)
        if name.lower().endswith(".md"):
            text = read_text(archive, name, shown, findings)
            if text is not None:
                findings.add(shown, read_notion_page(clean_text(text), shown))
        elif name.lower().endswith(".csv"):
            _read_database(archive, name, shown, findings)
        else:
            findings.skip(shown, why_not(name))


def readable_path(path: str) -> str:
    """Take Notion's ids out of a path."""
    return ID.sub("", path)


def read_notion_page(text: str, path: str) -> Draft:
    """Make a draft of one page; `path` is without ids."""
    folder, _, file_name = path.rpartition("/")
    name = file_name.rpartition(".")[0] or file_name
    title, properties, body = _split(text)
    body = outside_code(body.replace("<aside>\n", "<aside>"), _readable)
    draft = outline(_without_asides(body), name=name, title=title or name)
    draft["tags"] = path_tags(folder)
    _add_properties(draft, properties)
    return draft


def _split(text: str) -> tuple[str, dict[str, str], str]:
    """Split a page into its title, its property lines and the rest."""
    lines = text.lstrip("\n").split("\n")
    title = lines.pop(0)[2:].strip() if lines[0].startswith("# ") else ""
    start = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    properties: dict[str, str] = {}
    end = start
    while title and end < len(lines) and (found := PROPERTY.fullmatch(lines[end])) is not None:
        properties[found[1].strip()] = found[2].strip()
        end += 1
    # Properties are a paragraph of their own, right under the title; a sentence with a colon is none.
    if end < len(lines) and lines[end].strip():
        return title, {}, "\n".join(lines)
    return title, properties, "\n".join(lines[end:])


def _readable(line: str) -> str:
    return LINK.sub(_link, line)


def _link(match: re.Match[str]) -> str:
    """Keep links to the web; of those to other pages and files only their words are left."""
    is_picture, words, target = match[1], match[2], match[3].strip()
    if re.match(r"(https?|mailto):", target, re.IGNORECASE):
        return match[0]
    file_name = readable_path(unquote(target).rpartition("/")[2])
    return f"*({words or file_name})*" if is_picture else words or file_name


def _without_asides(text: str) -> str:
    """Write callouts, which Notion exports as `<aside>`, as quotes."""
    lines: list[str] = []
    is_inside = False
    for line in text.split("\n"):
        is_inside = is_inside or line.startswith("<aside>")
        inner = line.replace("<aside>", "").replace("</aside>", "")
        if not is_inside:
            lines.append(line)
        elif inner.strip() or "</aside>" not in line:
            lines.append(f"> {inner.strip()}".rstrip())
        if is_inside and "</aside>" in line:
            is_inside = False
            while lines and lines[-1] == ">":
                lines.pop()
    return "\n".join(lines)


def _add_properties(draft: Draft, properties: dict[str, str]) -> None:
    others: dict[str, str] = {}
    source = None
    for name, value in properties.items():
        key = name.lower()
        if key in TAG_PROPERTIES:
            draft["tags"] = [*[part.strip() for part in value.split(",")], *draft["tags"]]
        elif key in CREATED_PROPERTIES and _moment(value):
            draft["created_at"] = _moment(value)
        elif key in EDITED_PROPERTIES and _moment(value):
            draft["updated_at"] = _moment(value)
        elif key in SOURCE_PROPERTIES and is_web_address(value):
            source = {"title": draft["title"], "url": value}
        else:
            others[name] = _readable(value)
    add_properties(draft, others)
    if source is None:
        return
    topics = [topic for chapter in draft["chapters"] for topic in chapter["topics"]]
    if not topics:
        topics = [{"name": draft["title"], "explanation": None}]
        draft["chapters"].insert(0, {"title": draft["title"], "topics": topics})
    topics[0]["source"] = source


def _moment(value: str) -> str | None:
    """Read a date as Notion writes it, as one that everybody reads; None for anything else."""
    if not MONTH_DATE.fullmatch(value):
        return value if clean_moment(value) else None
    # Names of months by hand: strptime's depend on the locale.
    words = value.replace(",", "").split()
    months = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    month = words[0][:3].lower()
    if month not in months:
        return None
    hour, minute = (int(part) for part in words[3].split(":")) if len(words) > 3 else (0, 0)
    hour = hour % 12 + (12 if words[-1] == "PM" else 0)
    return f"{words[2]}-{months.index(month) + 1:02}-{int(words[1]):02}T{hour:02}:{minute:02}:00Z"


def _read_database(archive: Archive, name: str, shown: str, findings: Findings) -> None:
    is_whole = name.lower().endswith("_all.csv")
    if not is_whole and name[:-4] + "_all.csv" in archive.entries:
        return  # The same database without some of its columns and rows.
    text = read_text(archive, name, shown, findings)
    if text is None:
        return
    path = re.sub(r"(_all)?\.csv$", "", shown, flags=re.IGNORECASE)
    folder, _, title = path.rpartition("/")
    try:
        rows = [
            row for row in csv.reader(io.StringIO(clean_text(text), newline="")) if any(map(str.strip, row))
        ]
    except csv.Error:
        findings.skip(shown, "This table cannot be read.")
        return
    if not rows:
        findings.skip(shown, "This table is empty.")
        return
    if len(rows[0]) > limits.TABLE_COLUMNS:
        findings.skip(shown, f"Of this table the first {limits.TABLE_COLUMNS} columns were kept.")
    topics = [
        {"name": title if number == 1 else f"{title} ({number})", "explanation": {"content": part}}
        for number, part in enumerate(table_parts(rows), 1)
    ]
    chapters = [{"title": title, "topics": topics}]
    findings.add(shown, {"title": title, "tags": path_tags(folder), "chapters": chapters})


def table_parts(rows: list[list[str]]) -> Iterator[str]:
    """Write a table in as many parts as its length needs, each with the head."""
    cells = [[escaped(cell.strip()) for cell in row[: limits.TABLE_COLUMNS]] for row in rows]
    head, part = cells[0], [cells[0]]
    length = base = sum(map(len, head)) * 2 + 20 * len(head)
    for row in cells[1:]:
        size = sum(map(len, row)) + row_marks(row)
        if length + size > LONGEST_TEXT and len(part) > 1:
            yield table(part)
            part, length = [head], base
        part.append(row)
        length += size
    yield table(part)


def row_marks(row: list[str]) -> int:
    """Give how many characters a row has beside its cells: its lines, and the marks of those within cells."""
    return 3 * len(row) + 5 + sum(cell.count("|") for cell in row)
