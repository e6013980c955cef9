"""Markdown as typst: every text becomes a literal, so that nothing in it is code."""

import re
from collections.abc import Callable

from markdown_it.tree import SyntaxTreeNode

from noteassist.services.exports.documents import Prose
from noteassist.services.exports.highlighting import PLAIN, highlight
from noteassist.services.exports.markdown import DISPLAYED, MATHS, clean, is_right_to_left
from noteassist.services.exports.maths import to_typst
from noteassist.services.exports.typesetting import literal

# A run of so many letters without a place to break gets places, lest it leaves the page.
LONGEST_RUN = 40
# So many letters of code have room side by side in the cells of a row.
LETTERS_IN_ROW = 48
# Nothing wide, at which a line may end; unlike a zero-width space it is in no text that is copied.
BREAK = "#box();"
# Words of Latin, Greek and Cyrillic letters, digits and marks.
UNJOINED = re.compile(r"[\u0021-\u052f\u1e00-\u206f]+")
WRAPPED = {"strong": "strong", "em": "emph", "s": "strike"}


def code_source(code: str, language: str) -> str:
    """Write a block of code."""
    lines: list[list[str]] = [[]]
    for kind, text in highlight(clean(code).removesuffix("\n").expandtabs(4), language):
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(_run(kind, breakable(part)))
    return f"#code[{'#linebreak()'.join(''.join(line) for line in lines)}]"


def text_source(text: str) -> str:
    """Write a text."""
    return f"#{literal(breakable(text))};"


def directed(source: str, text: str) -> str:
    """Have what says a text run from right to left where it begins so."""
    return f"#[#set text(dir: rtl)\n{source}\n]" if is_right_to_left(text) else source


