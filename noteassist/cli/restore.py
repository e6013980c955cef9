"""`noteassist restore`: the database as a backup has it."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click
from sqlalchemy import exc

from noteassist import db
from noteassist.cli.application import application
from noteassist.cli.backup import say_rows
from noteassist.config import Settings
from noteassist.schema import UnknownSchema
from noteassist.services.backups.container import UnusableBackup
from noteassist.services.backups.restoring import Backup, NotEmpty, count_rows, missing_keys, restore


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """Open a file that can be read twice; standard input is kept for that."""
    if file != "-":
        with Path(file).open("rb") as found:
            yield found
        return
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.seek(0)
        yield kept


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--replace", is_flag=True, help="Delete what the database has.")
@click.option("--check", is_flag=True, help="Read all of FILE, and change nothing.")
def command(file: str, *, replace: bool, check: bool) -> None:
    """Fill the database from FILE ("-": standard input), all of it or nothing.

    Stop every server and worker first. The database has to be empty, or --replace says that what it has may go. It
    need not be of the kind that the backup was made of.
    """
    with application(prepared=False) as (_, settings):
        try:
            with opened(file) as source:
                rows = _restore(settings, source, replace=replace, check=check)
        except UnusableBackup as error:
            _refuse(f"Nothing can be restored from {file}. {error}")
        except (NotEmpty, UnknownSchema) as error:
            _refuse(str(error))
        except exc.OperationalError as error:
            if db.translated(error) is None:
                raise
            _refuse(
                "The database cannot be had: it is away, or a server or a worker still uses it. Stop them all."
            )
    click.echo(f"{rows} rows can be restored." if check else f"{rows} rows are restored.")
    if not check:
        click.echo("Words for the search are written in the background once a server or a worker runs.")


def _restore(settings: Settings, source: BinaryIO, *, replace: bool, check: bool) -> int:
    backup = Backup(source)
    click.echo(f"Backup of {backup.contents.created_at}, schema {backup.contents.schema}", err=True)
    if missing := missing_keys(backup.contents, settings.encryption_keys):
        click.echo(
            f"ENCRYPTION_KEYS lacks {', '.join(missing)} (the first 16 digits of a key's SHA-256): secrets that were"
            " encrypted with that key cannot be read.",
            err=True,
        )
    return count_rows(backup, say_rows) if check else restore(backup, say_rows, replace=replace)


def _refuse(reason: str) -> None:
    click.echo(f"{reason} Nothing was changed.", err=True)
    sys.exit(1)
