"""Outputs as files: Markdown, plain text, HTML, PDF, Word, and the code alone."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from markdown_it.token import Token

from noteassist import db
from noteassist.errors import Unprocessable
from noteassist.security.actors import Actor
from noteassist.services.ai.outputs import count_download
from noteassist.services.ai.titles import code_in
from noteassist.services.exports.formats import FORMATS, File, export_text
from noteassist.services.exports.markdown import MATHS, parse
from noteassist.services.exports.names import file_name

__all__ = ["FORMS", "File", "count", "make_file"]

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


def make_file(output: Mapping[str, Any], form: str) -> File:
    """Make the file of an output, which may take long.

    Raises Unprocessable without code for `source`, and what `export_text` raises for `html`, `pdf` and `docx`.
    """
    return FORMS[form](output)


def count(actor: Actor, output_id: int) -> None:
    """Count a download of my output; raises NotFound. Where no transaction is open (a GET) it is one by itself."""
    if db.is_in_transaction():
        count_download(actor, output_id)
    else:
        db.in_transaction(lambda: count_download(actor, output_id))


def _markdown(output: Mapping[str, Any]) -> File:
    return File(_name(output, "md"), "text/markdown; charset=utf-8", f"{output['content']}\n".encode())


def _text(output: Mapping[str, Any]) -> File:
    lines = _plain(parse(output["content"]))
    return File(_name(output, "txt"), "text/plain; charset=utf-8", f"{lines}\n".encode())


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
        elif token.type in {"fence", "code_block", *MATHS}:
            blocks.append(token.content.rstrip("\n"))
    return "\n\n".join(blocks)


def _inline(token: Token) -> str:
    breaks = {"softbreak": "\n", "hardbreak": "\n"}
    return "".join(breaks.get(child.type, child.content) for child in token.children or ())


def _rendered(form: str, output: Mapping[str, Any]) -> File:
    made_at, language = output["created_at"], output["language"]
    file = export_text(output["title"], output["content"], form, language=language, changed_at=made_at)
    return File(_name(output, FORMATS[form].ending), file.media_type, file.content)


def _source(output: Mapping[str, Any]) -> File:
    found = code_in(output["content"])
    if found is None:
        raise Unprocessable(errors={"query": {"format": ["There is no code in this output."]}})
    language = (output["programming_language"] or found[0] or "").strip().lower()
    return File(_name(output, ENDINGS.get(language, "txt")), "text/plain; charset=utf-8", found[1].encode())


FORMS: Mapping[str, Callable[[Mapping[str, Any]], File]] = {
    "md": _markdown,
    "txt": _text,
    "html": partial(_rendered, "html"),
    "pdf": partial(_rendered, "pdf"),
    "docx": partial(_rendered, "docx"),
    "source": _source,
}


def _name(output: Mapping[str, Any], ending: str) -> str:
    return file_name(output["title"], ending, f"{output['tool']}-{output['id']}")
