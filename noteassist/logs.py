"""Log lines: readable text, or one JSON object a line."""

import logging
from datetime import UTC, datetime

import orjson

from noteassist.config import Settings


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, option=orjson.OPT_UTC_Z).decode()


class TextFormatter(logging.Formatter):
    """Writes a record as one line (and its traceback); line breaks in a message cannot forge another line."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        line = f"{time} {record.levelname.lower():7} {record.name}: {message}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure_logs(settings: Settings) -> None:
    """Send logs to standard error in the format of the settings."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for talkative in ("alembic", "rq", "rq.job", "httpx"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    # It reports with a stack trace that Redis was away while it kept its books; our slots say so in one line.
    logging.getLogger("rq.worker").setLevel(logging.CRITICAL)
