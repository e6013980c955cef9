"""What an upload says, found out in a child process: bytes in, drafts of notes out.

Nothing is written to a disk: archives are read in memory.
"""

import json
import re
from typing import Any

import orjson

from noteassist.services.imports import limits
from noteassist.services.imports.anki import is_package, read_package
from noteassist.services.imports.archives import Archive, is_tar, is_zip, open_tar, open_zip
from noteassist.services.imports.drafts import Findings, clean_line
from noteassist.services.imports.joplin import looks_like_joplin, read_joplin
from noteassist.services.imports.kinds import is_pdf
from noteassist.services.imports.notion import looks_like_notion, read_notion
from noteassist.services.imports.packing import unpacked
from noteassist.services.imports.pdf_documents import read_pdf
from noteassist.services.imports.refusals import too_large, unreadable, unsupported
from noteassist.services.imports.texts import decode
from noteassist.services.imports.vaults import add_json, add_page, is_silent, read_vault
from noteassist.services.imports.word_documents import is_word, read_word

# Names of files in archives that belong to other programs, and what to do instead.
FOREIGN = {
    "xl/workbook.xml": "This is an Excel table; save it as CSV in a Notion export, or as Markdown.",
    "ppt/presentation.xml": "This is a PowerPoint presentation; save it as PDF.",
    "content.xml": "This is an OpenDocument file; save it as .docx.",
    "META-INF/container.xml": "This is an e-book; save it as PDF or Markdown.",
}
HTML = re.compile(r"\s*<(!doctype html|html)\b", re.IGNORECASE)
RTF, GZIP = b"{\\rtf", b"\x1f\x8b"


def read_upload(payload: bytes) -> bytes:
    """Read an upload (see packing.py) into the JSON `{drafts, skipped}`; raises Refused."""
    findings = read_file(*unpacked(payload))
    return orjson.dumps({"drafts": findings.drafts, "skipped": findings.told()})


def read_file(name: str, content: bytes) -> Findings:
    """Read a file whose kind is found by what is in it; its name is only for titles. Raises Refused."""
    findings = Findings()
    file = clean_line(name.replace("\\", "/").rpartition("/")[2]) or "upload"
    if not content:
        raise unreadable("The file is empty.")
    if is_zip(content):
        _read_zip(content, file, findings)
    elif is_tar(content):
        archive = open_tar(content)
        if not looks_like_joplin(archive):
            raise unsupported("This archive is no export of Joplin (.jex).")
        read_joplin(archive, findings)
    elif is_pdf(content):
        read_pdf(content, file, stem(file), findings)
    else:
        _read_text(content, file, findings)
    if not findings.drafts and not findings.is_empty_export:
        why = [f" {entry['file']}: {entry['reason']}" for entry in findings.skipped[:3]]
        raise unreadable("There are no notes in this file." + "".join(why))
    return findings


def stem(file: str) -> str:
    """Give a file's name without its ending."""
    return file.rpartition(".")[0] or file


def _read_zip(content: bytes, file: str, findings: Findings) -> None:
    archive = open_zip(content)
    if not archive.entries:
        findings.is_empty_export = True
        return
    if is_package(archive):
        read_package(archive, findings)
        return
    if is_word(archive):
        read_word(content, archive, file, stem(file), findings)
        return
    for name, detail in FOREIGN.items():
        if name in archive.entries:
            raise unsupported(detail)
    archive = _with_parts(archive)
    if looks_like_joplin(archive):
        read_joplin(archive, findings)
    elif looks_like_notion(list(archive.entries)):
        read_notion(archive, findings)
    else:
        read_vault(archive, findings)


def _with_parts(archive: Archive) -> Archive:
    """Put an archive that has nothing but archives together, as Notion packs its parts; one level deep."""
    names = [name for name in archive.names() if not is_silent(name)]
    if not names or not all(name.lower().endswith(".zip") for name in names):
        return archive
    whole = Archive(archive.budget)
    for name in names:
        content = archive.read(name, 64 * limits.MEBIBYTE, is_text=False)
        if content is None:
            raise too_large("An archive within the archive is larger than is read at once.")
        if not is_zip(content):
            raise unreadable("An archive within the archive is damaged.")
        for path, (opened, entry) in open_zip(content, archive.budget).entries.items():
            whole.add(path, opened, entry)
    return whole


def _read_text(content: bytes, file: str, findings: Findings) -> None:
    text = decode(content)
    if text is None or content.startswith((RTF, GZIP)):
        raise unsupported("This is no kind of file that can be imported.")
    if HTML.match(text):
        raise unsupported("Web pages cannot be imported; save the page as Markdown or PDF.")
    if not text.strip():
        raise unreadable("The file is empty.")
    if file.lower().endswith(".json") or _is_json(text):
        add_json(text.encode("utf-8", "replace"), file, findings)
        return
    if len(content) > limits.TEXT_BYTES:
        raise too_large("This text is longer than 5 MiB.")
    add_page(text, file, findings)


def _is_json(text: str) -> bool:
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if start not in {"{", "["}:
        return False
    try:
        found: Any = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict | list)
