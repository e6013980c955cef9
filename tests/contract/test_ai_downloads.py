"""AI outputs as files: each format, safe names, nothing active, and counted."""

import html
import io
import re
import unicodedata
from email.message import Message
from html.parser import HTMLParser
from urllib.parse import unquote

import docx
import pytest

from . import ai, expect

FORMATS = {
    "md": ("text/markdown", ".md"),
    "txt": ("text/plain", ".txt"),
    "html": ("text/html", ".html"),
}
ENDINGS = [
    ("python", ".py"),
    ("Python", ".py"),
    ("javascript", ".js"),
    ("typescript", ".ts"),
    ("java", ".java"),
    ("c", ".c"),
    ("c++", ".cpp"),
    ("c#", ".cs"),
    ("go", ".go"),
    ("rust", ".rs"),
    ("ruby", ".rb"),
    ("php", ".php"),
    ("bash", ".sh"),
    ("sql", ".sql"),
    ("html", ".html"),
]
NAMES = {
    "quotes": 'He said "cells"; filename=evil.exe',
    "a backslash": "C:\\windows\\cells",
    "lines": "Cells\r\nSet-Cookie: evil=1\n\nbody",
    "a path": "../../etc/passwd",
    "an absolute path": "/etc/passwd",
    "right to left": "cells\u202efdp.exe\u2066\u200f",
    "controls": "cells\x01\x1b[31m\x7f\u0085",
    "non-ASCII": "Zoë’s Zellen – ملاحظات 生物学 🙂",
    "percent": "100%41 %0d%0aX: y %2e%2e%2f",
    "dots": "....",
    "only signs": '"/\\:*?<>|',
    "long": "生" * 500,
}
ACTIVE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src=//evil.example></iframe>",
    "[click](javascript:alert(1))",
    "[click](  JaVaScRiPt:alert(1) )",
    "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "![x](https://evil.example/pixel.png)",
    "<a href='vbscript:x'>x</a>",
    "</title></style></textarea><script>alert(1)</script>",
    "<form action=//evil.example><button>go</button></form>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    '<b style="background:url(//evil.example)">x</b>',
]
FORBIDDEN = {"script", "iframe", "object", "embed", "form", "base", "svg", "math", "link", "button", "frame"}


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


@pytest.fixture
def write(alice, do_tasks):
    """Have a request of Alice's answered; gives the output."""
    return lambda tool="summarize", **fields: ai.output(alice, do_tasks, tool, **fields)


@pytest.fixture
def place(write):
    """Where an output of Alice's is downloaded."""
    return write()["actions"]["download"]


def count(client, place):
    """How often an output was downloaded."""
    return expect.ok(client.get(place.removesuffix("download/")))["download_count"]


def file_names(answer):
    """All names that a browser may give the file."""
    header = answer.headers["Content-Disposition"]
    assert header.isascii() and not re.search(r"[\x00-\x1f\x7f]", header), header
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
    assert len(re.findall(r"filename\s*=", header)) <= 1
    extended = re.search(r"filename\*\s*=\s*UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]+)", header)
    plain = re.search(r'filename\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]+)', header)
    names = [plain.group(1).strip('"')] if plain else []
    names += [unquote(extended.group(1), errors="strict")] if extended else []
    assert names, header
    return names


def active(page):
    """What a page has that could do something when it is opened."""
    for tag, attributes in Page(page).elements:
        refreshes = tag == "meta" and "http-equiv" in attributes
        if tag in FORBIDDEN or (refreshes and attributes["http-equiv"].lower() == "refresh"):
            yield tag
        for name, value in attributes.items():
            scheme = re.sub(r"[\s\x00-\x20]", "", value or "").lower()
            if name.startswith("on") or re.match(r"(javascript|vbscript|data):", scheme):
                yield f"{tag} {name}={value}"
            if name in {"src", "srcset", "style", "background"} and "//" in scheme:
                yield f"{tag} {name}={value}"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("form", FORMATS)
def test_an_output_is_downloaded_in_each_format(alice, place, form, method):
    answer = alice.open(f"{place}?format={form}", method=method)
    expect.ok(answer)
    kind, ending = FORMATS[form]
    assert (answer.mimetype, answer.mimetype_params["charset"].lower()) == (kind, "utf-8")
    assert all(name.endswith(ending) for name in file_names(answer))
    assert answer.get_data() and answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_markdown_is_what_comes_unless_asked(alice, place, method):
    answer = alice.open(place, method=method)
    assert answer.get_data() == alice.get(place + "?format=md").get_data()
    assert answer.mimetype == "text/markdown"


@pytest.mark.parametrize(
    "text", ["Zoë’s cells – divide.", "生物学。细胞分裂。", "ملاحظات عن الخلايا.", "🙂 cells."]
)
@pytest.mark.parametrize("form", FORMATS)
def test_a_file_has_the_text_in_any_script(alice, write, form, text):
    place = write("summarize", content=text)["actions"]["download"]
    body = alice.get(f"{place}?format={form}").get_data().decode()
    assert text.rstrip(".。") in html.unescape(body)


def test_markdown_has_the_whole_content(alice, write):
    output = write("generate")
    assert output["content"].strip() in alice.get(output["actions"]["download"]).get_data().decode()


def test_plain_text_is_without_markup(alice, write):
    output = write("generate")
    assert re.search(r"(?m)^#+ ", output["content"])
    body = alice.get(output["actions"]["download"] + "?format=txt").get_data().decode()
    assert not re.search(r"(?m)^#+ |\*\*|^```", body)


@pytest.mark.parametrize("language, ending", ENDINGS)
def test_source_is_the_code_alone_with_the_ending_of_its_language(alice, write, language, ending):
    output = write("code", programming_language=language)
    answer = alice.get(output["actions"]["download"] + "?format=source")
    expect.ok(answer)
    assert all(name.endswith(ending) for name in file_names(answer))
    code = answer.get_data().decode()
    assert code.strip() and "```" not in code
    assert code.strip() in output["content"]


def test_source_that_is_python_is_python(alice, write):
    output = write("code", programming_language="python")
    code = alice.get(output["actions"]["download"] + "?format=source").get_data().decode()
    compile(code, "downloaded", "exec")


@pytest.mark.parametrize("language", ["x/../../y", 'a"b', "a\r\nb", "klingon", "🙂", ".", "sh;rm -rf"])
def test_a_language_that_nobody_knows_makes_no_strange_name(alice, do_tasks, language):
    answer = ai.ask(alice, "code", programming_language=language)
    if answer.status_code == 202:
        do_tasks()
        place = ai.task(alice, answer)["result"]["actions"]["download"]
        for name in file_names(alice.get(place + "?format=source")):
            assert re.fullmatch(r".*\.[a-z0-9]+", name) and "/" not in name
    else:
        expect.invalid(answer, "programming_language")


def test_there_is_no_source_of_what_is_no_code(alice, place):
    expect.problem(alice.get(place + "?format=source"), 409, 422)
    assert count(alice, place) == 0


@pytest.mark.parametrize("topic", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("form", FORMATS)
def test_the_name_of_a_file_is_safe_whatever_the_title(alice, do_tasks, form, topic):
    answer = ai.ask(alice, "generate", topic=topic)
    ai.accepted(answer)
    do_tasks()
    place = ai.task(alice, answer)["result"]["actions"]["download"]
    answer = alice.get(f"{place}?format={form}")
    assert "Set-Cookie" not in answer.headers and "X" not in answer.headers
    for name in file_names(answer):
        assert not set(name) & set('/\\:*?"<>|'), name
        assert not name.startswith((".", "-", " ", "~")) and name.endswith(FORMATS[form][1])
        assert len(name.encode()) <= 255
        assert {unicodedata.category(letter) for letter in name}.isdisjoint({"Cc", "Cf", "Zl", "Zp"}), name


def test_a_title_in_another_script_is_in_the_name(alice, write):
    place = write("generate", topic="Zellen für Zoë 生物学")["actions"]["download"]
    assert any("Zoë" in name and "生物学" in name for name in file_names(alice.get(place)))


@pytest.mark.parametrize("text", ACTIVE)
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_a_page_does_nothing_when_it_is_opened(alice, write, tool, text):
    output = write(tool, **{ai.MAIN[tool][0]: f"Cells divide {text} and grow."})
    answer = alice.get(output["actions"]["download"] + "?format=html")
    assert list(active(answer.get_data().decode())) == []
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_markup_in_a_text_is_shown_as_text(alice, write):
    output = write("improve", content="The element <script>alert(1)</script> runs, a<b & c>d.")
    page = alice.get(output["actions"]["download"] + "?format=html").get_data().decode()
    assert "<script>alert(1)</script>" in output["content"]
    assert "<script>alert(1)</script>" in Page(page).text
    assert not re.search(r"(?i)<script", page)


def test_a_page_is_a_whole_document_that_says_its_encoding(alice, place):
    page = alice.get(place + "?format=html").get_data().decode()
    assert re.match(r"(?i)\s*<!doctype html>", page)
    assert re.search(r"(?i)<meta charset=[\"']?utf-8", page[:1024])
    assert Page(page).text.count("Cells divide") >= 1


def test_a_page_has_the_markdown_as_elements(alice, write):
    output = write("generate")
    page = Page(alice.get(output["actions"]["download"] + "?format=html").get_data().decode())
    assert {tag for tag, _ in page.elements} & {"h1", "h2", "h3"}
    assert not re.search(r"(?m)^## ", page.text)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_download_counts(alice, place, method):
    for number in range(1, 4):
        expect.ok(alice.open(place, method=method))
        assert count(alice, place) == number


def test_who_only_asks_how_a_download_is_has_none(alice, place):
    asked, made = alice.head(place), alice.get(place)
    assert (asked.status_code, asked.get_data()) == (200, b"")
    assert asked.headers["Content-Length"] == made.headers["Content-Length"] == str(len(made.get_data()))
    assert count(alice, place) == 1


def test_parallel_downloads_all_count(alice, place, in_parallel):
    in_parallel([lambda: alice.get(place), lambda: alice.post(place)] * 8)
    assert count(alice, place) == 16


def test_a_download_changes_nothing_but_the_count(alice, write):
    output = write()
    expect.ok(alice.get(output["actions"]["download"]))
    assert alice.get(f"{ai.BASE}{output['id']}/").json == {**output, "download_count": 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("form, start", [("pdf", b"%PDF-"), ("docx", b"PK\3\4")])
def test_an_output_is_downloaded_as_a_document(alice, place, method, form, start):
    answer = alice.open(f"{place}?format={form}", method=method)
    expect.ok(answer)
    assert answer.get_data().startswith(start) and answer.mimetype.startswith("application/")
    assert all(name.endswith(f".{form}") for name in file_names(answer))
    assert count(alice, place) == 1


def test_a_document_has_the_text_and_its_title(alice, write):
    output = write("summarize", content="Zellen teilen sich – 生物学.")
    content = alice.get(output["actions"]["download"] + "?format=docx").get_data()
    paragraphs = [paragraph.text for paragraph in docx.Document(io.BytesIO(content)).paragraphs]
    assert output["title"] in paragraphs and "Zellen teilen sich – 生物学." in "\n".join(paragraphs)


def test_while_a_document_is_made_others_write(alice, place, note, in_parallel):
    key = {"Idempotency-Key": "once"}
    write = lambda: alice.patch(f"/api/notes/{note['id']}/", json={"title": "New"})  # noqa: E731  # one of many
    answers = in_parallel([*[lambda: alice.post(f"{place}?format=pdf", headers=key)] * 3, write, write])
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert [answer.status_code for answer in answers[3:]] == [200, 200]
    assert count(alice, place) == 1


@pytest.mark.parametrize("form", ["", "MD", "exe", "a%00b", "../md", "md&format=md"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_format_that_is_not_there_is_refused(alice, place, method, form):
    expect.invalid(alice.open(f"{place}?format={form}", method=method), "format", where="query")
    assert count(alice, place) == 0


def test_an_unknown_query_parameter_is_refused(alice, place):
    for method in ("GET", "POST"):
        expect.invalid(alice.open(place + "?inline=1", method=method), "inline", where="query")
    assert count(alice, place) == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_strangers_output_is_not_there(alice, bob, place, method):
    foreign = bob.open(place, method=method)
    never = bob.open(f"{ai.BASE}{expect.NEVER_WAS}/download/", method=method)
    expect.problem(foreign, 404)
    assert expect.anonymised(foreign) == expect.anonymised(never)
    assert count(alice, place) == 0


def test_a_download_is_kept_by_nobody_in_between(alice, place):
    rules = expect.directives(alice.get(place).headers["Cache-Control"])
    assert rules & {"private", "no-store"} and "public" not in rules
