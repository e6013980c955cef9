"""Running migrations, forward and back."""

import flask_migrate
from flask import current_app

from noteassist import db
from noteassist.schema import MIGRATIONS

migrate = flask_migrate.Migrate(directory=str(MIGRATIONS))


def upgrade(revision: str = "head") -> None:
    """Bring the database to a revision; processes that do so at once wait for each other."""
    migrate.init_app(current_app, db.db)
    flask_migrate.upgrade(revision=revision)


def downgrade(revision: str) -> None:
    """Bring the database back to an older revision ("base": empty)."""
    migrate.init_app(current_app, db.db)
    flask_migrate.downgrade(revision=revision)
