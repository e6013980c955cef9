"""A folder of texts, packed: which of its files are read, and what is said of the others."""

import re

from noteassist.children.errors import Refused
from noteassist.services.exports.markdown_reader import read_markdown
from noteassist.services.exports.own_json import read_json
from noteassist.services.imports import limits
from noteassist.services.imports.archives import Archive
from noteassist.services.imports.drafts import Findings, clean_text
from noteassist.services.imports.obsidian import read_page
from noteassist.services.imports.refusals import TOO_LARGE
from noteassist.services.imports.texts import decode

PAGES = (".md", ".markdown", ".txt")
# What programs keep for themselves: not the user's, so not worth a word.
OWN = re.compile(r"\ufeff?---[ \t]*\r?\n(?:(?!---)[^\n]{0,2000}\n){0,500}?format: noteassist[ \t]*\r?\n")
SILENT = ("__macosx", ".obsidian", ".trash", ".git", ".ds_store", "thumbs.db", "desktop.ini")


def read_vault(archive: Archive, findings: Findings) -> None:
    """Make a note of each text in an archive."""
    names = [name for name in archive.names() if not is_silent(name)]
    root = common_folder(names)
    for name in names:
        path = name.removeprefix(root)
        if name.lower().endswith(".json"):
            _read_own_json(archive, name, path, findings)
        elif not name.lower().endswith(PAGES):
            findings.skip(path, why_not(name))
        elif (text := read_text(archive, name, path, findings)) is not None:
            add_page(text, path, findings)


def _read_own_json(archive: Archive, name: str, path: str, findings: Findings) -> None:
    content = archive.read(name, limits.ALL_TEXT_BYTES)
    if content is None:
        findings.skip(path, "This file is too long.")
        return
    try:
        add_json(content, path, findings)
    except Refused as error:
        if error.code == TOO_LARGE:
            raise
        findings.skip(path, error.detail)


def is_silent(name: str) -> bool:
    """Say whether a file belongs to a program and not to its user."""
    return any(part.lower() in SILENT for part in name.split("/"))


def common_folder(names: list[str]) -> str:
    """Give the folder that everything lies in, with its slash; it is what was packed, and says nothing."""
    folders = {name.partition("/")[0] if "/" in name else "" for name in names}
    folder = folders.pop() if len(folders) == 1 else ""
    return f"{folder}/" if folder else ""


def read_text(archive: Archive, name: str, path: str, findings: Findings) -> str | None:
    """Unpack a text; None, and a reason, where it is none or too long."""
    content = archive.read(name)
    if content is None:
        findings.skip(path, "This text is longer than 5 MiB.")
        return None
    text = decode(content)
    if text is None:
        findings.skip(path, "This is not text.")
    return text


def add_page(text: str, path: str, findings: Findings) -> None:
    """Add a Markdown file: one of our own as it was, any other as Obsidian would have written it."""
    if OWN.match(text) is None:
        findings.add(path, read_page(clean_text(text), path))
        return
    try:
        findings.add(path, read_markdown(text), is_own=True)
    except Refused as error:
        findings.skip(path, error.detail)


def add_json(content: bytes, path: str, findings: Findings) -> None:
    """Add the notes of our own JSON; raises Refused for any other."""
    drafts = read_json(content)
    findings.is_empty_export = findings.is_empty_export or not drafts
    for draft in drafts:
        findings.add(path, draft, is_own=True)


def why_not(name: str) -> str:
    """Say why a file of this name is not read."""
    if name.lower().endswith((".zip", ".jex", ".apkg", ".pdf", ".docx")):
        return "This file has to be imported by itself."
    if name.lower().endswith(".canvas"):
        return "Canvases are not imported."
    return "Pictures and other attachments are not imported."
