"""HTML exports: everything is there, nothing active, nothing fetched."""

import html
import re
from html.parser import HTMLParser

import orjson
import pytest

from noteassist.services.exports.prose_html import sanitised
from noteassist.services.exports.rendering import render

from .notes import detail, explained

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](vbscript:x)",
    "[a](data:text/html,x)",
    "[a](file:///etc/passwd)",
    "[a](//evil.example/x)",
    "[a](app://x)",
    "![a](https://evil.example/pixel.png)",
    "![a](file:///etc/passwd)",
    "![a](data:image/svg+xml;base64,PHN2Zz4=)",
    "[![a](https://evil.example/1.png)](https://evil.example/2)",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "`</code><script>alert(1)</script>`",
    "$</math><script>alert(1)</script>$",
    "$\\text{</mtext><script>alert(1)</script>}$",
    "$\\href{javascript:alert(1)}{x}$",
    '[^"><script>]\n\n[^"><script>]: x',
    "| <script> |\n| --- |\n| <img src=x onerror=y> |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    '<https://example.org/"onmouseover=alert(1)>',
]
ALLOWED_META = {"Content-Security-Policy"}


class Page(HTMLParser):
    """The elements of a page as a browser finds them, and its text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def page_of(note):
    return render(orjson.dumps({"format": "html", "note": note})).decode()


def active(page):
    """What a page has that could do or fetch something."""
    for tag, attributes in Page(page).elements:
        if tag in {
            "script",
            "iframe",
            "object",
            "embed",
            "form",
            "base",
            "svg",
            "link",
            "img",
            "input",
            "video",
        }:
            yield tag
        for name, value in attributes.items():
            if name.startswith("on") or name in {"src", "srcset", "background", "formaction", "action"}:
                yield f"{tag} {name}"
            if name == "href" and not re.match(r"#|https?://|mailto:", value):
                yield f"{tag} {name}={value}"
            if name == "style" and not re.fullmatch(r"text-align:\s*\w+;?", value):
                yield f"{tag} {name}={value}"
            if name == "http-equiv" and value not in ALLOWED_META:
                yield f"{tag} {name}={value}"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["explanation", "title", "code", "source"])
def test_a_page_does_nothing_and_fetches_nothing(text, place):
    note = explained(f"Before {text} after\n\n{text}\n") if place == "explanation" else detail()
    topic = note["chapters"][0]["topics"][0]
    if place == "title":
        note["title"] = note["chapters"][0]["title"] = topic["name"] = text
        note["tags"] = [text]
    elif place == "code":
        topic["code_snippet"] = {"language": text, "code": text}
    elif place == "source":
        topic["source"] = {"title": text, "url": text}
    assert list(active(page_of(note))) == []


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<style>p { background: url(//evil.example) }</style>",
        '<a href="javascript:alert(1)" onclick="x()">a</a>',
        '<img src="https://evil.example/pixel.png">',
        '<p style="background: url(//evil.example)">a</p><td style="position: fixed">',
        '<math><mtext><a href="data:text/html,x"><img src=x></mtext></math>',
        "<iframe srcdoc='<script>'></iframe><svg><a href='javascript:x'>a</a></svg>",
    ],
)
def test_the_second_net_catches_what_no_renderer_writes(body):
    assert [found for found in active(sanitised(body)) if "text-align" not in found] == []


def test_styles_are_inside_and_the_policy_forbids_the_rest():
    page = page_of(detail())
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not re.search(r"url\(|@import", page)


def test_everything_of_a_note_is_there():
    text = Page(page_of(detail())).text
    for expected in ("Cells", "Growth", "Division", "divide", "print", "A book", "biology", "2026-01-02"):
        assert expected in text


def test_the_contents_lead_to_every_chapter_and_topic():
    elements = Page(page_of(detail())).elements
    targets = [attributes["id"] for tag, attributes in elements if tag in {"h2", "h3"} and "id" in attributes]
    links = [attributes["href"] for tag, attributes in elements if tag == "a"]
    assert targets and [f"#{target}" for target in targets] == links[: len(targets)]


def test_footnotes_of_two_topics_have_ids_of_their_own():
    note = explained("One[^1].\n\n[^1]: first")
    note["chapters"][0]["topics"] *= 2
    ids = [attributes["id"] for _, attributes in Page(page_of(note)).elements if "id" in attributes]
    assert len(ids) == len(set(ids)) and len([name for name in ids if name.startswith("fn")]) >= 4


def test_headings_of_an_explanation_are_below_their_topic():
    assert re.search(r"<h4[^>]*>Mine</h4>", page_of(explained("# Mine")))


def test_formulas_are_mathml_and_those_that_nobody_understands_are_text():
    page = page_of(
        explained(r"Good $a^2$ and \(\frac{1}{2}\), bad $\nonsense{x}$ and $\frac{1$, then $$\sum_i i$$")
    )
    assert page.count("<math") == 3 and 'display="block"' in page
    assert r"\nonsense{x}" in Page(page).text and r"\frac{1" in Page(page).text


def test_prices_are_no_formulas():
    page = page_of(explained("It costs $5 and then $10."))
    assert "<math" not in page and "costs $5 and then $10" in page


def test_code_is_coloured_and_complete():
    code = "def f(x):\n    return '<b>' + x  # über\n"
    page = page_of(explained(f"```python\n{code}```"))
    assert '<span class="keyword">def' in page
    assert code in html.unescape(re.sub(r"<[^>]+>", "", page[page.index("<pre") :]))


def test_lists_to_do_have_boxes():
    assert "☐ one" in Page(page_of(explained("- [ ] one\n- [x] two"))).text


def test_lists_and_quotations_run_in_the_direction_of_what_they_say():
    arabic = "السلام"
    text = f"- 1\n- {arabic}\n- one\n\n  1. one\n\n> {arabic}\n\n- one\n- {arabic}\n\n5. 5\n\n<!-- -->\n\n{arabic}"
    elements = Page(page_of(explained(text))).elements
    found = [
        (tag, attributes.get("dir")) for tag, attributes in elements if tag in {"ul", "ol", "blockquote"}
    ]
    assert found[2:] == [
        ("ul", "rtl"),
        ("ol", "auto"),
        ("blockquote", "rtl"),
        ("ul", "auto"),
        ("ol", "auto"),
    ]


def test_a_text_of_its_own_is_a_page_without_contents():
    request = {"title": "T", "text": "# Head\n\ntext", "language": "de", "changed_at": "2026-01-01T00:00:00Z"}
    page = render(orjson.dumps({"format": "html", **request})).decode()
    assert '<html lang="de">' in page and "<nav>" not in page and page.count("<h1") == 1


def test_a_page_has_an_end_however_deep_the_text():
    for text in (
        "*a **b " * 5000,
        "*a **b " * 1500 + "c** d* " * 1500,
        "> " * 5000 + "a",
        "[" * 20_000,
        "- " * 5000,
        "$" * 20_000,
        "`" * 9_999,
    ):
        assert page_of(explained(text)).endswith("</html>\n")
