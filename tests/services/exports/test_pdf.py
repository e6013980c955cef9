"""PDF exports, read back with pypdf."""

import html
import io
import itertools
import re
import unicodedata
from pathlib import Path

import orjson
import pypdf
import pytest

from noteassist.services.exports.highlighting import COLOURS, highlight
from noteassist.services.exports.markdown_reader import read_markdown
from noteassist.services.exports.maths import to_mathml, to_typst, understood
from noteassist.services.exports.rendering import render

from .notes import detail, explained
from .test_pages import HOSTILE

SAMPLE = Path(__file__).parents[2] / "data" / "study_note.md"


def pdf_of(note):
    return render(orjson.dumps({"format": "pdf", "note": note}))


def text_of(content):
    reader = pypdf.PdfReader(io.BytesIO(content))
    return "\n".join(page.extract_text() for page in reader.pages).replace("\u200b", "")


def test_the_long_note_is_a_book_with_title_contents_and_numbers():
    content = pdf_of(read_markdown(SAMPLE.read_text()))
    reader = pypdf.PdfReader(io.BytesIO(content))
    texts = [page.extract_text() for page in reader.pages]
    assert reader.metadata.title == "Numbers, languages and machines: one term of notes"
    assert "one term of notes" in texts[0] and "Contents" in texts[1] and "2 / " in texts[1]
    whole = "\n".join(texts)
    for expected in ("1.1 Vectors", "dataclass", "падеж", "Strassen", "undefinedcommand", "ὀρθός", "книгами"):
        assert expected in whole
    assert reader.outline[0].title == "1 Linear algebra"
    addresses = [
        a.get_object()["/A"].get("/URI")
        for p in reader.pages
        for a in p.get("/Annots", [])
        if "/A" in a.get_object()
    ]
    assert "https://en.wikipedia.org/wiki/Vector_space" in addresses
    assert not any(address and address.startswith(("javascript", "file")) for address in addresses)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_make_a_document(text):
    note = explained(f"Before {text} after\n\n{text}\n")
    note["title"] = note["chapters"][0]["title"] = note["chapters"][0]["topics"][0]["name"] = text
    assert "Before" in text_of(pdf_of(note))


@pytest.mark.parametrize(
    "text",
    [
        '#panic("x")',
        '#read("/etc/passwd")',
        '"; #read("/etc/passwd"); "',
        '\\" #panic()',
        "= heading\n+ list\n/ term: x\n@label <label>",
        '$ #read("/etc/passwd") $',
        '$\\text{" #panic(\\text{x}) "}$',
        "$x // y$",
        "$x /* y$",
        "$\\$ #panic() \\$$",
        '$std.read("/etc/passwd")$',
        '```\n") #panic()\n```',
        '`") #panic()`',
        '[x](https://example.org/")#panic())',
        '| a\\|b | #panic() |\n|---|---|\n| " | ] |',
        "[^a] and [^a] again\n\n[^a]: note [^b]\n\n[^b]: other [^a]",
        "^[inline *note*]",
        "- \n- \n\n1. \n\n> \n\n| a |\n|---|",
        "9999999999. far",
        "\u202eright to left\u2066",
        "a" * 5000,
        "`" + "b" * 5000 + "`",
        "|" + "a|" * 60 + "\n|" + "-|" * 60,
        "$" + "x_{" * 60 + "}" * 60 + "$",
        "*a **b " * 2000,
        "*a **b " * 1500 + "c** d* " * 1500,
        "> " * 3000 + "x",
    ],
)
def test_what_is_code_in_typst_is_text_in_the_document(text):
    found = text_of(pdf_of(explained(f"Start\n\n{text}\n\nEnd")))
    assert "Start" in found and "root:" not in found


