"""Folders of Markdown as Obsidian keeps them: each file is a note, its folders and tags are its tags.

Sources: help.obsidian.md on links, embeds, tags, callouts and properties.
"""

import re
from collections.abc import Mapping
from typing import Any

from noteassist.services.imports.drafts import Draft, clean_line, is_web_address, path_tags
from noteassist.services.imports.markup import outside_code
from noteassist.services.imports.outlines import outline
from noteassist.services.imports.texts import listed, split_front_matter

WIKILINK = re.compile(r"(!?)\[\[([^\[\]\n|]{1,500})(?:\|([^\[\]\n]{0,500}))?\]\]")
# A tag has at least one character that is no digit.
TAG = re.compile(r"(?<![^\s(])#(?=[\w/-]*[^\W\d])([\w/-]{1,100})")
CALLOUT = re.compile(r"((?:>\s?)+)\[!([\w-]{1,50})(?:\|[^\]\n]{0,100})?\][-+]?[ \t]*(.*)")
BLOCK_ID = re.compile(r"[ \t]\^[A-Za-z0-9-]{1,100}$")
LINK = re.compile(r"(!?)\[([^\[\]\n]{0,500})\]\(<?([^)>\[\n]{1,2048})>?\)")
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".avif")
FILES = (*PICTURES, ".pdf", ".mp3", ".wav", ".m4a", ".ogg", ".mp4", ".webm", ".mov", ".canvas")
DATE_KEYS = ("created", "created_at", "date created", "date")
CHANGE_KEYS = ("updated", "updated_at", "modified", "date modified", "last_modified")
SOURCE_KEYS = ("source", "url", "link")


def read_page(text: str, path: str) -> Draft:
    """Make a draft of one Markdown file, named by its path within the vault."""
    values, body = split_front_matter(text)
    folder, _, file_name = path.rpartition("/")
    name = re.sub(r"\.(md|markdown|txt)$", "", file_name, flags=re.IGNORECASE)
    tags: dict[str, None] = {}
    body = outside_code(body, lambda line: _readable(line, tags))
    title = clean_line(values.get("title") or "")
    draft = outline(body, name=name, title=title or (name if folder or is_daily(name) else ""))
    own = listed(values.get("tags")) or listed(values.get("tag"))
    wanted = [*(tag.lstrip("#") for tag in own), *tags]
    expanded = [part for tag in wanted for part in path_tags(tag)]
    draft["tags"] = list(dict.fromkeys([*expanded, *path_tags(folder)]))
    _add_properties(draft, values)
    return draft


def is_daily(name: str) -> bool:
    """Say whether a file is named by a day, which is then more of a name than a heading in it."""
    return re.match(r"\d{4}-\d\d-\d\d", name) is not None


def _readable(line: str, tags: dict[str, None]) -> str:
    if "#" in line:
        tags.update(dict.fromkeys(TAG.findall(line)))
    if "^" in line:
        line = BLOCK_ID.sub("", line)
    if "[" not in line:
        return line
    callout = CALLOUT.fullmatch(line)
    if callout is not None:
        line = _callout(callout)
    return LINK.sub(_local_link, WIKILINK.sub(_wikilink, line))


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
    topics = [topic for chapter in draft["chapters"] for topic in chapter["topics"]]
    if url is not None and topics:
        topics[0]["source"] = {"title": draft["title"], "url": url}
