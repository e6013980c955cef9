"""The search: what is found, in which order, how it is shown, and whose it is."""

import pytest

from . import expect

SEARCH = "/api/search/"


@pytest.fixture
def found(alice):
    """What Alice finds, as (kind, title) pairs in their order."""

    def find(q, **query):
        answer = alice.get(SEARCH, query_string={"q": q, "page_size": 100, **query})
        return [(row["kind"], row["title"]) for row in expect.ok(answer)["results"]]

    return find


@pytest.fixture
def biology(make_note):
    """A note with a word in every kind of place."""
    topics = [
        {
            "name": "Mitosis in detail",
            "explanation": {"content": "A cell divides. Chromosomes line up at the equator."},
            "code_snippet": {"language": "python", "code": "divide_cell(nucleus.membrane)\ncamelCaseName()"},
            "source": {"title": "Alberts", "url": "https://example.org/"},
        },
        {"name": "Meiosis", "explanation": {"content": "Four cells with half the chromosomes."}},
    ]
    return make_note("Cell biology", tags=["exam"], chapters=[{"title": "Division", "topics": topics}])


def test_a_hit_says_what_it_is_and_where(alice, biology):
    (hit,) = expect.ok(alice.get(f"{SEARCH}?q=equator"))["results"]
    topic = biology["chapters"][0]["topics"][0]
    assert (hit["kind"], hit["id"], hit["note_id"]) == ("topic", topic["id"], biology["id"])
    assert set(hit) == {"kind", "id", "note_id", "title", "snippet", "rank"}
    assert (hit["title"], 0 < hit["rank"] <= 1) == ("Mitosis in detail", True)
    assert "line up at the <mark>equator</mark>." in hit["snippet"]


WORDS = {
    "cell biology": [("note", "Cell biology")],
    "exam": [("note", "Cell biology")],
    "division": [("note", "Cell biology")],
    "mitosis": [("topic", "Mitosis in detail")],
    "CHROMOSOMES": [("topic", "Meiosis"), ("topic", "Mitosis in detail")],
    "alberts": [("topic", "Mitosis in detail")],
    '"half the chromosomes"': [("topic", "Meiosis")],
    '"chromosomes half"': [],
    "chromosomes -four": [("topic", "Mitosis in detail")],
    'chromosomes -"line up"': [("topic", "Meiosis")],
    "-chromosomes": [],
    "chromo": [("topic", "Meiosis"), ("topic", "Mitosis in detail")],
    "chromo equator": [],
    "equator chromo": [("topic", "Mitosis in detail")],
    "divide_cell": [("topic", "Mitosis in detail")],
    "membrane.nucleus": [],
    "nucleus.membrane": [("topic", "Mitosis in detail")],
    "membrane": [("topic", "Mitosis in detail")],
    "camelCaseName": [("topic", "Mitosis in detail")],
    "camelcasename": [("topic", "Mitosis in detail")],
    "camel": [("topic", "Mitosis in detail")],
    "biology equator": [("note", "Cell biology")],
    "zzzz": [],
}


@pytest.mark.parametrize("q", WORDS)
def test_what_is_found(found, biology, q):
    assert found(q) == WORDS[q]


def test_a_word_in_a_title_goes_before_one_in_a_name_a_text_and_code(found, make_note):
    def topic(name, **parts):
        return [{"title": "c", "topics": [{"name": name, **parts}]}]

    make_note("in code", chapters=topic("a", code_snippet={"language": "c", "code": "osmosis()"}))
    make_note("in text", chapters=topic("b", explanation={"content": "osmosis"}))
    make_note("Osmosis")
    make_note("in name", chapters=topic("osmosis in a name"))
    make_note("in tag", tags=["osmosis"])
    titles = ["Osmosis", "in tag", "osmosis in a name", "b", "a"]
    assert [title for _, title in found("osmosis")] == titles


def test_scripts_without_spaces_are_found_by_any_part(found, make_note):
    make_note("東京都庁の歴史", chapters=[{"title": "第一章", "topics": [{"name": "カタカナ入門"}]}])
    for q in ("東京", "京都", "庁", "都庁の歴", "第一", "東京 歴史"):
        assert found(q) == [("note", "東京都庁の歴史")], q
    for q in ("タカ", "入門", "ｶﾀｶﾅ"):
        assert found(q) == [("topic", "カタカナ入門")], q
    assert found("都京") == found("東歴") == []


