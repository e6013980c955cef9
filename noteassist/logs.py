"""Log lines, by structlog: readable text, or one JSON object a line. Each names the request that it belongs to."""

import logging
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson
from structlog.processors import JSONRenderer
from structlog.stdlib import ExtraAdder, ProcessorFormatter

from noteassist.config import Settings

Event = MutableMapping[str, Any]
FIRST = ("time", "level", "logger", "message")
REQUEST_ID = "request_id"
# The library's own context is a variable for each field: to forget the last request's, all variables are gone through.
_context: ContextVar[Mapping[str, Any]] = ContextVar("log_context", default={})  # noqa: B039  # never changed


def begin_context(**fields: Any) -> None:
    """Let every line that this thread writes from now on carry these fields, and no earlier ones."""
    _context.set(fields)


def current_request_id() -> str | None:
    """Give the id of the request that is being worked on here, if any."""
    found: str | None = _context.get().get(REQUEST_ID)
    return found


def _in_context(_logger: Any, _method: str, event: Event) -> Event:
    """Add the fields of the context; what the line says itself comes first."""
    return {**_context.get(), **event}


def _described(_logger: Any, _method: str, event: Event) -> Event:
    """Say when, how bad, who and what, before all else."""
    record: logging.LogRecord = event["_record"]
    described: Event = {
        "time": datetime.fromtimestamp(record.created, UTC),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": event.pop("event"),
    }
    exception = event.pop("exc_info", None) or record.exc_info
    described.update(event)
    if exception:
        described["exception"] = logging.Formatter().formatException(exception)
    return described


def _to_json(event: Mapping[str, Any], **_options: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_UTC_Z).decode()


def _to_text(_logger: Any, _method: str, event: Event) -> str:
    """Write one line (and its traceback); line breaks in it cannot forge another line."""
    exception = event.pop("exception", None)
    time, level, logger, message = (event.pop(name) for name in FIRST)
    fields = "".join(f" {name}={value}" for name, value in event.items() if value is not None)
    said = f"{message}{fields}".replace("\r", "\\r").replace("\n", "\\n")
    line = f"{time:%Y-%m-%dT%H:%M:%S.%fZ} {level:7} {logger}: {said}"
    return f"{line}\n{exception}" if exception else line


def formatter_of(log_format: str) -> logging.Formatter:
    """Make what writes the lines, in the format `text` or `json`."""
    write = JSONRenderer(serializer=_to_json) if log_format == "json" else _to_text
    return ProcessorFormatter(
        foreign_pre_chain=[_in_context, ExtraAdder()],
        processors=[_described, ProcessorFormatter.remove_processors_meta, write],
        keep_exc_info=True,
        keep_stack_info=True,
    )


def configure_logs(settings: Settings) -> None:
    """Send logs to standard error in the format of the settings."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter_of(settings.log_format))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Nothing of this stands in our lines, and finding it out takes half of a line's time ("Optimization" in the
    # library's documentation).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    setattr(logging, "_srcfile", None)  # noqa: B010  # as documented, though the stubs know nothing of it
    for talkative in ("alembic", "rq", "rq.job", "httpx"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    # It reports with a stack trace that Redis was away while it kept its books; our slots say so in one line.
    logging.getLogger("rq.worker").setLevel(logging.CRITICAL)
