"""How Alembic runs the migrations: in one transaction, one process at a time, on either database."""

from alembic import context
from sqlalchemy import text

import noteassist.models  # noqa: F401  # for what it declares
from noteassist.db import Base, db

LOCK = 7_305_193_001


def run() -> None:
    """Run the migrations that were asked for."""
    engine = db.engine
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # SQLite's transactions are one at a time by themselves (BEGIN IMMEDIATE).
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            compare_server_default=False,
            render_as_batch=engine.dialect.name == "sqlite",
            transaction_per_migration=False,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
