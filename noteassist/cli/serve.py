"""`noteassist serve`: the web server."""

import errno
import logging
import os
import resource
import signal
import socket
import sys
import time
from typing import Any

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from noteassist import metric_files
from noteassist.cli.environment import settings_or_exit
from noteassist.config import Settings
from noteassist.process import announce_stop, become_parent, heed_signals, was_refused
from noteassist.slow_bodies import OTHER_BODIES, SMALL_BODIES

# Connections a process holds at once, and those that wait to be taken; see docs/operations.md.
BACKPRESSURE = 6000
BACKLOG = 4096
# A client that has not sent its headers by then is cut.
HEADER_SECONDS = 10

# Beyond those that wait for bodies and those inside the application; see FrontDoor.
SPARE_THREADS = 8
PORT_WAIT_SECONDS = 3.0


def require_free_port(host: str, port: int) -> None:
    """Wait a moment for a port that is being given up; ends with status 1 when somebody else listens there.

    The server shares its port among its processes, so the kernel would also share it with a second server, and
    requests would go to either.
    """
    until = time.monotonic() + PORT_WAIT_SECONDS
    while True:
        try:
            socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
            ).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                click.echo(
                    f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}. PORT and HOST change it.",
                    err=True,
                )
                sys.exit(1)
            time.sleep(0.1)
        else:
            return


def welcome(settings: Settings) -> str:
    """Tell somebody who starts the server for the first time where everything is."""
    place = settings.instance_dir.absolute()
    data = (
        settings.database_url.removeprefix("sqlite:///") if settings.is_sqlite else "where DATABASE_URL says"
    )
    mails = "sent as SMTP_URL says" if settings.smtp_url else f"files in {place / 'outbox'}"
    return (
        f"NoteAssist at {settings.public_url}\n"
        f"  Try every call:  {settings.public_url}/api/docs/\n"
        f"  Data:            {data}\n"
        f"  Mails:           {mails}\n"
        "  The first account that registers on an empty server is its administrator. Ctrl-C stops the server."
    )


def is_worth_saying(record: logging.LogRecord) -> bool:
    """Leave out granian's advice on threads: ours wait for the database most of the time."""
    return "quite high compared to the number of CPU cores" not in record.getMessage()


class Server(Granian):  # type: ignore[misc, valid-type]  # granian chooses its class when it is imported
    """Granian, whose processes learn of a stop before it comes: streams end, tasks are finished or handed back."""

    def signal_handler_interrupt(self, *arguments: Any, **options: Any) -> None:
        """Take SIGTERM or SIGINT.

        A process that has just been forked has this handler too, until it is loaded: without this it would take the
        signal for the parent's, go on, and be killed after half a minute.
        """
        if os.getpid() != self.pid:
            if arguments[0] == signal.SIGTERM:
                sys.exit(0)
            return
        announce_stop()
        super().signal_handler_interrupt(*arguments, **options)


def threads_for(web_threads: int, web_streams: int) -> int:
    """Give the threads of a server process that has so many for requests, and so many for streams."""
    return web_threads + web_streams + SMALL_BODIES + OTHER_BODIES + SPARE_THREADS


def raise_open_files() -> None:
    """Allow as many open files as there may be: the usual limit of 1,024 is one of connections, too."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@click.command()
def command() -> None:
    """Start the web server."""
    settings = settings_or_exit()
    require_free_port(settings.host, settings.port)
    become_parent()
    heed_signals()
    raise_open_files()
    # The server processes read the same environment, and must find the same folder.
    os.environ["INSTANCE_DIR"] = str(settings.instance_dir.absolute())
    if folder := metric_files.claim_folder(settings.metrics_dir.absolute(), "web"):
        os.environ[metric_files.VARIABLE] = str(folder)
    if settings.environment == "development":
        click.echo(welcome(settings))
    logging.getLogger("_granian").addFilter(is_worth_saying)
    server = Server(
        "noteassist.server:from_environment",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_processes,
        blocking_threads=threads_for(settings.web_threads, settings.web_streams),
        http=HTTPModes.http1,
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
