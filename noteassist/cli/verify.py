"""`noteassist verify`: say whether a server works."""

import sys

import click
from rich.console import Console
from rich.table import Table

from noteassist.cli.environment import settings_or_exit
from noteassist.verification import STEPS, Walk

COLOURS = {"ok": "green", "failed": "red", "not configured": "yellow"}


@click.command()
@click.option("--url", help="The server; by default the one that the settings describe.")
def command(url: str | None) -> None:
    """Use a running server as a user would, and print what works; ends with status 1 if something does not."""
    settings = settings_or_exit()
    walk = Walk((url or f"http://{settings.host}:{settings.port}").rstrip("/"))
    console = Console()
    with console.status("Verifying ..."):
        results = list(walk.take(STEPS))
    table = Table(title=f"NoteAssist at {walk.base_url}", title_justify="left")
    for heading in ("step", "state", "remark"):
        table.add_column(heading, overflow="fold")
    for result in results:
        table.add_row(result.step, f"[{COLOURS[result.state]}]{result.state}[/]", result.remark)
    console.print(table)
    failed = sum(result.state == "failed" for result in results)
    console.print(f"{len(results) - failed} of {len(results)} steps work.")
    sys.exit(1 if failed else 0)
