"""Formulas in HTML (MathML), as the TeX that they carry, or else in one line that means the same."""

import re
import unicodedata
from dataclasses import dataclass, field

from noteassist.services.imports.markup import escaped

TEX = re.compile(r"(application/x-)?(la)?tex", re.IGNORECASE)
# Deeper elements are left out.
DEEPEST = 60
# Operators that are there for screen readers and have no shape.
UNSEEN = re.compile("[\u2061-\u2064\u200b]")
# What has parts, in a line.
FORMS = {
    "mfrac": "{}/{}",
    "msup": "{}^{}",
    "mover": "{}^{}",
    "msub": "{}_{}",
    "munder": "{}_{}",
    "msubsup": "{}_{}^{}",
    "munderover": "{}_{}^{}",
    "mroot": "{}^(1/{})",
}
# What is not shown, or only as a space.
BLANK = {"annotation": "", "annotation-xml": "", "mphantom": "", "mspace": " "}


@dataclass
class _Element:
    tag: str
    is_tex: bool = False
    children: list["_Element | str"] = field(default_factory=list)


class Formula:
    """One `<math>` while it is read; it is told what comes up to `</math>`."""

    def __init__(self, attributes: dict[str, str | None]) -> None:
        self.is_displayed = attributes.get("display") == "block"
        self.root = _Element("mrow")
        self.open = [self.root]
        self.tex = ""
        self.too_deep = 0

    def start(self, tag: str, attributes: dict[str, str | None]) -> None:
        """Take the start of an element."""
        if len(self.open) > DEEPEST:
            self.too_deep += 1
            return
        is_tex = tag == "annotation" and bool(TEX.fullmatch((attributes.get("encoding") or "").strip()))
        element = _Element(tag, is_tex)
        self.open[-1].children.append(element)
        self.open.append(element)

    def end(self, tag: str) -> None:
        """Take the end of an element; one that is not open says nothing."""
        if self.too_deep:
            self.too_deep -= 1
        elif any(element.tag == tag for element in self.open[1:]):
            while self.open.pop().tag != tag:
                pass

    def data(self, text: str) -> None:
        """Take text."""
        if any(element.is_tex for element in self.open):
            self.tex += text
        else:
            self.open[-1].children.append(text)

    def markdown(self) -> str:
        """Write it as Markdown."""
        # An empty line would end the paragraph, and with it the formula.
        tex = re.sub(r"\s*\n\s*", "\n", self.tex.strip())
        if not tex:
            return escaped(_line(self.root))
        return f"$${tex}$$" if self.is_displayed else f"${tex}$"


def _line(element: _Element) -> str:
    """Write an element in a line: a fraction as a/b, what is raised as a^b."""
    if element.tag in BLANK:
        return BLANK[element.tag]
    parts = [part for part in element.children if isinstance(part, _Element)]
    form = FORMS.get(element.tag, "")
    if form and form.count("{}") == len(parts):
        return form.format(*map(_operand, parts))
    if element.tag == "mtable":
        return "; ".join(map(_line, parts))
    if element.tag == "mtr":
        return " ".join(filter(None, map(_line, parts)))
    return f"√({_inner(element)})" if element.tag == "msqrt" else _inner(element)


def _inner(element: _Element) -> str:
    written = [part if isinstance(part, str) else _line(part) for part in element.children]
    text = unicodedata.normalize("NFKC", "".join(written))
    return UNSEEN.sub("", re.sub(r"\s+", " ", text)).strip("\n")


def _operand(element: _Element) -> str:
    """Write a part of a fraction or a power, in brackets where it is more than a word."""
    text = _line(element).strip()
    return text if re.fullmatch(r"\w*|\W", text) or _is_bracketed(text) else f"({text})"


def _is_bracketed(text: str) -> bool:
    return bool(re.fullmatch(r"\([^()]*\)", text))