def test_code_stays_in_its_narrow_cell_and_is_copied_as_it_was_typed():
    columns, code = 12, "code_in_a_cell(x, HTTPServerError)"
    row = f"| {' | '.join([f'`{code}`'] * columns)} |\n"
    reader = pypdf.PdfReader(io.BytesIO(pdf_of(explained(f"{row}|{'---|' * columns}\n"))))
    lines = {}

    def take(text, cm, tm, _font, _size):
        if text.strip():
            lines.setdefault(round(tm[5] * cm[3] + cm[5]), []).append((tm[4] * cm[0] + cm[4], text.strip()))

    whole = reader.pages[-1].extract_text(visitor_text=take)
    assert "".join(whole.split()).count("".join(code.split())) == columns
    assert "\u200b" not in whole
    first = next(line for line in lines.values() if line[0][1].startswith("code"))
    assert [text for _, text in first] == ["code_"] * columns
    cell, letter = first[1][0] - first[0][0], 6
    for pieces in lines.values():
        for (left, text), (right, _) in itertools.pairwise(pieces):
            assert right - left >= min(cell - 1, letter * len(text) - 1), "nothing is set over its neighbour"


WORDS = [
    "internationalization",
    "DATABASE_CONNECTION_POOL_SIZE_MAXIMUM",
    "многоадресность",
    "12345678901234567890",
]


@pytest.mark.parametrize("columns", [3, 7, 12])
@pytest.mark.parametrize("word", WORDS)
def test_a_long_word_stays_in_its_narrow_cell(word, columns):
    row = f"| {' | '.join([word] * columns)} |"
    reader = pypdf.PdfReader(io.BytesIO(pdf_of(explained(f"{row}\n|{' --- |' * columns}\n{row}\n"))))
    lines, letter = {}, 3.5

    def take(text, cm, tm, _font, _size):
        if text.strip():
            lines.setdefault(round(tm[5] * cm[3] + cm[5]), []).append((tm[4] * cm[0] + cm[4], text.strip()))

    whole = reader.pages[-1].extract_text(visitor_text=take)
    assert "".join(whole.split()).count(word[:2]) >= 2 * columns
    side_by_side = [pieces for pieces in lines.values() if len(pieces) >= columns]
    assert side_by_side
    for pieces in side_by_side:
        for (left, text), (right, _) in itertools.pairwise(pieces):
            assert right - left >= letter * len(text), "nothing is set over its neighbour"


@pytest.mark.parametrize("title", ["3 Hebrew שלום", "مرحبا بالعالم", "Plain"])
def test_the_page_is_the_last_thing_in_a_line_of_the_contents(title):
    note = explained("End")
    note["chapters"][0]["topics"][0]["name"] = title
    page = pypdf.PdfReader(io.BytesIO(pdf_of(note))).pages[1]
    pieces = []

    def take(text, cm, tm, _font, _size):
        if text.strip():
            pieces.append((round(tm[5] * cm[3] + cm[5]), tm[4] * cm[0] + cm[4], text.strip()))

    page.extract_text(visitor_text=take)
    line = [piece for piece in pieces if piece[0] == min(height for height, *_ in pieces if height > 100)]
    _, left, last = max(line, key=lambda piece: piece[1])
    assert last.endswith("3") and left > 0.5 * 595


def test_a_wide_formula_is_made_as_small_as_the_page_needs():
    terms = " + ".join(rf"\binom{{12}}{{{n}}} a^{{{12 - n}}} b^{{{n}}}" for n in range(13))
    page = pypdf.PdfReader(io.BytesIO(pdf_of(explained(f"$$\n(a+b)^{{12}} = {terms}\n$$")))).pages[-1]
    places = []
    page.extract_text(visitor_text=lambda text, matrix, place, *_: places.append((matrix, place, text)))
    lefts = [matrix[0] * place[4] + matrix[4] for matrix, place, text in places if text.strip()]
    assert min(lefts) >= 24 / 25.4 * 72 - 1 and max(lefts) <= (210 - 24) / 25.4 * 72


