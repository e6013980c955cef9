"""Notes for the tests of exports: generated ones, and what drafts of them must say."""

from datetime import UTC, datetime

from hypothesis import strategies as st

# What could be taken for a part of the file itself.
TRAPS = [
    "# Title",
    "## Chapter",
    "### Topic",
    "#### Deeper",
    "---",
    "...",
    "```",
    "```python",
    "````",
    "~~~",
    "<!-- explanation -->",
    "<!-- explanation 2 -->",
    "<!-- end of explanation -->",
    "<!-- end of explanation 2 -->",
    "<!-- code -->",
    "<!-- source -->",
    '<!-- exact: "x" -->',
    "-->",
    "title: x",
    "[a](b)",
    "",
    " ",
    "\r",
    "\u2028",
    "\x0b",
    "    indented",
    "===",
]
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=40)
LINES = st.lists(st.one_of(st.sampled_from(TRAPS), TEXT), max_size=8)
CONTENT = st.one_of(
    TEXT, st.builds(lambda lines, end: end.join(lines), LINES, st.sampled_from(["\n", "\r\n", "\n\n"]))
)
NAME = st.one_of(CONTENT, TEXT, st.sampled_from(TRAPS)).map(lambda text: text.strip()[:255] or "x")
TAG = TEXT.map(lambda text: " ".join(text.lower().split())[:50] or "x")
MOMENT = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2999, 1, 1), timezones=st.just(UTC))


def optional(**fields):
    return st.one_of(st.none(), st.fixed_dictionaries(fields))


URL = st.one_of(st.just("https://example.org/a_(b)"), TEXT.map(lambda text: f"https://example.org/{text}"))
TOPIC = st.fixed_dictionaries(
    {
        "name": NAME,
        "explanation": optional(content=CONTENT),
        "code_snippet": optional(language=NAME.map(lambda text: text[:50].strip() or "x"), code=CONTENT),
        "source": optional(title=st.one_of(NAME, st.just("")), url=URL),
    }
)
CHAPTER = st.fixed_dictionaries({"title": NAME, "topics": st.lists(TOPIC, max_size=3)})
NOTE = st.fixed_dictionaries(
    {
        "title": NAME,
        "tags": st.lists(TAG, max_size=3, unique=True),
        "status": st.sampled_from(["draft", "published", "archived"]),
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "chapters": st.lists(CHAPTER, max_size=3),
    }
)


def shown(moment):
    return moment.isoformat().replace("+00:00", "Z")


def draft(note):
    """What a reader must give for a note."""
    return {**note, "created_at": shown(note["created_at"]), "updated_at": shown(note["updated_at"])}


def detail(**changes):
    """A small note as the API shows it."""
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    times = {"created_at": moment, "updated_at": moment}
    note = {"id": 7, "title": "Cells", "slug": "cells", "tags": ["biology"], "status": "draft"}
    topic = {
        "id": 70,
        "name": "Division",
        "order": 1,
        "explanation": {"content": "Cells **divide**.", "updated_at": moment},
        "code_snippet": {"language": "python", "code": "print('cell')", "updated_at": moment},
        "source": {"title": "A book", "url": "https://example.org/cells"},
    } | times
    chapter = {"id": 700, "title": "Growth", "order": 1, "topics": [topic]}
    return note | {"chapter_count": 1, "topic_count": 1, "chapters": [chapter]} | times | changes


def explained(content, **changes):
    """A note whose one topic says something."""
    note = detail(**changes)
    note["chapters"][0]["topics"][0] |= {
        "explanation": {"content": content, "updated_at": note["updated_at"]},
        "code_snippet": None,
        "source": None,
    }
    return note
