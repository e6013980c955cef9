"""`noteassist create-admin`: the first administrator, or another."""

import sys
from typing import NoReturn

import click

from noteassist import db
from noteassist.cli.application import application
from noteassist.errors import AppError
from noteassist.services import accounts


def asked_password() -> str:
    """Ask for a password twice, or take the first line of standard input when that is no terminal."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer


@click.command()
@click.argument("email")
def command(email: str) -> None:
    """Make EMAIL an administrator; an account that exists is promoted and keeps its password."""
    with application() as (_, settings):
        try:
            if accounts.promote(email):
                click.echo(f"{email} is an administrator now; the password is as it was.")
                return
            password = asked_password()
            db.in_transaction(lambda: accounts.create_admin(settings, email=email, password=password))
        except AppError as error:
            refuse(error)
        click.echo(f"{email} is an administrator now.")


def refuse(error: AppError) -> NoReturn:
    """Say in words why it cannot be, and end with status 1."""
    reasons = [reason for of_field in (error.errors or {}).get("json", {}).values() for reason in of_field]
    click.echo(" ".join(reasons) or error.detail, err=True)
    sys.exit(1)
