"""Hide the parts of a line that are no prose (code, maths, links, tags), and make text harmless."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Every repetition is possessive or bounded: nothing here can backtrack for long.
_NO_PROSE = re.compile(
    r"""
    `++
  | \\\( [^\\]*+ (?:\\(?![()])[^\\]*+)*+ \\\)
  | \\\[ [^\\]*+ (?:\\(?![\[\]])[^\\]*+)*+ \\\]
  | \\.
  | \$\$ [^$]{1,3000}+ \$\$
  | \$(?=\S) [^$]{1,1000}+ (?<=\S) \$ (?!\d)
  | <[A-Za-z/!?] [^<>]{0,2000}+ >
  | \] \( [^()\n]*+ (?: \( [^()\n]*+ \) [^()\n]*+ )*+ \)
  | \] \[ [^\[\]\n]{0,300}+ \]
  | \[\^ [^\[\]\s]{1,100}+ \]
  | \[\[ [^\[\]\n]{0,300}+ \]\]
  | (?<!\w) [A-Za-z] [A-Za-z0-9+.-]{1,20} :// \S++
  | (?<!\w) (?:www\.|mailto:) \S++
  | (?<![\w.+-]) [\w.+-]{1,64} @ [\w-]{1,63} \. [\w.-]{0,100}\w
  | &\#?\w{1,30};
  | (?<!\w) :[a-z0-9_+-]{1,40}: (?!\w)
    """,
    re.VERBOSE | re.DOTALL,
)
_FIRST_PRIVATE_CHARACTER, _LAST_PRIVATE_CHARACTER = 0xF0000, 0xFFFFD
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_MARKS = re.compile(r"[\\`*\[\]<>|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w)|^[#+-]|(?<=^\d)[.)]|:(?=//)")


@dataclass(frozen=True, slots=True)
class Masked:
    """Hold a text in which each part that is no prose is one placeholder, and those parts."""

    text: str
    placeholder: str
    parts: tuple[str, ...]

    def restore(self, text: str) -> str | None:
        """Put the parts back into a changed text; None when a placeholder came or went."""
        pieces = text.split(self.placeholder)
        if len(pieces) != len(self.parts) + 1:
            return None
        return "".join(_alternate(pieces, self.parts))

    def restore_each(self, texts: Iterable[str]) -> Iterator[str]:
        """Put the parts back into texts that the masked one was cut into, in order."""
        parts = iter(self.parts)
        for text in texts:
            pieces = text.split(self.placeholder)
            yield "".join(_alternate(pieces, [next(parts) for _ in pieces[1:]]))


def mask(text: str) -> Masked:
    """Replace code, maths, links, tags and their like by placeholders of one character."""
    private = map(chr, range(_FIRST_PRIVATE_CHARACTER, _LAST_PRIVATE_CHARACTER))
    placeholder = next(character for character in private if character not in text)
    kept: list[str] = []
    parts: list[str] = []
    end = 0
    for start, stop in _spans(text):
        kept += (text[end:start], placeholder)
        parts.append(text[start:stop])
        end = stop
    return Masked("".join([*kept, text[end:]]), placeholder, tuple(parts))


def folded(text: str) -> str:
    """Make one line of a text: every run of white space is one blank."""
    return " ".join(text.split())


def one_line(text: str, longest: int) -> str:
    """Make one line without control characters, cut at a word when it is too long."""
    line = folded(_CONTROLS.sub(" ", text))
    if len(line) <= longest:
        return line
    cut = line[:longest]
    return (cut[: cut.rfind(" ")] if " " in cut[longest // 2 :] else cut).rstrip(" ,;:.-") + "…"


def escaped(text: str) -> str:
    """Make Markdown that shows exactly this line of text."""
    return _MARKS.sub(lambda match: "\\" + match[0], text)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each part that is no prose starts and ends."""
    closings = _backticks(text)
    position = 0
    while match := _NO_PROSE.search(text, position):
        end = match.end()
        if match[0][0] == "`":
            end = _end_of_code(closings, len(match[0]), end)
        if end >= 0:
            yield match.start(), end
        position = end if end >= 0 else match.end()


def _backticks(text: str) -> dict[int, list[int]]:
    """Collect where runs of backticks start, by their length, the last one first."""
    runs: dict[int, list[int]] = {}
    for match in re.finditer(r"`++", text):
        runs.setdefault(len(match[0]), []).append(match.start())
    return {length: starts[::-1] for length, starts in runs.items()}


def _end_of_code(closings: dict[int, list[int]], length: int, start: int) -> int:
    """Find the run that closes inline code which starts here; -1 when there is none."""
    candidates = closings.get(length, [])
    while candidates and candidates[-1] < start:
        candidates.pop()
    return candidates[-1] + length if candidates else -1


def _alternate(pieces: list[str], parts: Iterable[str]) -> Iterator[str]:
    yield pieces[0]
    for part, piece in zip(parts, pieces[1:], strict=True):
        yield part
        yield piece
