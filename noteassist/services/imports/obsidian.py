"""Folders of Markdown as Obsidian keeps them: each file is a note, its folders and tags are its tags.

Sources: help.obsidian.md on links, embeds, tags, callouts and properties.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from noteassist.services.imports.drafts import STATUSES, Draft, clean_line, is_web_address, path_tags
from noteassist.services.imports.markup import outside_code
from noteassist.services.imports.outlines import outline
from noteassist.services.imports.properties import add_properties
from noteassist.services.imports.texts import listed, split_front_matter

WIKILINK = re.compile(r"(!?)\[\[([^\[\]\n|]{1,500})(?:\|([^\[\]\n]{0,500}))?\]\]")
# A tag has at least one character that is no digit.
TAG = re.compile(r"(?<![^\s(])#(?=[\w/-]*[^\W\d])([\w/-]{1,100})")
CALLOUT = re.compile(r"((?:>\s?)+)\[!([\w-]{1,50})(?:\|[^\]\n]{0,100})?\][-+]?[ \t]*(.*)")
BLOCK_ID = re.compile(r"[ \t]\^[A-Za-z0-9-]{1,100}$")
LINK = re.compile(r"(!?)\[([^\[\]\n]{0,500})\]\(<?([^)>\[\n]{1,2048})>?\)")
# Between letters and digits of code `==` compares; between those of other scripts it marks.
HIGHLIGHT = re.compile(r"(?<![A-Za-z0-9_=])==(?![\s=])([^=\n]{1,500})(?<!\s)==(?![A-Za-z0-9_=])")
# Code is matched too, so that a comment neither begins nor ends in it.
CODE_OR_COMMENT_MARK = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})(?s:.*?)(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)|`{1,3}[^`\n]{1,500}`{1,3}|%%",
    re.MULTILINE,
)
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".avif")
FILES = (*PICTURES, ".pdf", ".mp3", ".wav", ".m4a", ".ogg", ".mp4", ".webm", ".mov", ".canvas")
DATE_KEYS = ("created", "created_at", "date created", "date")
CHANGE_KEYS = ("updated", "updated_at", "modified", "date modified", "last_modified")
SOURCE_KEYS = ("source", "url", "link")
READ_KEYS = ("title", "tags", "tag", *DATE_KEYS, *CHANGE_KEYS)
# How Obsidian shows and publishes a page: nothing about what the page says.
LOOK_KEYS = ("cssclass", "cssclasses", "publish", "permalink", "image", "cover")
LONGEST_PROPERTY = 2000


def read_page(text: str, path: str) -> Draft:
    """Make a draft of one Markdown file, named by its path within the vault."""
    values, body = split_front_matter(text)
    folder, _, file_name = path.rpartition("/")
    name = re.sub(r"\.(md|markdown|txt)$", "", file_name, flags=re.IGNORECASE)
    tags: dict[str, None] = {}
    # In plain text two percent signs are what their writer made of them.
    body = body if path.lower().endswith(".txt") else without_comments(body)
    body = outside_code(body, lambda line: _readable(line, tags))
    title = clean_line(values.get("title") or "")
    draft = outline(body, name=name, title=title or (name if folder or is_daily(name) else ""))
    own = listed(values.get("tags")) or listed(values.get("tag"))
    wanted = [*(tag.lstrip("#") for tag in own), *tags]
    expanded = [part for tag in wanted for part in path_tags(tag)]
    draft["tags"] = list(dict.fromkeys([*expanded, *path_tags(folder)]))
    _add_properties(draft, values)
    return draft


def without_comments(text: str) -> str:
    """Leave out what stands between two `%%`, which Obsidian shows to the writer only; one alone is text."""
    if "%%" not in text:
        return text
    marks = [match for match in CODE_OR_COMMENT_MARK.finditer(text) if match[0] == "%%"]
    kept = []
    end = 0
    for first, last in zip(marks[::2], marks[1::2], strict=False):
        kept.append(text[end : first.start()])
        end = last.end()
        begins_line = text[first.start() - 1 : first.start()] in {"", "\n"}
        # What is a line of its own leaves no empty one behind.
        if begins_line and text[end : end + 1] == "\n":
            end += 1
    return "".join([*kept, text[end:]])


def is_daily(name: str) -> bool:
    """Say whether a file is named by a day, which is then more of a name than a heading in it."""
    return re.match(r"\d{4}-\d\d-\d\d", name) is not None


def _readable(line: str, tags: dict[str, None]) -> str:
    if "#" in line:
        tags.update(dict.fromkeys(TAG.findall(line)))
    if "^" in line:
        line = BLOCK_ID.sub("", line)
    if "==" in line:
        line = HIGHLIGHT.sub(_bold, line)
    if "[" not in line:
        return line
    callout = CALLOUT.fullmatch(line)
    if callout is not None:
        line = _callout(callout)
    return _without_local_links(line)


def _without_local_links(line: str) -> str:
    return LINK.sub(_local_link, WIKILINK.sub(_wikilink, line))


def _bold(match: re.Match[str]) -> str:
    """Write what is highlighted in bold; Markdown has no highlights."""
    words = match[1]
    is_emphasised = words[0] in "*_" or words[-1] in "*_"
    return words if is_emphasised else f"**{words}**"


def _callout(match: re.Match[str]) -> str:
    kind = match[2].replace("-", " ").capitalize()
    return (
        f"{match[1].rstrip()} **{kind}: {match[3].strip()}**" if match[3].strip() else f"{match[1]}**{kind}**"
    )


def _wikilink(match: re.Match[str]) -> str:
    is_embed, target, alias = match[1], match[2].strip(), (match[3] or "").strip()
    if is_embed and target.lower().endswith(FILES):
        return f"*({target.rpartition('/')[2]})*"
    if alias and not (is_embed and re.fullmatch(r"\d+(x\d+)?", alias)):
        return alias
    page, _, part = target.partition("#")
    words = [page.rpartition("/")[2], *part.lstrip("^").split("#")]
    return " > ".join(word.strip() for word in words if word.strip())


def _local_link(match: re.Match[str]) -> str:
    """Keep links to the web; of those to other files only their words are left."""
    is_picture, words, target = match[1], match[2], match[3].strip()
    if re.match(r"(https?|mailto):", target, re.IGNORECASE) or (target.startswith("#") and not is_picture):
        return match[0]
    file_name = target.partition("#")[0].rpartition("/")[2].replace("%20", " ")
    return f"*({words or file_name})*" if is_picture else (words or file_name)


def _add_properties(draft: Draft, values: Mapping[str, Any]) -> None:
    draft["status"] = values.get("status")
    draft["created_at"] = next((values[key] for key in DATE_KEYS if values.get(key)), None)
    draft["updated_at"] = next((values[key] for key in CHANGE_KEYS if values.get(key)), None)
    urls = [str(values[key]) for key in SOURCE_KEYS if isinstance(values.get(key), str)]
    url = next((url for url in urls if is_web_address(url)), None)
    add_properties(draft, _other_properties(values, url))
    topics = [topic for chapter in draft["chapters"] for topic in chapter["topics"]]
    if url is not None and topics:
        topics[0]["source"] = {"title": draft["title"], "url": url}


def _other_properties(values: Mapping[str, Any], source: str | None) -> dict[str, str]:
    """Give the properties that have no place of their own in a note, as lines of text."""
    shown = {}
    for key, value in values.items():
        has_place = key in READ_KEYS or (key == "status" and value in STATUSES)
        if has_place or key in LOOK_KEYS or (key in SOURCE_KEYS and value == source):
            continue
        items = value if isinstance(value, list) else [value]
        text = clean_line(
            ", ".join(str(item) for item in items if isinstance(item, str | int | float | date))
        )
        if text:
            name = clean_line(key)
            shown[name[:1].upper() + name[1:]] = _without_local_links(text[:LONGEST_PROPERTY])
    return shown