@pytest.mark.parametrize(
    ("text", "q"),
    [
        ("Café crème", "cafe CREME"),
        ("Straße", "strasse"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("Ёлка", "елка"),
        ("हिन्दी व्याकरण", "हिन्दी"),
        ("العَرَبِيَّة", "العربية"),
        ("한국어를 배우다", "한국어"),
        ("ภาษาไทย", "ไทย"),
        ("PostgreSQL", "postgresql"),
        ("postgresql", "PostgreSQL"),
        ("x" * 100, "x" * 100),
    ],
)
def test_letters_are_compared_without_case_accents_and_width(found, make_note, text, q):
    make_note(text)
    assert found(q) == [("note", text)]


@pytest.mark.parametrize("q", ["😀", "❤", "❤\ufe0f", "🇩🇪", "sun 😀", "👍"])
def test_emoji_are_found_each_by_itself(alice, found, make_note, q):
    make_note("Sun 😀❤\ufe0f and 🇩🇪👍🏽")
    make_note("Sun 😁 and 🇫🇷")
    assert found(q) == [("note", "Sun 😀❤\ufe0f and 🇩🇪👍🏽")]
    (hit,) = expect.ok(alice.get(SEARCH, query_string={"q": q}))["results"]
    assert "<mark>" in hit["snippet"]


def test_a_typing_error_in_a_title_name_or_tag_is_forgiven(found, make_note):
    chapters = [{"title": "Organelles", "topics": [{"name": "Mitochondria"}]}]
    make_note("Photosynthesis", tags=["chloroplast"], chapters=chapters)
    note, topic = ("note", "Photosynthesis"), ("topic", "Mitochondria")
    typed = {"fotosynthesis": note, "photosinthesis": note, "cloroplast": note, "mitocondria": topic}
    assert {q: found(q) for q in typed} == {q: [hit] for q, hit in typed.items()}
    assert found("organeles") == [note]
    assert found("xylophone") == found('"fotosynthesis"') == []


def test_one_slip_in_a_short_word_is_forgiven(found, make_note):
    make_note("A hash of trees")
    hits = [("note", "A hash of trees")]
    typed = ("hsh", "hashh", "hahs", "has", "ash", "ahsh", "tres", "tere", "ee")
    assert {q: found(f"{q} ") for q in typed if found(f"{q} ") != hits} == {"tere": [], "ee": []}
    assert found("hush ") == found("cash ") == found("hs ") == found('"hsh"') == []


def test_a_corrected_search_goes_on_over_its_pages(alice, make_note):
    for number in range(5):
        make_note(f"Mitochondria {number}")
    rows = expect.walk(alice, f"{SEARCH}?q=mitocondria&page_size=2")
    assert [row["title"] for row in rows] == [f"Mitochondria {number}" for number in range(4, -1, -1)]


@pytest.mark.parametrize("q", ["", " ", "*", "-", '""', "🙂", "...", "-mitosis"])
def test_a_query_without_words_finds_nothing(alice, biology, q):
    answer = expect.ok(alice.get(SEARCH, query_string={"q": q}))
    assert answer == {"results": [], "next": None, "previous": None}
    assert expect.ok(alice.get(SEARCH))["results"] == []


HOSTILE = [
    *(
        "'",
        '"',
        '"open',
        "(",
        ")",
        "a AND",
        "NOT",
        "NEAR(a b)",
        "a*",
        "**",
        "--",
        "a:b",
        "\\",
        "%",
        "title:x",
    ),
    *("<->", "a & | b", "; drop table notes", "'a' <2> 'b'", "!!a", "a:*", "{a}", "^a", "a\tb\nc", "\ufeff"),
    *(
        "\u202e",
        "a" * 500,
        '"' * 500,
        "-a " * 160,
        "a " * 250,
        "ａ" * 500,
        "東" * 500,
        "\U0001f468\u200d\U0001f469",
        "_",
    ),
    *("7_cell", "_B", "__mi", "\x01\x1f", "e\u0301" * 200),
]


@pytest.mark.parametrize("q", HOSTILE)
def test_no_text_breaks_the_search(alice, biology, q):
    for path in (SEARCH, "/api/notes/"):
        expect.ok(alice.get(path, query_string={"q": q}))


def test_a_query_with_nul_or_too_long_is_refused(alice):
    for q in ("a\0b", "a" * 501):
        expect.invalid(alice.get(SEARCH, query_string={"q": q}), "q", "query")


def test_a_snippet_is_safe_html(alice, make_note):
    text = "<script>alert('x')</script> & <mark>mitosis</mark> \"quoted\""
    make_note("n", chapters=[{"title": "c", "topics": [{"name": "t", "explanation": {"content": text}}]}])
    (hit,) = alice.get(f"{SEARCH}?q=mitosis").json["results"]
    assert hit["snippet"] == (
        "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &lt;mark&gt;<mark>mitosis</mark>&lt;/mark&gt; "
        "&quot;quoted&quot;"
    )


def test_a_snippet_shows_the_place_in_a_long_text(alice, make_note):
    text = "word " * 10_000 + "here is the needle in the hay " + "word " * 5000
    make_note("n", chapters=[{"title": "c", "topics": [{"name": "t", "explanation": {"content": text}}]}])
    (hit,) = alice.get(f"{SEARCH}?q=needle").json["results"]
    assert "here is the <mark>needle</mark> in the hay" in hit["snippet"]
    assert hit["snippet"][0] == hit["snippet"][-1] == "…"
    assert len(hit["snippet"]) < 300


def test_pages_walk_all_hits_once_and_back(alice, make_note):
    for number in range(7):
        make_note(f"Osmosis {number}", tags=["osmosis"] if number % 2 else [])
    forward = list(expect.pages(alice, f"{SEARCH}?q=osmosis&page_size=3"))
    ids = [row["id"] for page in forward for row in page["results"]]
    assert len(ids) == len(set(ids)) == 7
    back = expect.ok(alice.get(forward[2]["previous"]))
    assert back["results"] == forward[1]["results"]
    assert expect.ok(alice.get(back["previous"]))["results"] == forward[0]["results"]


def test_inserts_neither_skip_nor_repeat_a_hit(alice, make_note):
    for number in range(6):
        make_note(f"Osmosis {number}")
    first = expect.ok(alice.get(f"{SEARCH}?q=osmosis&page_size=3"))
    for _ in range(5):
        make_note("Osmosis, new")
    rest = expect.walk(alice, first["next"])
    assert [row["title"] for row in first["results"] + rest] == [f"Osmosis {n}" for n in range(5, -1, -1)]


def test_a_cursor_serves_its_own_search_only(alice, bob, make_note):
    for number in range(3):
        make_note(f"Osmosis {number}")
    cursor = expect.cursor(alice.get(f"{SEARCH}?q=osmosis&page_size=1").json["next"])
    expect.problem(alice.get(f"{SEARCH}?q=other&cursor={cursor}"), 400, code="invalid_cursor")
    expect.problem(bob.get(f"{SEARCH}?q=osmosis&cursor={cursor}"), 400, code="invalid_cursor")


def test_each_finds_only_the_own_notes(alice, bob, biology):
    bob.post("/api/notes/", json={"title": "Bob's cell"})
    rows = bob.get(f"{SEARCH}?q=cell").json["results"]
    assert [row["title"] for row in rows] == ["Bob's cell"]


def test_a_search_needs_a_session(anonymous):
    expect.unauthorized(anonymous.get(f"{SEARCH}?q=a"))


def test_a_trashed_note_is_not_found_until_it_is_back(alice, found, biology):
    path = f"/api/notes/{biology['id']}/"
    assert alice.delete(path).status_code == 204
    assert found("chromosomes") == found("biology") == []
    expect.ok(alice.post(f"{path}restore/"))
    assert len(found("chromosomes")) == 2


def test_a_search_costs_two_statements(alice, biology, statements):
    alice.get(f"{SEARCH}?q=cell")
    statements.clear()
    assert alice.get(f"{SEARCH}?q=chromosomes").json["results"]
    assert len(statements) == 2
    statements.clear()
    assert alice.get("/api/notes/?q=chromosomes").json["results"]
    assert len(statements) == 2