def breakable(text: str) -> str:
    """Put zero-width spaces into runs of letters that are too long for a line."""
    if len(text) <= LONGEST_RUN:
        return text
    return " ".join(
        word
        if len(word) <= LONGEST_RUN
        else "\u200b".join(word[at : at + LONGEST_RUN // 2] for at in range(0, len(word), LONGEST_RUN // 2))
        for word in text.split(" ")
    )


def _run(kind: str, text: str) -> str:
    return f"#{literal(text)};" if kind == PLAIN else f"#{kind}({literal(text)});"


class TypstProse:
    """One text of a document."""

    def __init__(self, prose: Prose, is_understood: Callable[[str], bool]) -> None:
        self.tree = SyntaxTreeNode(prose.tokens)
        self.depth = prose.depth
        self.name = prose.name
        self.is_understood = is_understood
        self.notes = {
            note.meta["id"]: note
            for block in self.tree.children
            if block.type == "footnote_block"
            for note in block.children
        }
        self.shown: set[int] = set()
        self.writers: dict[str, Callable[[SyntaxTreeNode], str]] = {
            "paragraph": self._paragraph,
            "dt": self._paragraph,
            "heading": self._heading,
            "bullet_list": self._list,
            "ordered_list": self._list,
            "blockquote": self._quote,
            "fence": self._code,
            "code_block": self._code,
            "hr": lambda _node: "#divider",
            "table": self._table,
            "dl": self._definitions,
            "dd": self._definition,
            "footnote_block": lambda _node: "",
            "footnote_anchor": lambda _node: "",
            "footnote_ref": self._footnote,
            "text": self._text,
            "text_special": self._text,
            "softbreak": lambda _node: '#" ";',
            "hardbreak": lambda _node: "#linebreak();",
            "code_inline": self._code_inline,
            "link": self._link,
        } | dict.fromkeys(WRAPPED, self._wrapped)

    def write(self) -> str:
        """Write it."""
        return self._blocks(self.tree.children)

    def _blocks(self, nodes: list[SyntaxTreeNode]) -> str:
        return "\n\n".join(filter(None, map(self._node, nodes)))

    def _inlines(self, node: SyntaxTreeNode) -> str:
        return "".join(map(self._node, node.children))

    def _node(self, node: SyntaxTreeNode) -> str:
        if node.type in MATHS:
            return self._formula(node)
        return self.writers.get(node.type, self._inlines)(node)

    def _paragraph(self, node: SyntaxTreeNode) -> str:
        return directed(self._inlines(node), _plain(node))

    def _heading(self, node: SyntaxTreeNode) -> str:
        level = min(6, int(node.tag[1]) + self.depth)
        options = "" if self.depth == 0 else ", outlined: false, bookmarked: false"
        return directed(f"#heading(level: {level}{options})[{self._inlines(node)}]", _plain(node))

    def _quote(self, node: SyntaxTreeNode) -> str:
        return f"#quote(block: true)[{self._blocks(node.children)}]"

    def _definitions(self, node: SyntaxTreeNode) -> str:
        return self._blocks(node.children)

    def _definition(self, node: SyntaxTreeNode) -> str:
        return f"#pad(left: 1.5em)[{self._blocks(node.children)}]"

    def _code(self, node: SyntaxTreeNode) -> str:
        return code_source(node.content, node.info if node.type == "fence" else "")

    def _list(self, node: SyntaxTreeNode) -> str:
        items = ", ".join(f"[{self._blocks(item.children)}]" for item in node.children)
        paragraphs = [part for item in node.children for part in item.children if part.type == "paragraph"]
        tight = "true" if all(paragraph.hidden for paragraph in paragraphs) else "false"
        if node.type == "bullet_list":
            return directed(f"#list(tight: {tight}, {items})", _plain(node))
        start = min(int(node.attrs.get("start", 1)), 999_999)
        return directed(f"#enum(tight: {tight}, start: {start}, {items})", _plain(node))

    def _table(self, node: SyntaxTreeNode) -> str:
        rows = [row.children for part in node.children for row in part.children]
        styles = [str(cell.attrs.get("style", "text-align:start")) for cell in rows[0]]
        align = "".join(f"{style.partition(':')[2]}, " for style in styles)
        cells = [", ".join(f"[{self._paragraph(cell)}]" for cell in row) for row in rows]
        rest = "".join(f"{row}, " for row in cells[1:])
        return f"#table(columns: {len(styles)}, align: ({align}), table.header({cells[0]}), {rest})"

    def _wrapped(self, node: SyntaxTreeNode) -> str:
        return f"#{WRAPPED[node.type]}[{self._inlines(node)}];"

    def _text(self, node: SyntaxTreeNode) -> str:
        columns = _columns_around(node)
        if columns == 0:
            return text_source(node.content)
        longest = max(4, LETTERS_IN_ROW // columns)
        # A word that is wider than its column would be printed over the next one.
        return BREAK.join(text_source(part) for part in _parts(node.content, longest))

    def _code_inline(self, node: SyntaxTreeNode) -> str:
        columns = _columns_around(node)
        if columns == 0:
            return f"#raw({literal(breakable(node.content))});"
        pieces = _pieces(node.content, max(2, LETTERS_IN_ROW // columns))
        return BREAK.join(f"#raw({literal(piece)});" for piece in pieces)

    def _link(self, node: SyntaxTreeNode) -> str:
        address = str(node.attrs["href"])
        return f"#link({literal(address)})[{self._inlines(node) or text_source(address)}];"

    def _formula(self, node: SyntaxTreeNode) -> str:
        is_displayed = node.type in DISPLAYED
        converted = to_typst(node.content) if self.is_understood(node.content) else None
        if converted is None:
            return f"#formula({literal(breakable(clean(node.content).strip()))});"
        return f"$ {converted} $" if is_displayed else f"${converted}$"

    def _footnote(self, node: SyntaxTreeNode) -> str:
        number = int(node.meta["id"])
        label = f"<fn-{self.name}-{number}>"
        if number in self.shown:
            return f"#footnote({label});"
        note = self.notes.pop(number, None)
        if note is None:  # it stands within itself
            return f"#super[#{literal(str(number + 1))};];"
        content = self._blocks(note.children)
        self.shown.add(number)
        return f"#footnote[{content}]{label}"


def _columns_around(node: SyntaxTreeNode) -> int:
    """Say how many columns the table has in which something stands; 0 when it stands in none."""
    around = node.parent
    while around is not None and around.type != "tr":
        around = around.parent
    return 0 if around is None else len(around.children)


def _pieces(code: str, longest: int) -> list[str]:
    """Divide code where a line may end: after marks, between the words of one name, and in longer words."""
    word = rf"[A-Z]?[^\W_A-Z]{{1,{longest}}}|[A-Z]{{1,{longest}}}(?![^\W_A-Z])|[^\W_]"
    return [piece for piece in re.findall(rf"(?:{word})?[\W_]{{0,{longest}}}", code) if piece]


def _parts(text: str, longest: int) -> list[str]:
    """Divide a text where a line may end besides the usual places: in words of so many letters and more.

    Letters that join, or that have lines end between them anyway, are left together.
    """
    parts = [""]
    for word in re.split(r"(\s+)", text):
        if len(word) <= longest or not UNJOINED.fullmatch(word):
            parts[-1] += word
            continue
        first, *rest = _pieces(word, longest)
        parts[-1] += first
        parts += rest
    return parts


def _plain(node: SyntaxTreeNode) -> str:
    return "".join(part.content for part in node.walk() if part.type == "text")
