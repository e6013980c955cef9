"""Word documents (`.docx`): headings to chapters, with lists, tables, code, links and formulas as Markdown."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import docx
from docx.oxml.ns import qn

from noteassist.services.imports import limits
from noteassist.services.imports.archives import Archive
from noteassist.services.imports.drafts import Findings, clean_line, clean_text, is_web_address
from noteassist.services.imports.markup import escaped, fenced, inline_code, table
from noteassist.services.imports.outlines import outline
from noteassist.services.imports.refusals import too_large, unreadable, unsafe

DOCUMENT = "word/document.xml"
CODE_STYLE = re.compile(r"code|source|preformatted|verbatim|listing", re.IGNORECASE)
CODE_FONT = re.compile(r"mono|courier|consol|menlo|code", re.IGNORECASE)
DECLARATION = re.compile(rb"<\s*!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
DRAWINGS = {qn("w:drawing"), qn("w:pict"), qn("w:object")}
# What holds runs without being one: links inside of it, tracked insertions, content controls, fields.
CONTAINERS = {
    qn("w:ins"),
    qn("w:smartTag"),
    qn("w:sdt"),
    qn("w:sdtContent"),
    qn("w:fldSimple"),
    qn("w:customXml"),
}
NOTES_PARTS = ("word/footnotes.xml", "word/endnotes.xml", "word/comments.xml")
DEEPEST_LIST = 8


def is_word(archive: Archive) -> bool:
    """Say whether an archive is a Word document."""
    return DOCUMENT in archive.entries


def read_word(content: bytes, archive: Archive, file: str, name: str, findings: Findings) -> None:
    """Make a note of a Word document; raises Refused."""
    _check_parts(archive)
    try:
        document = docx.Document(BytesIO(content))
        writer = _Writer(document)
        text = writer.text()
    except Exception as error:  # python-docx raises whatever its parts do
        if isinstance(error, MemoryError):
            raise
        raise unreadable("The Word document is damaged, or not what it seems.") from error
    title = writer.title or clean_line(document.core_properties.title or "")
    draft = outline(text, name=name, title=title)
    draft["tags"] = re.split(r"[,;]", document.core_properties.keywords or "")
    if writer.pictures:
        findings.skip(file, "Pictures in the document are not imported.")
    if writer.has_references:
        findings.skip(file, "Footnotes and comments are not imported.")
    findings.add(file, draft)


def _check_parts(archive: Archive) -> None:
    """Refuse parts that are too large, and XML that declares entities, which this format forbids (ECMA-376-2, 8.3)."""
    for part in archive.names(".xml", ".rels"):
        content = archive.read(part, limits.DOCUMENT_PART_BYTES)
        if content is None:
            raise too_large("The Word document is larger than is read at once.")
        # In UTF-16 every other byte is zero.
        if DECLARATION.search(content.replace(b"\0", b"")):
            raise unsafe("The Word document declares XML entities, which no program writes.")


class _Writer:
    """Writes the body of a document as Markdown."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.title = ""
        self.pictures = 0
        self.has_references = False
        self.blocks: list[str] = []
        self.code: list[str] = []
        self.styles: dict[str, str] = {
            style.style_id: style.name or "" for style in document.styles if style.style_id
        }
        self.numbered = _numbered_lists(document)

    def text(self) -> str:
        """Write the whole body."""
        for element in _blocks(self.document.element.body):
            if element.tag == qn("w:tbl"):
                self._end_code()
                self.blocks.append(self._table(element))
            else:
                self._paragraph(element)
        self._end_code()
        joined = ""
        for block in self.blocks:
            is_list = _is_item(block) and _is_item(joined.rpartition("\n")[2])
            joined += ("\n" if is_list else "\n\n") + block
        return joined.strip("\n")

    def _paragraph(self, element: Any) -> None:
        style = self._style(element)
        if CODE_STYLE.search(style):
            self.code.append(self._plain(element))
            return
        text = self._runs(element).strip()
        if not text:
            return
        if text.startswith("`") and _is_all_code(element):
            self.code.append(self._plain(element))
            return
        self._end_code()
        level = _heading_level(style, element)
        if style == "Title" and not self.title:
            self.title = clean_line(self._plain(element))
        elif level:
            self.blocks.append(f"{'#' * level} {' '.join(text.split())}")
        elif (depth := self._list_depth(style, element)) is not None:
            mark = "1." if self._is_numbered(style, element) else "-"
            self.blocks.append(f"{'   ' * depth}{mark} {' '.join(text.split())}")
        elif "quote" in style.lower():
            self.blocks.append("> " + text.replace("\n", "\n> "))
        else:
            self.blocks.append(text)

    def _end_code(self) -> None:
        if self.code:
            self.blocks.append(fenced("\n".join(self.code)))
            self.code = []

    def _style(self, element: Any) -> str:
        found = element.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        return "" if found is None else self.styles.get(found.get(qn("w:val")), "")

    def _list_depth(self, style: str, element: Any) -> int | None:
        properties = element.find(f"{qn('w:pPr')}/{qn('w:numPr')}")
        if properties is not None:
            level = properties.find(qn("w:ilvl"))
            value = "0" if level is None else str(level.get(qn("w:val")))
            return min(int(value), DEEPEST_LIST) if value.isdigit() else 0
        match = re.match(r"List (?:Bullet|Number|Paragraph)(?: (\d))?$", style)
        return int(match[1] or 1) - 1 if match and "Paragraph" not in style else None

    def _is_numbered(self, style: str, element: Any) -> bool:
        number = element.find(f"{qn('w:pPr')}/{qn('w:numPr')}/{qn('w:numId')}")
        if number is None:
            return "Number" in style
        return number.get(qn("w:val")) in self.numbered

    def _runs(self, element: Any) -> str:
        """Write what a paragraph says; neighbours with the same marks share them."""
        merged: list[tuple[str, str]] = []
        for mark, text in self._marked(element, ""):
            if merged and merged[-1][0] == mark:
                merged[-1] = (mark, merged[-1][1] + text)
            else:
                merged.append((mark, text))
        return "".join(_with_mark(mark, text) for mark, text in merged)

    def _marked(self, element: Any, url: str) -> Iterator[tuple[str, str]]:
        for child in element:
            if child.tag == qn("w:r"):
                yield from self._run(child)
            elif child.tag == qn("w:hyperlink"):
                yield from self._link(child)
            elif child.tag.startswith(MATH):
                formula = "".join(found.text or "" for found in child.iter(f"{MATH}t"))
                yield "math", clean_line(formula)
            elif child.tag in CONTAINERS:
                yield from self._marked(child, url)

    def _link(self, element: Any) -> Iterator[tuple[str, str]]:
        words = "".join(_with_mark(mark, text) for mark, text in self._marked(element, ""))
        relation = self.document.part.rels.get(element.get(qn("r:id")))
        url = relation.target_ref if relation is not None and relation.is_external else ""
        is_good = is_web_address(url) and not re.search(r"[()<>]", url)
        yield "", f"[{words}]({url})" if is_good and words.strip() else words

    def _run(self, run: Any) -> Iterator[tuple[str, str]]:
        self.pictures += sum(1 for child in run if child.tag in DRAWINGS)
        references = (qn("w:footnoteReference"), qn("w:endnoteReference"), qn("w:commentReference"))
        self.has_references = self.has_references or any(child.tag in references for child in run)
        text = clean_text(_run_text(run))
        if text:
            mark = self._mark_of(run)
            yield mark, text if mark in {"code", "formula"} else escaped(text)

    def _mark_of(self, run: Any) -> str:
        properties = run.find(qn("w:rPr"))
        if properties is None:
            return ""
        style = properties.find(qn("w:rStyle"))
        named = "" if style is None else self.styles.get(style.get(qn("w:val")), "")
        if CODE_STYLE.search(named) or _is_code_run(properties):
            return "code"
        # In our own documents a formula is its TeX, between dollars.
        if named == "Formula":
            return "formula"
        bold = "**" if _is_on(properties, "w:b") or named == "Strong" else ""
        italic = "*" if _is_on(properties, "w:i") or named == "Emphasis" else ""
        return bold + italic

    def _plain(self, element: Any) -> str:
        return "".join(clean_text(_run_text(run)) for run in element.iter(qn("w:r")))

    def _table(self, element: Any) -> str:
        rows: list[list[str]] = []
        for row in element.iter(qn("w:tr")):
            cells = []
            for cell in list(row.iter(qn("w:tc")))[: limits.TABLE_COLUMNS]:
                texts = (self._runs(paragraph).strip() for paragraph in cell.iter(qn("w:p")))
                cells.append("<br>".join(text for text in texts if text))
            if cells:
                rows.append(cells)
        return table(rows) if rows else ""


