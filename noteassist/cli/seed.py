"""`noteassist seed-demo`: something to look at, or to measure with."""

import secrets
import sys

import click
from rich.console import Console
from rich.progress import Progress

from noteassist.cli.application import application
from noteassist.config import Settings
from noteassist.errors import AppError
from noteassist.services.demo import seeding


@click.command()
@click.option(
    "--users", type=click.IntRange(1, 100_000), help="Accounts user1@example.com, user2@example.com, ..."
)
@click.option(
    "--notes", type=click.IntRange(0, 1_000_000), default=50, show_default=True, help="Notes of each."
)
@click.option(
    "--chapters", type=click.IntRange(0, 200), default=4, show_default=True, help="Chapters of each note."
)
@click.option(
    "--topics", type=click.IntRange(0, 200), default=5, show_default=True, help="Topics of each chapter."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same texts.")
@click.option("--password", help="Password of the accounts; generated and printed when left out.")
def command(
    users: int | None, notes: int, chapters: int, topics: int, seed: int, password: str | None
) -> None:
    """Make a demo account with three notes, or with --users any number of accounts full of notes."""
    chosen = password or secrets.token_urlsafe(12)
    with application() as (_, settings):
        try:
            if users is None:
                seeding.make_demo_account(settings, chosen)
                click.echo(f"Made {seeding.DEMO_EMAIL} with three notes.")
            else:
                _seed(settings, chosen, users=users, notes=notes, chapters=chapters, topics=topics, seed=seed)
                click.echo(f"Made {users} accounts with {notes} notes each, user1@example.com and on.")
        except AppError as error:
            click.echo(error.detail, err=True)
            sys.exit(1)
    if password is None:
        click.echo(f"Password: {chosen}")


def _seed(settings: Settings, password: str, *, users: int, notes: int, **shape: int) -> None:
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("Notes", total=users * notes)
        for count in seeding.seed_accounts(settings, password, users=users, notes=notes, **shape):
            progress.advance(bar, count)
