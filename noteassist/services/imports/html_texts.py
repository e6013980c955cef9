"""HTML as cards and some notes have it, as Markdown. Scripts and styles are dropped, nothing is fetched."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

from noteassist.services.imports.drafts import is_web_address
from noteassist.services.imports.markup import escaped, fenced, inline_code, table
from noteassist.services.imports.mathml import Formula

Attributes = list[tuple[str, str | None]]
Finisher = Callable[[str], str]

# Formulas, as Anki and MathJax mark them; within them nothing is escaped.
FORMULA = re.compile(
    r"\\\((?P<line>.{1,2000}?)\\\)|\\\[(?P<block>.{1,4000}?)\\\]"
    r"|\[\$\$\](?P<oldblock>.{1,4000}?)\[/\$\$\]|\[\$\](?P<oldline>.{1,2000}?)\[/\$\]"
    r"|\[latex\](?P<latex>.{1,4000}?)\[/latex\]",
    re.DOTALL,
)
SOUND = re.compile(r"\[sound:([^\]\n]{1,300})\]")
UNSEEN = frozenset({"script", "style", "head", "title", "template", "noscript", "iframe", "object"})
BLOCKS = frozenset(
    {"p", "div", "section", "article", "header", "footer", "figure", "dl", "dt", "dd", "center"}
)
CODE = frozenset({"pre", "code", "tt", "kbd", "samp"})
MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "s": "~~", "del": "~~", "strike": "~~"}
# How HTML says in which language code is.
LANGUAGE = re.compile(r"(?:^|\s)language-([\w+#.-]{1,40})(?=\s|$)")
DEEPEST = 100
# What a tag ends that was left open, and within what: `<li>` the last `<li>` of the same list.
IMPLIED_ENDS = {
    "li": ({"li"}, {"ul", "ol"}),
    "td": ({"td", "th"}, {"tr", "table"}),
    "th": ({"td", "th"}, {"tr", "table"}),
    "tr": ({"tr"}, {"table"}),
    "p": ({"p"}, {"div", "li", "td", "th", "blockquote", "ul", "ol"}),
}


def to_markdown(html: str) -> str:
    """Write HTML as Markdown."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.text()


def marked(text: str) -> str:
    """Write plain text that may have formulas as Markdown."""
    done: list[str] = []
    end = 0
    for match in FORMULA.finditer(text):
        done += [_words(text[end : match.start()]), _formula(match)]
        end = match.end()
    return "".join([*done, _words(text[end:])])


def _words(text: str) -> str:
    return SOUND.sub(r" *(\1)*", escaped(text))


