"""The database's schema: which revision it has, which one this release knows, and bringing it there."""

import importlib
import logging
import threading
import time
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from sqlalchemy import exc, text

from noteassist import db
from noteassist.config import Settings
from noteassist.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

PACKAGE = Path(__file__).parent
# In a checkout the migrations lie beside the package, in an installed one inside it.
MIGRATIONS = next(p for p in (PACKAGE / "migrations", PACKAGE.parent / "migrations") if p.is_dir())
RETRY_SECONDS = 1.0


class UnknownSchema(Exception):
    """The database's schema is not the one this release was made for."""


def known_revisions() -> list[str]:
    """List the revisions that the numbered migrations of this release make, the newest last."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def known_revision() -> str:
    """Give the newest revision that this release knows."""
    return known_revisions()[-1]


def database_revision() -> str | None:
    """Read the revision of the database, None where it is empty; raises what the driver raises when it is away."""
    try:
        found = db.read_rows(text("SELECT version_num FROM alembic_version"))
    except exc.ProgrammingError:
        return None
    except exc.OperationalError as error:
        if "no such table" in str(error.orig):
            return None
        raise
    return str(found[0].version_num) if found else None


def migrations() -> Any:
    """Load the module that runs migrations; most starts do not need it, and it is 14 MB."""
    return importlib.import_module("noteassist.migrating")


class SchemaGate:
    """Lets requests through once the schema is known to fit; prepares it where the settings allow."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.is_open = False
        self.lock = threading.Lock()
        self.next_try = 0.0

    def prepare(self) -> None:
        """Check the schema, and outside production migrate it.

        Raises UnknownSchema, and what the driver raises when the database is away.
        """
        found, known = database_revision(), known_revision()
        if (found is None or found < known) and self.settings.migrates_itself:
            migrations().upgrade()
            found = database_revision()
        if found != known:
            is_older = found is None or found < known
            advice = (
                "run `noteassist db upgrade`" if is_older else "this release of NoteAssist is too old for it"
            )
            raise UnknownSchema(f"schema {found or 'none'} instead of {known}: {advice}")
        self.is_open = True

    def require(self) -> None:
        """Let a request pass, or try once a second to prepare; raises DatabaseUnavailable."""
        if self.is_open:
            return
        with self.lock:
            if not self.is_open and time.monotonic() >= self.next_try:
                self.next_try = time.monotonic() + RETRY_SECONDS
                try:
                    self.prepare()
                except (UnknownSchema, exc.SQLAlchemyError) as error:
                    log.error("the database is not ready: %s", error)
        if not self.is_open:
            raise DatabaseUnavailable


def gate() -> SchemaGate:
    """Give the current application's gate."""
    found: SchemaGate = current_app.extensions["noteassist_schema"]
    return found


def install_gate(app: Flask, settings: Settings) -> None:
    """Give an application its gate."""
    app.extensions["noteassist_schema"] = SchemaGate(settings)
