"""Reports of unexpected errors to Sentry, or whatever speaks its protocol, where SENTRY_DSN is set.

A report holds the exception, where in the code it came up, and the id of the request: no address, no name, no header,
no body, no value of a variable.
"""

import importlib
import logging
from typing import Any

from noteassist import logs
from noteassist.config import Settings

# What Sentry's client may add by itself and nobody needs to know.
LEFT_OUT = ("request", "user", "server_name", "breadcrumbs", "extra", "modules")


class NotInstalled(Exception):
    """SENTRY_DSN is set, and the client is not there."""

    def __init__(self) -> None:
        super().__init__("SENTRY_DSN needs the package sentry-sdk: pip install 'noteassist[sentry]'")


def install_reports(settings: Settings) -> None:
    """Report what is logged as an error from now on; raises NotInstalled."""
    if not settings.sentry_dsn:
        return
    try:
        client = importlib.import_module("sentry_sdk")
        integrations = importlib.import_module("sentry_sdk.integrations.logging")
    except ImportError as error:
        raise NotInstalled from error
    client.init(
        dsn=settings.sentry_dsn,
        environment=settings.environment,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[integrations.LoggingIntegration(level=None, event_level=logging.ERROR)],
        before_send=without_personal_data,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        traces_sample_rate=0.0,
    )


def without_personal_data(event: dict[str, Any], _hint: Any) -> dict[str, Any]:
    """Leave out whatever may tell of a person, and add the id of the request."""
    kept = {name: value for name, value in event.items() if name not in LEFT_OUT}
    return kept | {"tags": {"request_id": logs.current_request_id()}}