def test_one_bad_formula_spoils_nothing():
    found = text_of(
        pdf_of(explained("Good $a+b$, bad $\\nonsense{x}$, good $c+d$.\n\n$$\\begin{x}$$\n\nEnd"))
    )
    assert "\\nonsense{x}" in found and "\\begin{x}" in found and "End" in found and "\\a" not in found


def test_bad_formulas_are_told_from_good_ones():
    good = [f"x_{number}" for number in range(40)]
    bad = ["\\nonsense", "\\frac{1", "\\foo{#x}", "x \\bar", ""]
    assert understood([*good, *bad]) == set(good)


@pytest.mark.parametrize(
    "tex",
    [
        r"\lVert x \rVert \le 1",
        r"\xrightarrow{a} b",
        r"\begin{split}a&=b\end{split}",
        r"\begin{array}{cc}1&2\\3&4\end{array}",
        r"\operatorname*{argmax}_x f",
        r"a \otimes b \tag{1}",
        r"\textbf{a} \stackrel{!}{=} b",
        r"\color{red}{x} \Big( y \Big)",
        r"\begin{alignat}{2}a&=b&c&=d\end{alignat}",
        r"\begin{dcases}a&b\end{dcases}",
    ],
)
def test_tex_that_people_use_is_understood(tex):
    assert understood([tex]) == {tex}


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\begin{align} a &= b & c &= d \\ e &= f & g &= h \end{align}", "a=b c=d / e=f g=h"),
        (r"\begin{cases} 1 \& 2 & x \\ 3 & \begin{aligned}y&=z\end{aligned} \end{cases}", "1&2 x / 3 y=z"),
        (r"\begin{alignat}{2} a &= b & c &= d \end{alignat}", "a=bc=d"),
    ],
)
def test_columns_of_a_formula_are_as_far_apart_as_tex_sets_them(tex, text):
    mathml = to_mathml([(tex, True)])[tex, True]
    # A quad is the only space that tells one column from the next.
    marked = mathml.replace('<mspace width="1em"', " <mspace").replace("</mtr><mtr>", " / ")
    found = unicodedata.normalize("NFKC", re.sub(r"<[^>]+>", "", marked.split("<annotation")[0]))
    assert html.unescape(found).strip("{ ") == text


@pytest.mark.parametrize(
    "tex", [r"\operatorname*{arg\,max}_x f", r"\operatorname{arg\ max}_x f", r"\operatorname{arg~max}_x f"]
)
def test_a_space_in_the_name_of_an_operator_is_a_space(tex):
    [mathml] = to_mathml([(tex, True)]).values()
    assert ">arg max<" in mathml


def test_the_limits_of_an_operator_with_a_star_are_below_it():
    star, plain = to_mathml([(rf"\operatorname{mark}{{argmax}}_x", True) for mark in ("*", "")]).values()
    assert "<munder>" in star and "<msub>" in plain


@pytest.mark.parametrize(
    "tex", ["a#b", '\\text{"}', '\\text{a"b}', "std . read", "$", "a $ b", "\\text{a}#panic()"]
)
def test_no_formula_becomes_code(tex):
    converted = to_typst(tex) or ""
    assert "#" not in converted and "std" not in converted and converted.count('"') % 2 == 0


def test_the_same_note_makes_the_same_bytes():
    assert pdf_of(detail()) == pdf_of(detail())


def test_a_note_without_anything_is_a_document():
    assert "Cells" in text_of(pdf_of(detail(chapters=[], tags=[])))


@pytest.mark.parametrize(
    "language", ["python", "c++", "C#", "nobody knows", "", "../x", "💥", "html+jinja", "a" * 500]
)
def test_highlighting_loses_and_adds_nothing(language):
    code = "def f(x):\n\treturn x < 1 && '\\n' // #\r\n\n  \x0b é 生 \u2028"
    runs = list(highlight(code, language))
    assert "".join(text for _, text in runs) == code
    assert {kind for kind, _ in runs} <= {*COLOURS, ""}
