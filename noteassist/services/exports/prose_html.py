"""Markdown as safe HTML, the same in pages, on cards and in downloads."""

import html
import re
from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any, cast

import nh3
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from noteassist.services.exports.documents import Prose, Source
from noteassist.services.exports.highlighting import COLOURS, PLAIN, highlight
from noteassist.services.exports.markdown import DISPLAYED, MATHS, formulas, is_right_to_left, parser
from noteassist.services.exports.maths import as_written, to_mathml

Env = MutableMapping[str, Any]

MATHML_TAGS = set(
    re.findall(
        r"\w+",
        """math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mmultiscripts
        mprescripts mtable mtr mtd mstyle mpadded mphantom menclose merror none
        semantics annotation""",
    )
)
MATHML_ATTRIBUTES = set(
    re.findall(
        r"\w+",
        """display form lspace rspace stretchy symmetric fence separator largeop movablelimits accent accentunder
        minsize maxsize linethickness mathvariant mathsize displaystyle scriptlevel width height depth voffset
        columnspan rowspan columnalign rowalign class""",
    )
)
TAGS = MATHML_TAGS | set(
    re.findall(
        r"\w+",
        """a blockquote br code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr li nav ol p pre s section span strong sub sup
        table tbody td th thead tr ul""",
    )
)
ATTRIBUTES = {
    "*": {"dir", "id", "class"},
    "a": {"href"},
    "ol": {"start"},
    "td": {"style"},
    "th": {"style"},
} | dict.fromkeys(MATHML_TAGS, MATHML_ATTRIBUTES)
ATTRIBUTES["annotation"] = {"encoding"}
# The name of a language, without what a fence may say after it.
LANGUAGE = re.compile(r"[\w+#.-]{1,40}")
# Whoever reads decides by its first letter in which direction a paragraph runs. What has paragraphs in it is told
# here: `auto` leaves out the text of elements that have a direction of their own.
DIRECTED = {"paragraph_open", "heading_open", "td_open", "th_open", "dt_open"}
CONTAINERS = {"bullet_list", "ordered_list", "blockquote", "dd"}


class ProseRenderer(RendererHTML):
    """What markdown-it writes, with code in colours, formulas as MathML and headings below those of the page."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        """Write a block of code."""
        return code_html(tokens[idx].content, tokens[idx].info)

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        """Write an indented block of code."""
        return code_html(tokens[idx].content, "")

    def formula(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        """Write a formula."""
        token = tokens[idx]
        is_displayed = token.type in DISPLAYED
        written = env["maths"].get((token.content, is_displayed)) or as_written(token.content)
        return f"<div>{written}</div>\n" if token.block else str(written)


def prose_html(texts: Sequence[Prose], levels: int) -> list[str]:
    """Write texts with their headings so many levels further down; not yet `sanitised`."""
    found = [token for text in texts for token in formulas(text.tokens)]
    maths = to_mathml([(token.content, token.type in DISPLAYED) for token in found])
    return [_render(text, levels, maths) for text in texts]


def code_html(code: str, language: str) -> str:
    """Write code in colours."""
    runs = (
        html.escape(text) if kind == PLAIN else f'<span class="{kind}">{html.escape(text)}</span>'
        for kind, text in highlight(code.removesuffix("\n"), language)
    )
    named = LANGUAGE.match(language.strip())
    given = f' class="language-{html.escape(named[0])}"' if named else ""
    return f"<pre><code{given}>{''.join(runs)}\n</code></pre>\n"


def source_html(source: Source) -> str:
    """Write where something comes from."""
    title = html.escape(source.title)
    return f'<a href="{html.escape(source.url, quote=True)}">{title}</a>' if source.url else title


def sanitised(body: str) -> str:
    """Take away all that is not on the list: the second net below a renderer that lets no HTML through."""
    return _cleaner().clean(body)


@lru_cache(maxsize=1)
def _cleaner() -> nh3.Cleaner:
    # Reading the lists takes longer than cleaning the text of a card.
    return nh3.Cleaner(
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        filter_style_properties={"text-align"},
        clean_content_tags={"script", "style"},
    )


def colours_css() -> str:
    """Write the colours of code for light and dark screens."""
    light = "".join(f".{kind} {{ color: {colour} }}\n" for kind, (colour, _) in COLOURS.items())
    dark = "".join(f".{kind} {{ color: {colour} }}\n" for kind, (_, colour) in COLOURS.items())
    return f"{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _render(text: Prose, levels: int, maths: dict[tuple[str, bool], str]) -> str:
    _direct(text.tokens)
    for token in text.tokens:
        if token.tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            token.tag = f"h{min(6, int(token.tag[1]) + text.depth + levels)}"
    return _renderer().render(text.tokens, parser().options, {"maths": maths, "docId": text.name})


def _direct(tokens: Sequence[Token]) -> None:
    """Give each element its direction; a list or a quotation has that of its first text."""
    waiting: list[Token] = []
    for token in tokens:
        kind, _, side = token.type.rpartition("_")
        if token.type in DIRECTED:
            token.attrSet("dir", "auto")
        elif kind in CONTAINERS and side == "open":
            token.attrSet("dir", "auto")
            waiting.append(token)
        elif kind in CONTAINERS and waiting:
            waiting.pop()
        elif token.type == "inline" and waiting:
            said = "".join(part.content for part in token.children or () if part.type == "text")
            if any(map(str.isalpha, said)):
                for container in waiting:
                    container.attrSet("dir", "rtl" if is_right_to_left(said) else "auto")
                waiting.clear()


@lru_cache(maxsize=1)
def _renderer() -> ProseRenderer:
    renderer = ProseRenderer(parser())
    of_plugins = cast("RendererHTML", parser().renderer).rules
    rules: dict[str, Any] = {**of_plugins, **renderer.rules, **dict.fromkeys(MATHS, renderer.formula)}
    renderer.rules = rules
    return renderer
