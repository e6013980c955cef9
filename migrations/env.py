"""How Alembic runs the migrations: in one transaction, one process at a time, on either database."""

from alembic import context
from sqlalchemy import Connection, text

import noteassist.models  # noqa: F401  # for what it declares
from noteassist.db import Base, db

LOCK = 7_305_193_001


def run() -> None:
    """Run the migrations that were asked for."""
    given = context.config.attributes.get("connection")
    if given is not None:
        # Part of a larger transaction, whose owner has seen to locks and foreign keys.
        migrate(given)
        return
    if db.engine.dialect.name == "postgresql":
        with db.engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            migrate(connection)
        return
    # SQLite's transactions are one at a time by themselves, once they are begun as writing ones. Changing a table
    # there means to copy and drop it, and with foreign keys on, dropping a parent would delete its children.
    with db.engine.connect() as connection:
        driver = connection.connection.cursor()
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                driver.execute("BEGIN IMMEDIATE")
                migrate(connection)
                if orphans := connection.execute(text("PRAGMA foreign_key_check")).all():
                    raise RuntimeError(f"the migration would leave {len(orphans)} rows without their parent")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")
            driver.close()


def migrate(connection: Connection) -> None:
    """Run them in the open transaction of this connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=False,
        # What the search has of one database alone.
        include_name=lambda name, *_: (
            not (name or "").startswith(("search_index", "ix_search_entries_words"))
        ),
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
