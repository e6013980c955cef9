"""Documents as one HTML file each, which needs nothing else: no script, nothing fetched, readable in light and dark."""

import html
from itertools import groupby
from pathlib import Path
from string import Template

from noteassist.services.exports.documents import CHAPTER, Code, Document, Heading, Prose, Source
from noteassist.services.exports.prose_html import code_html, colours_css, prose_html, sanitised, source_html

FOLDER = Path(__file__).parent
PAGE = Template((FOLDER / "page.html").read_text(encoding="utf-8"))
STYLE = (FOLDER / "page.css").read_text(encoding="utf-8") + colours_css()


def write_page(document: Document) -> bytes:
    """Write a document."""
    body = sanitised(_head(document) + _contents(document) + _blocks(document))
    language = html.escape(document.language, quote=True)
    page = PAGE.substitute(language=language, title=html.escape(document.title), style=STYLE, body=body)
    return page.encode()


def _head(document: Document) -> str:
    if not document.is_note and _begins_with_title(document):
        return ""
    facts = "".join(
        f'<p class="facts">{html.escape(" · ".join(document.facts))}</p>\n' if document.facts else ""
    )
    return f'<h1 dir="auto">{html.escape(document.title)}</h1>\n{facts}'


def _begins_with_title(document: Document) -> bool:
    prose = next((block for block in document.blocks if isinstance(block, Prose)), None)
    return bool(prose and prose.tokens and prose.tokens[0].tag == "h1")


def _contents(document: Document) -> str:
    """Write the table of contents: chapters with their topics."""
    entries = []
    for heading in document.headings:
        shown = f'<span class="ordinal">{heading.number}</span>{html.escape(heading.text)}'
        link = f'<a href="#{heading.anchor}">{shown}</a>'
        entries.append((heading.level, f"<li>{link}</li>\n"))
    parts = [
        "".join(entry for _, entry in group)
        if level == CHAPTER
        else f"<li><ol>{''.join(e for _, e in group)}</ol></li>\n"
        for level, group in groupby(entries, key=lambda entry: entry[0])
    ]
    return f"<nav><ol>\n{''.join(parts)}</ol></nav>\n" if entries else ""


def _blocks(document: Document) -> str:
    levels = 1 if document.is_note else 0
    texts = [block for block in document.blocks if isinstance(block, Prose)]
    prose = iter(prose_html(texts, levels))
    written = []
    for block in document.blocks:
        match block:
            case Heading():
                written.append(_heading(block))
            case Prose():
                written.append(next(prose))
            case Code():
                written.append(code_html(block.code, block.language))
            case Source():
                written.append(f'<p class="source">Source: {source_html(block)}</p>\n')
    return "".join(written)


def _heading(heading: Heading) -> str:
    tag = f"h{heading.level + 1}"
    number = f'<span class="ordinal">{heading.number}</span>'
    return f'<{tag} id="{heading.anchor}" dir="auto">{number}{html.escape(heading.text)}</{tag}>\n'
