"""Documents as PDF, typeset by typst."""

from collections.abc import Set as AbstractSet

import typst

from noteassist.services.exports.documents import AUTHOR, Code, Document, Heading, Prose, Source
from noteassist.services.exports.markdown import formulas, is_right_to_left
from noteassist.services.exports.maths import to_typst, understood
from noteassist.services.exports.typesetting import PREAMBLE, compile_pdf, literal
from noteassist.services.exports.typst_prose import TypstProse, code_source, directed, text_source


def write_pdf(document: Document) -> bytes:
    """Typeset a document. A formula that typst cannot set is looked for only when the whole cannot be set."""
    try:
        return compile_pdf(source_of(document, None), document.changed_at)
    except typst.TypstError:
        texts = [block.tokens for block in document.blocks if isinstance(block, Prose)]
        found = [token.content for tokens in texts for token in formulas(tokens)]
        good = understood(found)
        return compile_pdf(source_of(document, good), document.changed_at)


def source_of(document: Document, good: AbstractSet[str] | None) -> str:
    """Write the source; only formulas in `good` are formulas, or with None all that can be converted."""
    parts = [PREAMBLE, _head(document)]
    for block in document.blocks:
        match block:
            case Heading():
                parts.append(_heading(block))
            case Prose():
                prose = TypstProse(
                    block,
                    lambda tex: to_typst(tex) is not None if good is None else tex in good,
                )
                parts.append(prose.write())
            case Code():
                parts.append(code_source(block.code, block.language))
            case Source():
                title = text_source(block.title)
                link = f"#link({literal(block.url)})[{title}]" if block.url else title
                parts.append(f'#source[#"Source: ";{link}]')
    return "\n\n".join(parts)


def _head(document: Document) -> str:
    title = literal(document.title)
    lines = [f"#set document(title: {title})", f"#set text(lang: {literal(document.language[:2].lower())})"]
    if not document.is_note:
        lines.append("#set page(footer: page-number)")
        return "\n".join(lines)
    # Who reads the file back knows by the author that its first page is a title page.
    keywords = "".join(f"{literal(tag)}, " for tag in document.tags)
    lines.append(f"#set document(author: {literal(AUTHOR)}, keywords: ({keywords}))")
    facts = "".join(f"{literal(fact)}, " for fact in document.facts)
    lines.append(directed(f"#title-page({title}, ({facts}))", document.title))
    lines.append("#set page(footer: page-number)")
    if document.headings:
        lines.append('#contents("Contents")')
    return "\n".join(lines)


def _heading(heading: Heading) -> str:
    text = text_source(heading.text)
    numbering = f"(..n) => {literal(heading.number)}"
    options = f"level: {heading.level}, numbering: {numbering}"
    if is_right_to_left(heading.text):
        # In a box of its own it does not mingle with the page number in the contents.
        return directed(f"#heading({options})[#box[{text}]]", heading.text)
    return f"#heading({options})[{text}]"
