"""SQLite: a connection goes on writing after another one has changed the schema."""

from sqlalchemy import text

from noteassist import db, schema
from noteassist.app import create_app
from tests.conftest import let_go, make_settings


def test_a_write_after_another_connection_analysed_the_tables_works(tmp_path):
    app = create_app(make_settings(tmp_path, ""))
    with app.app_context():
        schema.gate().prepare()
        with db.transaction():
            db.execute(text("SELECT count(*) FROM users"))
        with db.direct().connect() as other:
            other.execute(text("ANALYZE"))
        with db.transaction():
            assert db.execute(text("DELETE FROM users WHERE email = 'nobody@example.com'")).rowcount == 0
        let_go()
