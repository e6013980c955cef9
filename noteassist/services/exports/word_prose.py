"""Markdown as the XML of Word (ECMA-376, WordprocessingML)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape, quoteattr

from markdown_it.tree import SyntaxTreeNode

from noteassist.services.exports.documents import Prose
from noteassist.services.exports.highlighting import COLOURS, PLAIN, highlight
from noteassist.services.exports.markdown import DISPLAYED, MATHS, clean, is_right_to_left

INDENT = 360  # twentieths of a point
DEEPEST_LIST = 8
WRAPPED = {"strong": "<w:b/>", "em": "<w:i/>", "s": "<w:strike/>"}
# What these say; the empty ones what they contain.
PLAIN_TEXT = {"text": "", "text_special": "", "softbreak": " ", "hardbreak": "\n"}
ALIGNED = {"text-align:right": "right", "text-align:center": "center", "text-align:left": "left"}
# What RFC 3986 lets stand in an address; Word does not open a file with other letters in one.
ADDRESS_LETTERS = "%/:=&?~#+!$,;'@()*[]"


@dataclass(frozen=True)
class Place:
    """Where a paragraph stands."""

    style: str = ""
    indent: int = 0
    number: str = ""
    """The `w:numPr` of the first paragraph of a list's item."""
    align: str = ""


CODE_START = '<w:p><w:pPr><w:pStyle w:val="Code"/>'


class WordParts:
    """What the texts of one document share: links, lists and notes at its end."""

    def __init__(self, relate: Callable[[str], str], add_list: Callable[[int | None], int]) -> None:
        self._relate = relate
        self.add_list = add_list
        self.links: dict[str, str] = {}
        self.notes: list[str] = []

    def link(self, url: str) -> str | None:
        """Give the id of the relationship to an address; None if it is none."""
        try:
            parts = urlsplit(url)
            is_address = bool(parts.netloc or parts.scheme == "mailto") and (parts.port or 0) >= 0
        except ValueError:
            is_address = False
        if not is_address:
            return None
        if url not in self.links:
            self.links[url] = self._relate(quote(url, safe=ADDRESS_LETTERS))
        return self.links[url]


def run(text: str, properties: str = "") -> str:
    """Write a run of text."""
    pieces = escape(text).split("\n")
    inner = "<w:br/>".join(f'<w:t xml:space="preserve">{piece}</w:t>' for piece in pieces)
    inner = inner.replace("\t", '</w:t><w:tab/><w:t xml:space="preserve">')
    direction = "<w:rtl/>" if is_right_to_left(text) else ""
    return f"<w:r><w:rPr>{properties}{direction}</w:rPr>{inner}</w:r>"


def paragraph(content: str, place: Place, text: str = "") -> str:
    """Write a paragraph; `text` is what decides about its direction."""
    style = f"<w:pStyle w:val={quoteattr(place.style)}/>" if place.style else ""
    bidi = "<w:bidi/>" if is_right_to_left(text) else ""
    side = "start" if bidi else "left"
    indent = f'<w:ind w:{side}="{place.indent}"/>' if place.indent and not place.number else ""
    align = f'<w:jc w:val="{place.align}"/>' if place.align else ""
    return f"<w:p><w:pPr>{style}{place.number}{bidi}{indent}{align}</w:pPr>{content}</w:p>"


def code_paragraph(code: str, language: str, place: Place) -> str:
    """Write a block of code."""
    runs = (
        run(text, "" if kind == PLAIN else f'<w:color w:val="{COLOURS[kind][0][1:].upper()}"/>')
        for kind, text in highlight(clean(code).removesuffix("\n").expandtabs(4), language)
    )
    return paragraph("".join(runs), Place("Code", place.indent))


def apart(blocks: Iterable[str]) -> str:
    """Put blocks one below the other; Word would show two of code that touch as one."""
    written: list[str] = []
    for block in filter(None, blocks):
        if written and block.startswith(CODE_START) and _ends_in_code(written[-1]):
            written.append(paragraph("", Place()))
        written.append(block)
    return "".join(written)


def _ends_in_code(block: str) -> bool:
    return block.startswith(CODE_START, max(0, block.rfind("<w:p>")))


def hyperlink(relation: str | None, content: str) -> str:
    """Write a link, or its content alone where there is no address."""
    return content if relation is None else f'<w:hyperlink r:id="{relation}">{content}</w:hyperlink>'


