"""`noteassist worker`: background work in a process of its own."""

import signal

import click

from noteassist.background import Background
from noteassist.cli.application import application


@click.command()
def command() -> None:
    """Do background work (mail, expiry) until SIGTERM; needed where REDIS_URL is set."""
    with application() as (app, settings):
        background = Background(app, settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: background.stop())
        click.echo("Working; stop with Ctrl-C.")
        background.run()