def _blocks(body: Any) -> Iterator[Any]:
    for element in body:
        if element.tag in {qn("w:p"), qn("w:tbl")}:
            yield element
        elif element.tag in CONTAINERS:
            yield from _blocks(element)


def _run_text(run: Any) -> str:
    words = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
    return "".join(child.text or "" if child.tag == qn("w:t") else words.get(child.tag, "") for child in run)


def _with_mark(mark: str, text: str) -> str:
    words = text.strip()
    if mark in {"", "formula"} or not words:
        return text
    start, end = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    if mark == "code":
        return f"{start}{inline_code(words)}{end}"
    if mark == "math":
        return f"{start}${words}${end}"
    return f"{start}{mark}{words}{mark[::-1]}{end}"


def _heading_level(style: str, element: Any) -> int:
    """Give the level of a heading, 0 for none: by its style's name, or by the level that the paragraph itself says."""
    match = re.match(r"heading ([1-6])$", style, re.IGNORECASE)
    if match:
        return int(match[1])
    level = element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
    value = "" if level is None else str(level.get(qn("w:val")))
    return int(value) + 1 if value in {"0", "1", "2", "3", "4", "5"} else 0


def _is_on(properties: Any, name: str) -> bool:
    found = properties.find(qn(name))
    return found is not None and found.get(qn("w:val")) not in {"0", "false", "off"}


def _is_code_run(properties: Any) -> bool:
    fonts = properties.find(qn("w:rFonts"))
    return fonts is not None and bool(CODE_FONT.search(str(fonts.get(qn("w:ascii")) or "")))


def _is_all_code(element: Any) -> bool:
    runs = [run for run in element.iter(qn("w:r")) if _run_text(run).strip()]
    properties = [run.find(qn("w:rPr")) for run in runs]
    return bool(runs) and all(found is not None and _is_code_run(found) for found in properties)


def _is_item(line: str) -> bool:
    return re.match(r"\s*(-|1\.) ", line) is not None


def _numbered_lists(document: Any) -> set[str]:
    """List the ids of the lists whose items are numbered."""
    try:
        numbering = document.part.numbering_part.element
    except (KeyError, NotImplementedError):
        return set()
    formats = {
        definition.get(qn("w:abstractNumId")): [
            found.get(qn("w:val")) for found in definition.iter(qn("w:numFmt"))
        ]
        for definition in numbering.findall(qn("w:abstractNum"))
    }
    numbered = set()
    for number in numbering.findall(qn("w:num")):
        definition = number.find(qn("w:abstractNumId"))
        kinds = [] if definition is None else formats.get(definition.get(qn("w:val")), [])
        if kinds and kinds[0] not in {"bullet", "none"}:
            numbered.add(number.get(qn("w:numId")))
    return numbered
