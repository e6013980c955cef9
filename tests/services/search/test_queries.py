"""Queries and texts are cut into words by one set of rules, and nothing that is typed breaks them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noteassist import db
from noteassist.paging import PageRequest
from noteassist.security.actors import Actor
from noteassist.services import notes, trash
from noteassist.services.search import finding
from noteassist.services.search.queries import MOST_TERMS, Query, Term, parse
from noteassist.services.search.snippets import snippet
from noteassist.services.search.tokens import LONGEST_WORD, camel_parts, words_of

PIECES = st.sampled_from(
    [
        '"',
        "'",
        "-",
        "NEAR(",
        "*",
        "AND",
        "OR",
        "NOT",
        ":*",
        "<->",
        "\\",
        "(",
        ")",
        "a",
        "_",
        "東京",
        "é",
        "\0",
        " ",
    ]
)
TYPED = st.text(max_size=200) | st.lists(PIECES | st.text(max_size=3), max_size=40).map("".join)


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("", []),
        ("cell wall ", [Term(("cell",)), Term(("wall",))]),
        ("cell wall", [Term(("cell",)), Term(("wall",), is_prefix=True)]),
        ("cell w", [Term(("cell",)), Term(("w",))]),
        ('"cell wall"', [Term(("cell", "wall"), is_quoted=True)]),
        ('"cell wal', [Term(("cell", "wal"), is_prefix=True, is_quoted=True)]),
        ("“cell wall” ", [Term(("cell", "wall"), is_quoted=True)]),
        ("os.path ", [Term(("os", "path"))]),
        ("snake_case", [Term(("snake", "case"), is_prefix=True)]),
        ("東京都 ", [Term(("東京", "京都"))]),
        ("京", [Term(("京",), is_prefix=True)]),
        ("Python入門 ", [Term(("python",)), Term(("入門",))]),
        ("a a a ", [Term(("a",))]),
        ("- -- -", []),
    ],
)
def test_what_is_typed_becomes_terms(typed, terms):
    assert parse(typed) == Query(tuple(terms))


def test_exclusions_are_apart():
    assert parse('a -b -"c d" well-known ') == Query(
        (Term(("a",)), Term(("well", "known"))), (Term(("b",)), Term(("c", "d"), is_quoted=True))
    )


def test_only_so_many_terms_count():
    query = parse(" ".join(f"w{n} -x{n}" for n in range(100)))
    assert (len(query.terms), len(query.excluded)) == (MOST_TERMS, MOST_TERMS)


@given(TYPED)
def test_words_hold_nothing_that_a_database_would_read_otherwise(typed):
    query = parse(typed)
    words = [word for term in (*query.terms, *query.excluded) for word in term.words]
    assert all(word and len(word) <= LONGEST_WORD for word in words)
    assert not any(letter in word for word in words for letter in "'\"\\:*()&|!<>_ \t\n\0")


@given(TYPED)
def test_a_text_is_found_by_its_own_words(typed):
    words = words_of(typed)
    for term in parse(f'"{typed.replace(chr(34), " ")}"').terms:
        assert any(tuple(words[at : at + len(term.words)]) == term.words for at in range(len(words))) or (
            term.is_prefix and any(word.startswith(term.words[0]) for word in words)
        )


@given(TYPED, TYPED)
def test_a_snippet_escapes_everything_but_its_marks(shown, typed):
    made = snippet([shown], parse(typed).terms)
    bare = made.replace("<mark>", "").replace("</mark>", "")
    assert "<" not in bare and ">" not in bare
    assert made.count("<mark>") == made.count("</mark>")


def test_camel_case_has_parts():
    assert camel_parts("call getHTTPResponse(XMLHttpRequest) in plain Words") == [
        *("xml", "http", "request"),
        *("get", "http", "response"),
    ]


@pytest.fixture
def actor(context, alice):
    """Alice, as services know her."""
    return Actor(
        user_id=alice.user["id"],
        session_id=0,
        role="user",
        tier="FREE",
        is_email_verified=True,
        data_version=0,
    )


@settings(deadline=None, max_examples=150)
@given(typed=TYPED)
def check_that_nothing_typed_fails(actor, typed):
    assert finding.search(actor, typed, PageRequest()).results is not None
    assert notes.list_notes(actor, notes.NoteFilter(q=typed), "title", PageRequest()).results is not None


def test_nothing_typed_fails(actor):
    with db.transaction():
        notes.create_note(actor, title="a 東京 é AND NEAR OR NOT")
    check_that_nothing_typed_fails(actor)


@settings(deadline=None, max_examples=60)
@given(written=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300))
def check_that_a_text_is_found_by_its_words(actor, written):
    topic = {"name": "t", "explanation": {"content": written}}
    with db.transaction():
        note = notes.create_note(actor, title="n", chapters=[{"title": "c", "topics": [topic]}])
    made = note["chapters"][0]["topics"][0]["id"]
    for term in parse(written).terms[:3]:
        if term.words[0].isascii():
            found = finding.search(actor, f'"{" ".join(term.words)}"', PageRequest(100)).results
            assert [hit["id"] for hit in found if hit["kind"] == "topic"] == [made]
    with db.transaction():
        trash.purge_note(actor, note["id"])


def test_any_text_is_stored_and_found_by_its_words(actor):
    check_that_a_text_is_found_by_its_words(actor)


def test_very_long_texts_are_stored_and_found_by_any_word(actor):
    many = " ".join(f"word{n}" for n in range(12_000))
    scripts = "".join(chr(0x4E00 + n * n % 3001) for n in range(100_000))
    random = "".join(chr(0x4E00 + n * n * n % 20_011) for n in range(100_000))
    wide = "".join(chr(0x1F100 + n) + "x" * 63 + " " for n in range(1500))
    with db.transaction():
        topics = [
            {
                "name": name,
                "explanation": {"content": content},
                "code_snippet": {"language": "c", "code": many},
            }
            for name, content in {"many": many, "scripts": scripts, "random": random, "wide": wide}.items()
        ]
        notes.create_note(actor, title="n", chapters=[{"title": "c", "topics": topics}])
    whole = {"wide", "scripts", "many"}
    expected = {
        "word11999": whole,
        "word3 word11998": whole,
        '"word5 word6"': {"wide", "many"},
        scripts[:3]: {"scripts"},
    }
    expected |= {random[:4]: {"random"}, random[20_000:20_002]: {"random"}}
    for q, names in expected.items():
        found = finding.search(actor, q + " ", PageRequest()).results
        assert names <= {hit["title"] for hit in found if hit["kind"] == "topic"}, q
