"""`noteassist reset-password`: for whoever runs the server, where no mail arrives."""

import sys

import click

from noteassist import db
from noteassist.cli.accounts import asked_password, refuse
from noteassist.cli.application import application
from noteassist.errors import AppError, NotFound
from noteassist.services import accounts


@click.command()
@click.argument("email")
def command(email: str) -> None:
    """Set a new password for EMAIL's account and end all of its sessions."""
    with application() as (_, settings):
        password = asked_password()
        try:
            db.in_transaction(lambda: accounts.reset_password(settings, email=email, password=password))
        except NotFound:
            click.echo(f"There is no account with the address {email}.", err=True)
            sys.exit(1)
        except AppError as error:
            refuse(error)
        click.echo(f"{email} has a new password, and is signed out everywhere.")
