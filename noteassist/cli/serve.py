"""`noteassist serve`: the web server."""

import os
import sys

import click
from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings

from noteassist.cli.environment import settings_or_exit
from noteassist.process import become_parent, was_refused

# Connections a process holds at once, and those that wait to be taken; see docs/operations.md.
BACKPRESSURE = 6000
BACKLOG = 4096
# A client that has not sent its headers by then is cut.
HEADER_SECONDS = 10


@click.command()
def command() -> None:
    """Start the web server."""
    settings = settings_or_exit()
    become_parent()
    # The server processes read the same environment, and must find the same folder.
    os.environ["INSTANCE_DIR"] = str(settings.instance_dir.absolute())
    if settings.environment == "development":
        click.echo(f"NoteAssist at {settings.public_url} - documentation at {settings.public_url}/api/docs/")
    server = Granian(
        "noteassist.server:from_environment",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_processes,
        blocking_threads=settings.web_threads,
        backlog=BACKLOG,
        backpressure=BACKPRESSURE,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, keep_alive=True),
        respawn_failed_workers=True,
        workers_kill_timeout=30,
        websockets=False,
        log_enabled=True,
    )
    server.serve()
    if was_refused():
        sys.exit(1)