class WordProse:
    """One text of a document."""

    def __init__(self, prose: Prose, parts: WordParts) -> None:
        self.tree = SyntaxTreeNode(prose.tokens)
        self.depth = prose.depth
        self.parts = parts
        self.notes = {
            note.meta["id"]: note
            for block in self.tree.children
            if block.type == "footnote_block"
            for note in block.children
        }
        self.numbers: dict[int, int] = {}
        self.blocks: dict[str, Callable[[SyntaxTreeNode, Place], str]] = {
            "paragraph": self._paragraph,
            "dt": self._paragraph,
            "heading": self._heading,
            "bullet_list": self._list,
            "ordered_list": self._list,
            "blockquote": self._quote,
            "dd": self._definition,
            "fence": self._code,
            "code_block": self._code,
            "hr": self._divider,
            "table": self._table,
            "footnote_block": lambda _node, _place: "",
        }

    def write(self) -> str:
        """Write it."""
        return self._blocks(self.tree.children, Place())

    def _blocks(self, nodes: list[SyntaxTreeNode], place: Place) -> str:
        written = []
        for node in nodes:
            if node.type in MATHS:
                written.append(paragraph(_formula(node), replace(place, align="center")))
            elif node.type in self.blocks:
                written.append(self.blocks[node.type](node, place))
            else:
                written.append(self._blocks(node.children, place))
            place = replace(place, number="")
        return apart(written)

    def _paragraph(self, node: SyntaxTreeNode, place: Place) -> str:
        return paragraph(self._inlines(node, ""), place, _plain(node))

    def _heading(self, node: SyntaxTreeNode, place: Place) -> str:
        level = min(6, int(node.tag[1]) + self.depth)
        return paragraph(self._inlines(node, ""), replace(place, style=f"Heading{level}"), _plain(node))

    def _quote(self, node: SyntaxTreeNode, place: Place) -> str:
        return self._blocks(node.children, replace(place, style="Quote", indent=place.indent + INDENT))

    def _definition(self, node: SyntaxTreeNode, place: Place) -> str:
        return self._blocks(node.children, replace(place, indent=place.indent + INDENT))

    def _code(self, node: SyntaxTreeNode, place: Place) -> str:
        return code_paragraph(node.content, node.info if node.type == "fence" else "", place)

    def _divider(self, _node: SyntaxTreeNode, _place: Place) -> str:
        line = '<w:pBdr><w:bottom w:val="single" w:sz="4" w:space="1" w:color="BBBBBB"/></w:pBdr>'
        return f"<w:p><w:pPr>{line}</w:pPr></w:p>"

    def _list(self, node: SyntaxTreeNode, place: Place) -> str:
        level = min(place.indent // INDENT, DEEPEST_LIST)
        start = None if node.type == "bullet_list" else int(node.attrs.get("start", 1))
        number = self.parts.add_list(start)
        marked = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
        inner = replace(place, indent=place.indent + INDENT, number=marked)
        return apart(self._blocks(item.children, inner) or paragraph("", inner) for item in node.children)

    def _table(self, node: SyntaxTreeNode, _place: Place) -> str:
        rows = [row.children for part in node.children for row in part.children]
        grid = "<w:gridCol/>" * len(rows[0])
        properties = '<w:tblStyle w:val="TableGrid"/><w:tblW w:w="0" w:type="auto"/>'
        written = "".join(self._row(row, is_first=number == 0) for number, row in enumerate(rows))
        # A table that ends a document or touches another one needs a paragraph after it.
        table = f"<w:tbl><w:tblPr>{properties}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{written}</w:tbl>"
        return f"{table}{paragraph('', Place())}"

    def _row(self, cells: list[SyntaxTreeNode], *, is_first: bool) -> str:
        bold = "<w:b/>" if is_first else ""
        written = []
        for cell in cells:
            place = Place(align=ALIGNED.get(str(cell.attrs.get("style", "")), ""))
            content = paragraph(self._inlines(cell, bold), place, _plain(cell))
            written.append(f"<w:tc><w:tcPr/>{content}</w:tc>")
        header = "<w:trPr><w:tblHeader/></w:trPr>" if is_first else ""
        return f"<w:tr>{header}{''.join(written)}</w:tr>"

    def _inlines(self, node: SyntaxTreeNode, properties: str) -> str:
        return "".join(self._inline(child, properties) for child in node.children)

    def _inline(self, node: SyntaxTreeNode, properties: str) -> str:
        if node.type in PLAIN_TEXT:
            return run(PLAIN_TEXT[node.type] or node.content, properties)
        if node.type == "code_inline":
            return run(node.content, f'<w:rStyle w:val="CodeInline"/>{properties}')
        if node.type == "link":
            return self._link(node, properties)
        if node.type == "footnote_ref":
            return self._reference(node)
        if node.type in MATHS:
            return _formula(node)
        return self._inlines(node, properties + WRAPPED.get(node.type, ""))

    def _link(self, node: SyntaxTreeNode, properties: str) -> str:
        address = str(node.attrs["href"])
        content = self._inlines(node, f'<w:rStyle w:val="Link"/>{properties}') or run(address, properties)
        return hyperlink(self.parts.link(address), content)

    def _reference(self, node: SyntaxTreeNode) -> str:
        """Write the number of a note, which stands at the end of the document."""
        found = int(node.meta["id"])
        if found not in self.numbers:
            self.parts.notes.append("")
            number = self.numbers[found] = len(self.parts.notes)
            note = self.notes.get(found)
            content = self._blocks(note.children, Place(style="Note")) if note else ""
            self.parts.notes[number - 1] = _marked(content, number)
        number = self.numbers[found]
        raised = run(str(number), '<w:vertAlign w:val="superscript"/>')
        return f'<w:hyperlink w:anchor="note{number}">{raised}</w:hyperlink>'


def _marked(content: str, number: int) -> str:
    """Put the number of a note, which links lead to, before its first paragraph's text."""
    start = f'<w:bookmarkStart w:id="{number}" w:name="note{number}"/>'
    mark = f'{start}{run(f"{number}. ")}<w:bookmarkEnd w:id="{number}"/>'
    head, end, rest = content.partition("</w:pPr>")
    return f"{head}{end}{mark}{rest}" if end else paragraph(mark, Place("Note"))


def _formula(node: SyntaxTreeNode) -> str:
    """Write a formula as it is typed: between the dollars it is no word."""
    mark = "$$" if node.type in DISPLAYED else "$"
    return run(f"{mark}{clean(node.content).strip()}{mark}", '<w:rStyle w:val="Formula"/>')


def _plain(node: SyntaxTreeNode) -> str:
    return "".join(part.content for part in node.walk() if part.type == "text")
