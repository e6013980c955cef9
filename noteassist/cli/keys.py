"""`noteassist keys ...`: the keys that encrypt secrets in the database."""

import sys

import click

from noteassist.cli.application import application
from noteassist.config import new_encryption_key
from noteassist.security.rotation import rotate as rotate_secrets


@click.group()
def command() -> None:
    """Look after the keys that encrypt secrets in the database."""


@command.command()
def new() -> None:
    """Print a new key for ENCRYPTION_KEYS."""
    click.echo(new_encryption_key())


@command.command()
def rotate() -> None:
    """Encrypt every secret with the first of ENCRYPTION_KEYS, while the server runs.

    Put the new key first and keep the old ones behind it, restart every server and worker, run this, and then take
    the old keys away. Ends with status 1 where a secret cannot be read with any key.
    """
    with application() as (_, settings):
        if not settings.encryption_keys:
            click.echo("ENCRYPTION_KEYS is not set: nothing is encrypted.", err=True)
            sys.exit(1)
        done = rotate_secrets(settings.encryption_keys)
    click.echo(
        f"{done.changed} encrypted anew, {done.current} had the first key, {done.unreadable} unreadable."
    )
    sys.exit(1 if done.unreadable else 0)
