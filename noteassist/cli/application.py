"""An application for commands that need the database."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import exc

from noteassist import schema
from noteassist.app import NoteAssist, create_app
from noteassist.cli.environment import settings_or_exit
from noteassist.config import Settings
from noteassist.logs import configure_logs


@contextmanager
def application(*, prepared: bool = True) -> Iterator[tuple[NoteAssist, Settings]]:
    """Give the application within its context, with a schema that fits; ends with status 1 when that cannot be."""
    settings = settings_or_exit()
    configure_logs(settings)
    app = create_app(settings)
    # Servers on the same database may believe a Redis that this command was told nothing of.
    app.extensions["noteassist_freshness"].is_alone = False
    with app.app_context():
        try:
            if prepared:
                schema.gate().prepare()
            yield app, settings
        except schema.UnknownSchema as error:
            click.echo(str(error), err=True)
            sys.exit(1)
        except exc.OperationalError:
            click.echo("The database cannot be reached.", err=True)
            sys.exit(1)
