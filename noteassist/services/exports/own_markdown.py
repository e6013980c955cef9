"""A note as a Markdown file that can be read back exactly.

The title is `#`, a chapter `##`, a topic `###`. Code and source of a topic stand below a mark, which is a comment.
So does an explanation where its own headings or comments could be taken for those of the file; what is between the
marks is never looked into:

    <!-- explanation -->
    ## A heading of the student
    <!-- end of explanation -->

A title that does not fit into a line of Markdown stands in a comment below its heading, as JSON.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from noteassist.services.exports.front_matter import write_front_matter
from noteassist.services.exports.lines import is_closed, scan
from noteassist.services.exports.own_json import FORMAT, VERSION
from noteassist.services.exports.times import shown_time

MARK = re.compile(r"<!-- (explanation|code|source|exact)(?: (\d+))?(?:: (.*))? -->")
CHAPTER, TOPIC = 2, 3
LANGUAGE = re.compile(r"[\w+#.-]+")
LINK = re.compile(r"\[([^\[\]\\\n\r]*)\]\(([^()<>\s\\]+)\)")


def write_markdown(detail: Mapping[str, Any]) -> str:
    """Write a note."""
    head = {
        "title": detail["title"],
        "tags": list(detail["tags"]),
        "status": detail["status"],
        "created_at": shown_time(detail.get("created_at")),
        "updated_at": shown_time(detail.get("updated_at")),
        "format": FORMAT,
        "version": VERSION,
    }
    blocks = [f"# {_one_line(detail['title'])}"]
    for chapter in detail["chapters"]:
        blocks.append(_heading(CHAPTER, chapter["title"]))
        for topic in chapter["topics"]:
            blocks.append(_heading(TOPIC, topic["name"]))
            blocks.extend(_parts(topic))
    return f"{write_front_matter(head)}\n" + "\n\n".join(blocks) + "\n"


def end_mark(number: str | None) -> str:
    """Write the mark at the end of an explanation whose first mark has this number."""
    return f"<!-- end of explanation {number} -->" if number else "<!-- end of explanation -->"


def _heading(level: int, title: str) -> str:
    shown = f"{'#' * level} {_one_line(title)}"
    is_exact = title == _one_line(title) != ""
    return shown if is_exact else f"{shown}\n<!-- exact: {_json(title)} -->"


def _one_line(title: str) -> str:
    return " ".join(re.split(r"[ \t\r\n]+", title)).strip()


def _parts(topic: Mapping[str, Any]) -> list[str]:
    parts = []
    if topic.get("explanation") is not None:
        parts.append(_explanation(topic["explanation"]["content"]))
    if topic.get("code_snippet") is not None:
        parts.append(_code(**_fields(topic["code_snippet"], "language", "code")))
    if topic.get("source") is not None:
        parts.append(_source(**_fields(topic["source"], "title", "url")))
    return parts


def _fields(part: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {name: part[name] for name in names}


def _explanation(content: str) -> str:
    if _is_plain(content):
        return content
    lines = set(content.split("\n"))
    number = None
    while end_mark(number) in lines:
        number = str(int(number or 1) + 1)
    start = f"<!-- explanation {number} -->" if number else "<!-- explanation -->"
    return f"{start}\n{content}\n{end_mark(number)}"


def _is_plain(content: str) -> bool:
    """Say whether an explanation would be read back as it is, without marks."""
    if not content.strip() or content != content.strip("\n"):
        return False
    lines = content.split("\n")
    return is_closed(lines) and not any(
        line.level in {CHAPTER, TOPIC} or (not line.is_code and MARK.fullmatch(line.text))
        for line in scan(lines)
    )


def _code(language: str, code: str) -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    is_plain = LANGUAGE.fullmatch(language)
    mark = "<!-- code -->" if is_plain else f"<!-- code: {_json(language)} -->"
    return f"{mark}\n{fence}{language if is_plain else ''}\n{code}\n{fence}"


def _source(title: str, url: str) -> str:
    link = f"[{title}]({url})"
    if LINK.fullmatch(link):
        return f"<!-- source -->\n{link}"
    return f"<!-- source: {_json({'title': title, 'url': url})} -->"


def _json(value: Any) -> str:
    """Write JSON that cannot end the comment it stands in."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
