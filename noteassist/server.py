"""What a server process does before its first request: logs, schema, and in the embedded server the crew."""

import logging
import os
from collections.abc import Mapping
from typing import Any

from granian.server import mp
from sqlalchemy import exc

from noteassist import process, schema
from noteassist.app import NoteAssist, create_app
from noteassist.config import BadConfiguration, Settings
from noteassist.door import PROTOCOL
from noteassist.logs import configure_logs
from noteassist.process import follow_parent, refuse_to_start
from noteassist.reporting import NotInstalled, install_reports
from noteassist.silence import Silence
from noteassist.worker.crew import Crew

log = logging.getLogger(__name__)

# What runs when the server is stopped has so long to end by itself; the server waits 30 s for its requests.
DRAIN_SECONDS = 10.0


def from_environment() -> NoteAssist:
    """Make the application of a server process from the environment it was started in."""
    return serving_app(os.environ)


def show_protocol() -> None:
    """Have granian show each request its own way to be answered, as `granian.protocol`; see `slow_bodies`."""
    wrap = vars(mp)["_wsgi_call_wrap"]

    def wrap_and_show(callback: Any, *options: Any) -> Any:
        run = wrap(callback, *options)

        def run_and_show(protocol: Any, scope: dict[str, Any]) -> Any:
            scope[PROTOCOL] = protocol
            return run(protocol, scope)

        return run_and_show

    setattr(mp, "_wsgi_call_wrap", wrap_and_show)  # noqa: B010  # a name of the module's own, which it calls by


def serving_app(environ: Mapping[str, str]) -> NoteAssist:
    """Make the application of a server process; ends the process on a bad configuration or an unknown schema."""
    follow_parent()
    if process.is_child():
        process.heed_signals()
    try:
        settings = Settings.from_env(environ)
    except BadConfiguration as error:
        refuse_to_start(str(error))
    if process.is_child():
        show_protocol()
        Silence(settings.port).start()
    configure_logs(settings)
    try:
        install_reports(settings)
    except NotInstalled as error:
        refuse_to_start(str(error))
    app = create_app(settings)
    with app.app_context():
        try:
            schema.gate().prepare()
        except schema.UnknownSchema as error:
            refuse_to_start(f"NoteAssist does not start: {error}")
        except exc.SQLAlchemyError as error:
            # It may come: until then every request is answered 503.
            log.error("the database cannot be reached: %s", type(error).__name__)
    process.call_on_stop(app.extensions["noteassist_signals"].wake_all)
    if not settings.redis_url:
        crew = Crew(app, settings)
        crew.start()
        process.call_on_stop(lambda: crew.drain(DRAIN_SECONDS))
    return app
