"""The search reads its index and the hits, and neither the texts of others nor its own table from end to end."""

import pytest
from sqlalchemy import text

from noteassist import db
from noteassist.models import User
from noteassist.services.accounts import insert_account
from noteassist.services.demo.seeding import insert_notes
from noteassist.services.search.finding import note_parameters
from noteassist.services.search.queries import parse
from noteassist.services.search.statements import notes_sql
from tests.people import register
from tests.plans import plans_of

USERS, NOTES, TOPICS = 3, 2000, 5
PATHS = [
    "/api/search/?q=rare",
    "/api/search/?q=common%20rare",
    '/api/search/?q="rare%20end"',
    "/api/search/?q=common%20-rare",
    "/api/search/?q=rar",
    "/api/search/?q=rarenes%20",
]


def note(number):
    """Make the body of a note of which one in fifty has a common word, and one in a hundred a rare one."""
    words = [
        f"{'common ' * (number % 20 == 0)}word{number}x{topic}{' rare' * (number % 100 == 0)} end"
        for topic in range(TOPICS)
    ]
    topics = [
        {
            "name": f"name {number}{' rareness' * (number % 100 == 0)}",
            "explanation": {"content": content + " and so on" * 20},
            "code_snippet": {"language": "c", "code": "main()"},
            "source": {"title": "A book", "url": "https://example.org/"},
        }
        for content in words
    ]
    return {
        "title": f"t{number}",
        "tags": [],
        "status": "draft",
        "chapters": [{"title": "c", "topics": topics}],
    }


@pytest.fixture(scope="module")
def crowded(migrated_app):
    """Fill the tables with notes of several users, once for each database; gives the client of one of them."""
    with migrated_app.app_context():
        with db.transaction():
            db.execute(User.__table__.delete())
        alice = register(migrated_app, email="alice@example.com")
        with db.transaction():
            owners = [insert_account(f"crowd{number}@example.com", "-") for number in range(USERS)]
            for owner in owners:
                insert_notes(owner, [note(number) for number in range(NOTES // 10)], db.utcnow())
            insert_notes(alice.user["id"], [note(number) for number in range(NOTES)], db.utcnow())
        with db.direct().connect() as connection:
            # Words that have just been written stand in a list that each search reads, until it is emptied.
            connection.execute(text("VACUUM ANALYZE search_entries" if db.is_postgresql() else "ANALYZE"))
            connection.execute(text("ANALYZE"))
        yield alice
        with db.transaction():
            db.execute(User.__table__.delete())


@pytest.fixture
def explained(crowded):
    """Give the plans of the statements that a GET of Alice's sends, as one text."""

    def explain(path):
        def get():
            answer = crowded.get(path)
            assert (answer.status_code, bool(answer.json["results"])) == (200, True)

        return plans_of(get)

    with crowded.app.app_context():
        yield explain


@pytest.mark.parametrize("path", PATHS)
def test_no_search_reads_the_words_from_end_to_end(explained, path):
    # The hits themselves (`entry`) may be so many that reading the table is the best way to rank them.
    plan = explained(path).replace("Seq Scan on search_entries entry", "")
    assert "Seq Scan on search_entries" not in plan
    assert "SCAN search_entries" not in plan.replace("SCAN search_entries USING INDEX", "")
    assert "SCAN entry" not in plan
    assert "ix_search_entries_words" in plan or "VIRTUAL TABLE INDEX" in plan


@pytest.mark.parametrize("path", PATHS)
def test_no_search_reads_texts_beyond_its_page(explained, path):
    plan = explained(path)
    for table in ("explanations", "code_snippets", "topics"):
        assert f"Seq Scan on {table}" not in plan
        assert f"SCAN {table}" not in plan


def test_a_filter_of_notes_reads_the_index(crowded):
    query = parse("rare common -gone ")
    with crowded.app.app_context():
        parameters = note_parameters(crowded.user["id"], query) | {"owner": crowded.user["id"]}
        prefix = "EXPLAIN " if db.is_postgresql() else "EXPLAIN QUERY PLAN "
        plan = str(db.rows(text(prefix + notes_sql(2, 1)), parameters))
    assert "Seq Scan" not in plan
    assert "ix_search_entries_words" in plan or "VIRTUAL TABLE INDEX" in plan
