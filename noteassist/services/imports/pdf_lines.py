"""Lines of a PDF file: put together from pieces, and put together to paragraphs."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from noteassist.services.imports.drafts import clean_text
from noteassist.services.imports.markup import escaped, fenced

MONOSPACED = re.compile(r"mono|courier|consol|menlo|typewriter|cmtt|code", re.IGNORECASE)
BULLET = re.compile(r"[•◦▪●‣∙·–]\s+")
NUMBER = re.compile(r"\d{1,3}[.)]\s+")
# Lines of one paragraph are at most so many times their size apart.
LINE_DISTANCE = 1.7


@dataclass
class Line:
    """A line of a page."""

    text: str
    size: float
    is_code: bool
    page: int
    height: float


@dataclass
class Collector:
    """Puts the pieces of text that pypdf finds on a page together to lines."""

    page: int
    lines: list[Line] = field(default_factory=list)
    pieces: list[tuple[str, float, bool, float]] = field(default_factory=list)

    def take(self, text: str, cm: Any, tm: Any, font: Any, size: float) -> None:
        """Take a piece, as `extract_text` gives it to its visitor."""
        scale = abs(float(tm[3]) * float(cm[3])) or abs(float(tm[1]) * float(cm[1])) or 1.0
        is_code = bool(MONOSPACED.search(str((font or {}).get("/BaseFont", ""))))
        height = float(tm[5]) * float(cm[3]) + float(cm[5])
        for number, part in enumerate(text.split("\n")):
            if number:
                self.end_line()
            if part:
                self.pieces.append((part, round(size * scale, 1), is_code, height))

    def end_line(self) -> None:
        """End a line; it is of the size that most of its letters have."""
        text = clean_text("".join(piece[0] for piece in self.pieces)).rstrip()
        if text.strip():
            sizes: Counter[float] = Counter()
            for part, size, _, _ in self.pieces:
                sizes[size] += len(part.strip())
            is_code = all(piece[2] for piece in self.pieces if piece[0].strip())
            height = self.pieces[0][3]
            self.lines.append(Line(text, sizes.most_common(1)[0][0], is_code, self.page, height))
        self.pieces = []


def paragraphs(lines: list[Line]) -> str:
    """Put lines together to paragraphs, list items and blocks of code."""
    blocks: list[list[Line]] = []
    for line in lines:
        if blocks and not _begins(blocks[-1][-1], line):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    text = ""
    for block in blocks:
        written = _written(block)
        is_list = written.startswith("- ") and text.rpartition("\n")[2].startswith("- ")
        text += ("\n" if is_list else "\n\n") + written
    return text.strip("\n")


def _written(block: list[Line]) -> str:
    if block[0].is_code:
        return fenced("\n".join(line.text for line in block))
    first = block[0].text.strip()
    bullet, number = BULLET.match(first), NUMBER.match(first)
    mark = "- " if bullet else number[0] if number else ""
    start = bullet or number
    text = first[start.end() :] if start else first
    for line in block[1:]:
        text = _joined(text, line.text.strip())
    return mark + escaped(text)


def _begins(before: Line, line: Line) -> bool:
    """Say whether a line begins a paragraph: by a bullet, a gap, another size, or a short line before."""
    if line.is_code and before.is_code:
        return False
    if line.is_code != before.is_code or line.size != before.size:
        return True
    if BULLET.match(line.text.strip()) or NUMBER.match(line.text.strip()):
        return True
    if line.page == before.page:
        return before.height - line.height > LINE_DISTANCE * max(line.size, 1.0)
    return before.text.rstrip().endswith((".", "!", "?", ":"))


def _joined(text: str, line: str) -> str:
    """Go on with a text in the next line; a word that was divided is one again."""
    if re.search(r"\w-$", text) and line[:1].islower():
        return text[:-1] + line
    return f"{text} {line}"
