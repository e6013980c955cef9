"""Documents as Word files."""

import io
import zipfile
from typing import Any

import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

from noteassist.services.exports.documents import AUTHOR, Code, Document, Heading, Prose, Source
from noteassist.services.exports.word_prose import (
    DEEPEST_LIST,
    INDENT,
    Place,
    WordParts,
    WordProse,
    apart,
    code_paragraph,
    hyperlink,
    paragraph,
    run,
)

LONGEST_PROPERTY = 255
BULLETS, NUMBERS = 901, 902
MARKS = "•◦▪"


def write_word(document: Document) -> bytes:
    """Write a document."""
    file = docx.Document()
    _set_styles(file)
    _set_page(file.sections[0])
    lists = _Lists(file.part.numbering_part.element)
    parts = WordParts(lambda url: _relate(file, url), lists.add)
    body = _body(document, parts)
    if parts.notes:
        body += paragraph(run("Notes"), Place("Heading1")) + "".join(parts.notes)
    wrapped = parse_xml(f"<w:body {nsdecls('w', 'r')}>{body}</w:body>")
    end = file.element.body.sectPr
    for element in list(wrapped):
        end.addprevious(element)
    properties = file.core_properties
    properties.title, properties.author = document.title[:LONGEST_PROPERTY], AUTHOR
    properties.comments, properties.language = "", document.language[:LONGEST_PROPERTY]
    properties.created = properties.modified = document.changed_at.replace(tzinfo=None)
    out = io.BytesIO()
    file.save(out)
    return _with_one_time(out)


def _with_one_time(file: io.BytesIO) -> bytes:
    """Take the time of writing out of the file: the same note makes the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for entry in before.infolist():
            after.writestr(zipfile.ZipInfo(entry.filename), before.read(entry), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _body(document: Document, parts: WordParts) -> str:
    written = [paragraph(run(document.title), Place("Title"), document.title)]
    if document.facts:
        written.append(paragraph(run(" · ".join(document.facts)), Place("Subtitle")))
    for block in document.blocks:
        match block:
            case Heading():
                written.append(paragraph(run(block.text), Place(f"Heading{block.level}"), block.text))
            case Prose():
                written.append(WordProse(block, parts).write())
            case Code():
                written.append(code_paragraph(block.code, block.language, Place()))
            case Source():
                link = hyperlink(parts.link(block.url), run(block.title, '<w:rStyle w:val="Link"/>'))
                written.append(paragraph(run("Source: ") + link, Place("Note")))
    return apart(written)


def _set_page(section: Any) -> None:
    """Take A4, as the PDF does, with the number of the page below."""
    section.page_width, section.page_height = Mm(210), Mm(297)
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    field = f'<w:fldSimple {nsdecls("w")} w:instr="PAGE"><w:r><w:t>1</w:t></w:r></w:fldSimple>'
    foot._p.append(parse_xml(field))  # noqa: SLF001  # python-docx has no fields


def _relate(file: Any, url: str) -> str:
    return str(file.part.relate_to(url, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))


class _Lists:
    """The lists of a file: each has a number of its own, so that it counts from its own start."""

    def __init__(self, numbering: Any) -> None:
        self.numbering = numbering
        self.bullets = 0
        for abstract_id, is_bullet in ((NUMBERS, False), (BULLETS, True)):
            numbering.insert(0, _abstract_list(abstract_id, is_bullet))

    def add(self, start: int | None) -> int:
        """Make a list that counts from `start`, or with None has bullets; gives its number."""
        if start is None and self.bullets:
            return self.bullets
        number = self.numbering.add_num(BULLETS if start is None else NUMBERS)
        if start is None:
            self.bullets = number.numId
        else:
            for level in range(DEEPEST_LIST + 1):
                number.add_lvlOverride(ilvl=level).add_startOverride(min(start, 32_000))
        return int(number.numId)


def _abstract_list(number: int, is_bullet: bool) -> Any:
    levels = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/>'
        f'<w:numFmt w:val="{"bullet" if is_bullet else "decimal"}"/>'
        f'<w:lvlText w:val="{MARKS[level % 3] if is_bullet else f"%{level + 1}."}"/><w:lvlJc w:val="left"/>'
        f'<w:pPr><w:ind w:left="{(level + 1) * INDENT}" w:hanging="{INDENT}"/></w:pPr></w:lvl>'
        for level in range(DEEPEST_LIST + 1)
    )
    kind = '<w:multiLevelType w:val="hybridMultilevel"/>'
    return parse_xml(
        f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{number}">{kind}{levels}</w:abstractNum>'
    )


def _set_styles(file: Any) -> None:
    styles = file.styles
    styles["Normal"].paragraph_format.space_after = Pt(6)
    code = styles.add_style("Code", WD_STYLE_TYPE.PARAGRAPH)
    code.font.name, code.font.size = "Consolas", Pt(9)
    code.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
    shade = f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="F3F5F7"/>'
    code.element.get_or_add_pPr().append(parse_xml(shade))
    note = styles.add_style("Note", WD_STYLE_TYPE.PARAGRAPH)
    note.font.size, note.font.color.rgb = Pt(9.5), RGBColor(0x59, 0x63, 0x6E)
    inline = styles.add_style("CodeInline", WD_STYLE_TYPE.CHARACTER)
    inline.font.name, inline.font.size = "Consolas", Pt(9.5)
    formula = styles.add_style("Formula", WD_STYLE_TYPE.CHARACTER)
    formula.font.name = "Cambria Math"
    link = styles.add_style("Link", WD_STYLE_TYPE.CHARACTER)
    link.font.color.rgb, link.font.underline = RGBColor(0x0B, 0x57, 0xA4), True
    for name in ("Code", "CodeInline"):
        fonts = styles[name].element.rPr.rFonts
        for script in ("w:cs", "w:eastAsia"):
            fonts.set(qn(script), "Consolas")