def _formula(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    body = match[kind].strip()
    if kind == "latex":
        body = body.removeprefix("$$").removesuffix("$$").removeprefix("$").removesuffix("$")
    return f"$${body}$$" if "block" in kind else f"${body}$"


def _nothing(_inner: str) -> str:
    return ""


def _formula_as_written(inner: str) -> str:
    """Write a formula that an export could only show as its TeX."""
    tex = " ".join(inner.split())
    return f"${tex}$" if tex else ""


def _block(inner: str) -> str:
    return f"\n\n{inner.strip()}\n\n"


def _quote(inner: str) -> str:
    return _block(_each_line(inner.strip(), "> "))


def _heading(level: int) -> Finisher:
    return lambda inner: _block(f"{'#' * level} {' '.join(inner.split())}")


def _tagged(tag: str) -> Finisher:
    """Keep a tag that Markdown has no mark for."""
    return lambda inner: f"<{tag}>{inner}</{tag}>" if inner.strip() else inner


def _marker(mark: str) -> Finisher:
    """Set words between marks, which must touch them."""

    def finish(inner: str) -> str:
        words = inner.strip()
        if not words or "\n\n" in words:
            return inner
        start = inner[: len(inner) - len(inner.lstrip())]
        return f"{start}{mark}{words}{mark}{inner[len(inner.rstrip()) :]}"

    return finish


def _linker(target: str) -> Finisher:
    def finish(inner: str) -> str:
        words = " ".join(inner.split())
        if not is_web_address(target) or any(letter in target for letter in "()<>"):
            return inner
        return f"[{words or target}]({target})"

    return finish


def _picture(given: dict[str, str | None]) -> str:
    source = given.get("src") or ""
    name = given.get("alt") or source.partition("?")[0].rpartition("/")[2] or "picture"
    return f"*({escaped(' '.join(name[:200].split()))})*"


def _each_line(text: str, mark: str) -> str:
    return "\n".join(f"{mark}{line}".rstrip() for line in text.split("\n"))


PLAIN_FINISHERS: dict[str, Finisher] = {
    **{tag: _marker(mark) for tag, mark in MARKS.items()},
    **dict.fromkeys(BLOCKS, _block),
    **{f"h{level}": _heading(level) for level in range(1, 7)},
    **{tag: _tagged(tag) for tag in ("sup", "sub")},
    "blockquote": _quote,
}


class _Writer(HTMLParser):
    """Writes Markdown while it reads; what is not closed is closed at the end."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[list[str]] = [[]]
        self.finishers: list[tuple[str, Finisher]] = []
        self.lists: list[list[int]] = []
        self.unseen = 0
        self.in_code = 0
        self.language = ""
        self.formula: Formula | None = None
        self.rows: list[list[str]] = []

    def text(self) -> str:
        self._end_formula()
        while self.finishers:
            self._close()
        # Two spaces at the end of a line are a break, unless nothing follows.
        lines = [line.rstrip() + "  " * line.endswith("  ") for line in "".join(self.parts[0]).split("\n")]
        kept = [
            line for index, line in enumerate(lines) if line.strip() or (index and lines[index - 1].strip())
        ]
        return "\n".join(line if line.strip() else "" for line in kept).strip()

    def handle_starttag(self, tag: str, attributes: Attributes) -> None:
        if tag in UNSEEN:
            self.unseen += 1
        if self.unseen:
            return
        if self.formula is not None:
            self.formula.start(tag, dict(attributes))
        elif tag == "math":
            self.formula = Formula(dict(attributes))
        elif tag == "br":
            self._write("\n" if self.in_code else "  \n")
        elif tag == "hr":
            self._write("\n\n---\n\n")
        elif tag == "img":
            self._write(_picture(dict(attributes)))
        elif len(self.finishers) < DEEPEST:
            self._imply_end(tag)
            self._start(tag, dict(attributes))

    def _imply_end(self, tag: str) -> None:
        ends, within = IMPLIED_ENDS.get(tag, ((), ()))
        for depth in range(len(self.finishers) - 1, -1, -1):
            name = self.finishers[depth][0]
            if name in within:
                return
            if name in ends:
                while len(self.finishers) > depth:
                    self._close()
                return

    def _start(self, tag: str, given: dict[str, str | None]) -> None:
        finish = PLAIN_FINISHERS.get(tag) or self._own_finisher(tag, given)
        if finish is not None:
            self.finishers.append((tag, finish))
            self.parts.append([])

    def _own_finisher(self, tag: str, given: dict[str, str | None]) -> Finisher | None:
        """Begin what the writer has to remember; gives what ends it, or None for a tag that says nothing."""
        classes = given.get("class") or ""
        if tag == "code" and "formula" in classes.split() and not self.in_code:
            return _formula_as_written
        if tag in CODE:
            self.in_code += 1
            self.language = "".join(LANGUAGE.findall(classes)[:1]) or self.language
            return self._block_of_code if tag == "pre" else self._code
        if tag in {"ul", "ol"}:
            self.lists.append([0] if tag == "ul" else [1])
            return self._end_list
        if tag == "table":
            self.rows = []
        elif tag == "tr":
            self.rows.append([])
        elif tag == "a":
            return _linker(given.get("href") or "")
        ends = {"table": self._table, "tr": _nothing, "td": self._cell, "th": self._cell, "li": self._item}
        return ends.get(tag)

    def handle_startendtag(self, tag: str, attributes: Attributes) -> None:
        if tag not in UNSEEN:
            self.handle_starttag(tag, attributes)
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self.unseen = max(0, self.unseen - 1)
        elif self.formula is not None:
            if tag == "math":
                self._end_formula()
            else:
                self.formula.end(tag)
        elif any(name == tag for name, _ in self.finishers):
            while self.finishers[-1][0] != tag:
                self._close()
            self._close()

    def handle_data(self, data: str) -> None:
        if self.unseen:
            return
        if self.formula is not None:
            self.formula.data(data)
            return
        if self.in_code or self._is_formula():
            self._write(data)
            return
        text = re.sub(r"[ \t\r\n\f]+", " ", data)
        is_start = not self.parts[-1] or self.parts[-1][-1].endswith("\n")
        self._write(marked(text.lstrip(" ") if is_start else text))

    def _is_formula(self) -> bool:
        return bool(self.finishers) and self.finishers[-1][1] is _formula_as_written

    def _end_formula(self) -> None:
        if self.formula is not None:
            formula, self.formula = self.formula, None
            self._write(formula.markdown())

    def _write(self, text: str) -> None:
        if text:
            self.parts[-1].append(text)

    def _close(self) -> None:
        _, finish = self.finishers.pop()
        self._write(finish("".join(self.parts.pop())))

    def _block_of_code(self, inner: str) -> str:
        self.in_code -= 1
        if self.in_code:
            return inner
        language, self.language = self.language, ""
        return f"\n\n{fenced(inner.replace(chr(160), ' '), language)}\n\n"

    def _code(self, inner: str) -> str:
        if self.in_code > 1 or "\n" in inner.strip():
            return self._block_of_code(inner)
        self.in_code -= 1
        self.language = ""
        return inline_code(inner.strip()) if inner.strip() else ""

    def _end_list(self, inner: str) -> str:
        self.lists.pop()
        return f"\n{inner.strip()}\n" if self.lists else f"\n\n{inner.strip()}\n\n"

    def _item(self, inner: str) -> str:
        mark = "- "
        if self.lists and self.lists[-1][0]:
            mark = f"{self.lists[-1][0]}. "
            self.lists[-1][0] += 1
        text = re.sub(r"\n{2,}", "\n", inner.strip())
        return f"{mark}{_each_line(text, ' ' * len(mark)).strip()}\n"

    def _cell(self, inner: str) -> str:
        if self.rows:
            self.rows[-1].append(" ".join(inner.split()))
        return ""

    def _table(self, inner: str) -> str:
        rows = [row for row in self.rows if row]
        self.rows = []
        return f"\n\n{table(rows)}\n\n" if rows else inner
