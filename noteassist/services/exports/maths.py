"""Formulas: TeX as students write it, as typst reads it, and as MathML.

What is not understood is shown as it was written: one bad formula never breaks a document. A converted formula is
checked before typst sees it, since it is code there: with no `#`, no `$`, no comment and no open text in it, it stays
a formula.
"""

import html
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import typst
from tex2typst import tex2typst  # type: ignore[import-untyped]

from noteassist.services.exports.markdown import LONGEST_FORMULA, clean
from noteassist.services.exports.typesetting import compile_page

FORMULA = re.compile(r'(?:\\.|"(?:\\.|[^"\\])*"|#(?:none|true)(?=[,)])|(?!//|/\*)[^\\"#$])+', re.DOTALL)
# The way from a formula to the functions of typst.
FORBIDDEN = re.compile(r"\bstd\b")
# TeX that the converter does not know, in TeX that it knows; what only numbers or sizes a formula is left out.
REWRITTEN = (
    (r"\\(?:label|tag\*?|color|hspace\*?)\s*\{[^{}]*\}", " "),
    (r"\\(?:notag|nonumber|(?:display|text|script)style|limits|[bB]igg?[lrm]?)(?![a-zA-Z])|\\!", " "),
    (r"\\[dt]frac(?![a-zA-Z])", r"\\frac"),
    (r"\\[lr]Vert(?![a-zA-Z])", r"\\|"),
    (r"\\[lr]vert(?![a-zA-Z])", "|"),
    (r"\\(?:boxed|phantom)(?![a-zA-Z])", ""),
    (r"\\text(?:bf|it|rm|sf|tt)(?![a-zA-Z])", r"\\text"),
    (r"\\textcolor\s*\{[^{}]*\}", ""),
    (r"\\stackrel(?![a-zA-Z])", r"\\overset"),
    (r"\\xrightarrow\s*\{([^{}]*)\}", r"\\overset{\1}{\\longrightarrow}"),
    (r"\\xleftarrow\s*\{([^{}]*)\}", r"\\overset{\1}{\\longleftarrow}"),
    (r"\\begin\{array\}\s*\{[^{}]*\}", r"\\begin{matrix}"),
    (r"\\end\{array\}", r"\\end{matrix}"),
    (r"\\begin\{alignat(\*?)\}\s*\{[^{}]*\}", r"\\begin{alignat\1}"),
    (r"\\begin\{alignedat\}\s*\{[^{}]*\}", r"\\begin{alignedat}"),
    (r"\\(begin|end)\{dcases\}", r"\\\1{cases}"),
    (r"\\(begin|end)\{(?:split|gather\*?|gathered|multline\*?)\}", r"\\\1{aligned}"),
    (r"\\lnot(?![a-zA-Z])", r"\\neg"),
    (r"\\coloneqq(?![a-zA-Z])", ":="),
    (r"\\Box(?![a-zA-Z])", r"\\square"),
)
REWRITING = [(re.compile(pattern), replacement) for pattern, replacement in REWRITTEN]
# The name of an operator is text: what only spaces it in TeX would be printed.
OPERATOR = re.compile(r"(\\operatorname\*?\s*\{)([^{}]*)(?=\})")
SPACE = re.compile(r"\\(?:[,:;> ]|q?quad(?![a-zA-Z]))|~")
# What makes columns: environments, ends of rows and `&`; `\\&` is a letter.
COLUMNS = re.compile(r"\\begin\{(\w+\*?)\}|\\end\{\w+\*?\}|\\.|&", re.DOTALL)
# Where the columns of a row come in pairs, with a gap between two pairs.
PAIRED = {"align", "align*", "aligned"}
# Names that typst has changed since.
RENAMED = {"times.circle": "times.o", "alef": "aleph", "blacksquare": "square.filled"}
OLD_NAMES = re.compile(rf"\b(?:{'|'.join(map(re.escape, RENAMED))})\b")
MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)


@lru_cache(maxsize=4096)
def to_typst(tex: str) -> str | None:
    """Convert a formula; None when it cannot be. What is given may still name what typst does not know."""
    if len(tex) > LONGEST_FORMULA or "\x00" in tex:
        return None
    source = clean(tex)
    for pattern, replacement in REWRITING:
        source = pattern.sub(replacement, source)
    source = OPERATOR.sub(lambda found: found[1] + SPACE.sub(" ", found[2]), source)
    source = _with_gaps(source)
    if not source.strip():
        return None
    try:
        converted = str(tex2typst(source)).strip()
    except Exception:  # noqa: BLE001 -- whatever the converter stumbles over, the formula is shown as written
        return None
    if not converted or not FORMULA.fullmatch(converted) or FORBIDDEN.search(converted):
        return None
    return OLD_NAMES.sub(lambda found: RENAMED[found.group()], converted)


def _with_gaps(tex: str) -> str:
    """Put a quad where TeX has a gap between columns; typst sets them side by side."""
    open_rows: list[tuple[str, int]] = []

    def rewrite(found: re.Match[str]) -> str:
        mark = found[0]
        if found[1]:
            open_rows.append((found[1], 0))
        elif not open_rows:
            return mark
        elif mark.startswith(r"\end{"):
            open_rows.pop()
        elif mark == r"\\":
            open_rows[-1] = (open_rows[-1][0], 0)
        elif mark == "&":
            environment, before = open_rows[-1]
            open_rows[-1] = (environment, before + 1)
            if environment == "cases" or (environment in PAIRED and before % 2):
                return r"&\quad "
        return mark

    return COLUMNS.sub(rewrite, tex)


def understood(formulas: Iterable[str]) -> set[str]:
    """Give those of some TeX formulas that typst can set, with few trials when most can."""
    found: set[str] = set()
    waiting = [[tex for tex in dict.fromkeys(formulas) if to_typst(tex) is not None]]
    while waiting:
        group = waiting.pop()
        if _can_be_set(group):
            found.update(group)
        elif len(group) > 1:
            half = len(group) // 2
            waiting += [group[:half], group[half:]]
    return found


def to_mathml(formulas: Sequence[tuple[str, bool]]) -> dict[tuple[str, bool], str]:
    """Write (TeX, is displayed) as MathML that carries its TeX; those that cannot be are left out."""
    good = understood(tex for tex, _ in formulas)
    wanted = [formula for formula in dict.fromkeys(formulas) if formula[0] in good]
    if not wanted:
        return {}
    page = compile_page("\n\n".join(_inline_or_block(*formula) for formula in wanted))
    found = MATH.findall(page)
    if len(found) != len(wanted):
        return {}
    return {formula: _annotated(mathml, formula[0]) for formula, mathml in zip(wanted, found, strict=True)}


def _annotated(mathml: str, tex: str) -> str:
    """Put the TeX into a formula, which browsers do not show and other programs read."""
    start, _, rest = mathml.partition(">")
    shown = f"<mrow>{rest.removesuffix('</math>')}</mrow>"
    source = f'<annotation encoding="application/x-tex">{html.escape(clean(tex).strip())}</annotation>'
    return f"{start}><semantics>{shown}{source}</semantics></math>"


def as_written(tex: str) -> str:
    """Show a formula as its text, in HTML."""
    return f'<code class="formula">{html.escape(clean(tex).strip())}</code>'


def _inline_or_block(tex: str, is_displayed: bool) -> str:
    space = " " if is_displayed else ""
    return f"${space}{to_typst(tex)}{space}$"


def _can_be_set(formulas: Sequence[str]) -> bool:
    try:
        compile_page("\n\n".join(f"$ {to_typst(tex)} $" for tex in formulas))
    except typst.TypstError:
        return False
    return True
