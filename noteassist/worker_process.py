"""One worker process, from its start to its end."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping

from sqlalchemy import exc

from noteassist import schema
from noteassist.app import NoteAssist, create_app
from noteassist.config import BadConfiguration, Settings
from noteassist.logs import configure_logs
from noteassist.process import follow_parent
from noteassist.reporting import NotInstalled, install_reports
from noteassist.worker.crew import Crew

log = logging.getLogger(__name__)

DRAIN_SECONDS = 20.0
DATABASE_SECONDS = 1.0


def work(environ: Mapping[str, str]) -> None:
    """Work until SIGTERM, then finish or hand back; ends with status 1 or 2 where another try cannot help."""
    follow_parent()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        settings = Settings.from_env(environ)
    except BadConfiguration as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    configure_logs(settings)
    try:
        install_reports(settings)
    except NotInstalled as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    app = create_app(settings)
    wait_for_schema(app, stopping)
    if stopping.is_set():
        return
    crew = Crew(app, settings)
    crew.start()
    log.info("working on up to %s tasks at once", settings.worker_threads)
    stopping.wait()
    crew.drain(DRAIN_SECONDS)


def wait_for_schema(app: NoteAssist, stopping: threading.Event) -> None:
    """Wait until the database is there; ends the process where its schema is not this release's."""
    is_news = True
    while not stopping.is_set():
        try:
            with app.app_context():
                schema.gate().prepare()
        except schema.UnknownSchema as error:
            sys.stderr.write(f"The worker does not start: {error}\n")
            sys.exit(1)
        except exc.SQLAlchemyError as error:
            if is_news:
                log.warning("the database cannot be reached: %s", type(error).__name__)
            is_news = False
            stopping.wait(DATABASE_SECONDS)
        else:
            return


if __name__ == "__main__":
    work(os.environ)
