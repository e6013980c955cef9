"""`noteassist db ...`: the schema."""

import click

from noteassist import migrating, schema
from noteassist.cli.application import application


@click.group()
def command() -> None:
    """Look after the database's schema."""


@command.command()
def upgrade() -> None:
    """Bring the schema to this release's."""
    with application(prepared=False):
        migrating.upgrade()
        click.echo(f"The schema is at {schema.database_revision()}.")


@command.command()
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Bring the schema back to REVISION ("base": empty). Data that it has no room for is lost."""
    with application(prepared=False):
        migrating.downgrade(revision)
        click.echo(f"The schema is at {schema.database_revision() or 'base'}.")


@command.command()
def current() -> None:
    """Print the schema's revision and the one this release knows."""
    with application(prepared=False):
        click.echo(f"database {schema.database_revision() or 'empty'}, release {schema.known_revision()}")
