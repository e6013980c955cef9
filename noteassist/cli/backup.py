"""`noteassist backup`: everything that the database has, in one file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from noteassist.cli.application import application
from noteassist.schema import UnknownSchema
from noteassist.services.backups.making import back_up


def say_rows(table: str, rows: int) -> None:
    """Say how many rows a table has."""
    click.echo(f"  {table}: {rows}", err=True)


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes its name only when all of it is on the disk; nobody else may read it."""
    draft = path.with_name(f"{path.name}.part")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
def command(file: str) -> None:
    """Write everything in the database into FILE ("-": standard output), while the server runs.

    `noteassist restore` fills either kind of database from it. SECRET_KEY and ENCRYPTION_KEYS are not in it: keep
    them, and where they were generated the files in INSTANCE_DIR, somewhere else.
    """
    with application(prepared=False) as (_, settings):
        try:
            if file == "-":
                rows = back_up(sys.stdout.buffer, settings.encryption_keys, say_rows)
                sys.stdout.flush()
            else:
                with written_whole(Path(file)) as target:
                    rows = back_up(target, settings.encryption_keys, say_rows)
        except (UnknownSchema, OSError) as error:
            click.echo(f"No backup was made: {error}", err=True)
            sys.exit(1)
    click.echo(f"{rows} rows are in {file}.", err=True)
