"""Running migrations, forward and back."""

import flask_migrate
from alembic import command
from alembic.config import Config
from flask import current_app
from sqlalchemy import Connection

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


def upgrade_within(connection: Connection, revision: str = "head") -> None:
    """Bring the database to a later revision in the open transaction of a connection."""
    command.upgrade(_config(connection), revision)


def downgrade_within(connection: Connection, revision: str) -> None:
    """Bring the database back to an older revision in the open transaction of a connection."""
    command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config(str(MIGRATIONS / "alembic.ini"))
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
