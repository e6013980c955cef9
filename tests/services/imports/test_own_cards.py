"""Anki packages of ours, read back; and formulas in HTML, whoever wrote it."""

import pytest

from noteassist.services.exports import anki
from noteassist.services.exports.formats import export_many, export_note
from noteassist.services.imports import anki_own
from noteassist.services.imports.html_texts import to_markdown
from noteassist.services.imports.reading import read_file
from tests.services.exports.notes import detail

EXPLANATION = r"""# Head

A sum $1+\frac{n}{m} < 2$, $\nonsense{x}_a^b$, **bold** and `code`.

$$\sum_{i=1}^n i^2$$

## Below

```python
if a < b:
    pass
```

- one
  - two"""
PARTS = ("explanation", "code_snippet", "source")


def topic(name, explanation=None, code=None, source=None):
    return {
        "name": name,
        "explanation": explanation and {"content": explanation},
        "code_snippet": code and dict(zip(("language", "code"), code, strict=True)),
        "source": source and dict(zip(("title", "url"), source, strict=True)),
    }


CHAPTERS = [
    {
        "title": "Growth & <b>*form*",
        "topics": [
            topic(
                "_One_ `a`",
                EXPLANATION,
                ("C++", "\tint a<b>;\n\n  x &amp; y"),
                ("A & B", "https://a.org/?b=1&c"),
            ),
            topic("Two", source=("", "https://example.org/")),
        ],
    },
    {"title": "Decay", "topics": [topic("Three", code=("text", "$ls"))]},
]


def drafts_of(content):
    findings = read_file("ours.apkg", content)
    assert findings.skipped == []
    return findings.drafts


def as_read(chapters):
    """What a reader gives for chapters: parts that are not there are not told."""
    return [
        {**chapter, "topics": [{key: part for key, part in one.items() if part} for one in chapter["topics"]]}
        for chapter in chapters
    ]


def test_our_own_cards_become_the_note_chapters_and_topics_that_they_were():
    note = detail(title="Cells: a <i>", tags=["a/b", "cell"], chapters=CHAPTERS)
    [draft] = drafts_of(export_note(note, "apkg").content)
    assert (draft["title"], draft["tags"]) == ("Cells: a <i>", ["a/b", "cell"])
    assert draft["chapters"] == as_read(CHAPTERS)


def test_cards_of_a_note_that_could_not_be_laid_out_are_read_as_they_were_typed(monkeypatch, tmp_path):
    monkeypatch.setattr("noteassist.services.exports.formats._written", lambda _write, _detail: None)
    note = detail(chapters=[{"title": "C", "topics": [topic("T", EXPLANATION, ("python", "a < b"))]}])
    with (tmp_path / "a.apkg").open("w+b") as out:
        export_many(iter([note]), "apkg", out, lambda _: None)
        out.seek(0)
        [draft] = drafts_of(out.read())
    [read] = draft["chapters"][0]["topics"]
    assert read["explanation"]["content"] == EXPLANATION
    assert read["code_snippet"] == {"language": "text", "code": "a < b"}


def test_the_fields_are_those_of_the_export():
    assert list(anki.FIELDS) == anki_own.FIELDS


@pytest.mark.parametrize(
    ("mathml", "text"),
    [
        ("<mn>1</mn><mo>+</mo><mfrac><mi>𝑛</mi><mi>m</mi></mfrac>", "1+n/m"),
        (
            "<mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><msup><mi>b</mi><mn>2</mn></msup></mfrac>",
            "(a+1)/(b^2)",
        ),
        ("<msubsup><mo>∑</mo><mi>i</mi><mi>n</mi></msubsup><msqrt><mi>x</mi></msqrt>", r"∑\_i^n√(x)"),
        (
            "<mtable><mtr><mtd>a</mtd><mtd>b</mtd></mtr><mtr><mtd>c</mtd><mtd>d</mtd></mtr></mtable>",
            "a b; c d",
        ),
        ("<semantics><mi>x</mi><annotation encoding='StarMath'>y</annotation></semantics>", "x"),
        (
            "<semantics><mi>x</mi><annotation encoding='LaTeX'> \\frac{1}{2}*y\n\n</annotation></semantics>",
            r"$\frac{1}{2}*y$",
        ),
        ("<mi>x" * 500, "x" * 500),
    ],
)
def test_a_formula_in_html_keeps_its_meaning(mathml, text):
    assert to_markdown(f"so <math>{mathml}</math> is") == f"so {text} is"


def test_a_displayed_formula_stays_one():
    tex = "<annotation encoding='application/x-tex'>x</annotation>"
    assert to_markdown(f"<math display='block'><semantics><mi>x</mi>{tex}</semantics></math>") == "$$x$$"


def test_code_in_html_keeps_its_language():
    assert to_markdown('<pre><code class="hljs language-c++">int a;</code></pre>') == "```c++\nint a;\n```"
    assert to_markdown('<code class="language-c">a</code><pre>b</pre>') == "`a`\n\n```\nb\n```"
