"""Outputs as files: Markdown, plain text, HTML, and the code alone."""

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from noteassist import db
from noteassist.errors import Unprocessable
from noteassist.security.actors import Actor
from noteassist.services.ai.outputs import count_download
from noteassist.services.ai.titles import code_in

# The file ending of a language, by the names that people give it.
ENDINGS = {
    "python": "py",
    "javascript": "js",
    "typescript": "ts",
    "java": "java",
    "c": "c",
    "c++": "cpp",
    "cpp": "cpp",
    "c#": "cs",
    "csharp": "cs",
    "go": "go",
    "golang": "go",
    "rust": "rs",
    "bash": "sh",
    "shell": "sh",
    "sh": "sh",
    "sql": "sql",
    "ruby": "rb",
    "php": "php",
    "kotlin": "kt",
    "swift": "swift",
    "html": "html",
    "css": "css",
    "r": "r",
    "scala": "scala",
    "haskell": "hs",
    "lua": "lua",
    "perl": "pl",
    "json": "json",
    "yaml": "yaml",
    "markdown": "md",
}
PAGE = """\
<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow-x: auto; padding: 1rem; border: 1px solid #8884; border-radius: .4rem }}
table {{ border-collapse: collapse }} th, td {{ border: 1px solid #8884; padding: .3rem .6rem }}
blockquote {{ margin-left: 0; padding-left: 1rem; border-left: .2rem solid #8888 }}
</style>
</head>
<body>
{body}</body>
</html>
"""
# Raw HTML stays text, and pictures are not fetched from anywhere: what a model wrote is not to be trusted.
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
LONGEST_NAME = 80


@dataclass(frozen=True)
class File:
    """A file to download."""

    name: str
    media_type: str
    content: bytes


def download(actor: Actor, output_id: int, form: str) -> File:
    """Make the file of my output and count that; raises NotFound, and Unprocessable without code for `source`.

    Begins a transaction of its own where none is open: a download may be a GET.
    """
    make = FORMS[form]
    if db.is_in_transaction():
        return make(count_download(actor, output_id))
    return db.in_transaction(lambda: make(count_download(actor, output_id)))


def _markdown(output: Mapping[str, Any]) -> File:
    return File(f"{_stem(output)}.md", "text/markdown; charset=utf-8", f"{output['content']}\n".encode())


def _text(output: Mapping[str, Any]) -> File:
    lines = _plain(MARKDOWN.parse(output["content"]))
    return File(f"{_stem(output)}.txt", "text/plain; charset=utf-8", f"{lines}\n".encode())


def _plain(tokens: list[Token]) -> str:
    """Write what a reader of the rendered text would read, block by block."""
    blocks: list[str] = []
    prefix = ""
    for token in tokens:
        if token.type == "list_item_open":
            prefix = f"{token.info}. " if token.info else "- "
        elif token.type == "inline":
            blocks.append(prefix + _inline(token))
            prefix = ""
        elif token.type in {"fence", "code_block"}:
            blocks.append(token.content.rstrip("\n"))
    return "\n\n".join(blocks)


def _inline(token: Token) -> str:
    breaks = {"softbreak": "\n", "hardbreak": "\n"}
    return "".join(breaks.get(child.type, child.content) for child in token.children or ())


def _html(output: Mapping[str, Any]) -> File:
    page = PAGE.format(
        language=html.escape(output["language"], quote=True),
        title=html.escape(output["title"]),
        body=MARKDOWN.render(output["content"]),
    )
    return File(f"{_stem(output)}.html", "text/html; charset=utf-8", page.encode())


def _source(output: Mapping[str, Any]) -> File:
    found = code_in(output["content"])
    if found is None:
        raise Unprocessable(errors={"query": {"format": ["There is no code in this output."]}})
    language = (output["programming_language"] or found[0] or "").strip().lower()
    return File(
        f"{_stem(output)}.{ENDINGS.get(language, 'txt')}", "text/plain; charset=utf-8", found[1].encode()
    )


FORMS: Mapping[str, Callable[[Mapping[str, Any]], File]] = {
    "md": _markdown,
    "txt": _text,
    "html": _html,
    "source": _source,
}


def _stem(output: Mapping[str, Any]) -> str:
    """Make a file name of the title: letters, digits, dots and dashes of any script, so no path and no header."""
    text = unicodedata.normalize("NFC", output["title"])
    name = re.sub(r"[^\w.-]+", "-", text).strip("-._")[:LONGEST_NAME].rstrip("-._")
    return name or f"{output['tool']}-{output['id']}"
