"""Watching statements: how many a request sends, and which are slow."""

import logging
import threading
import time
from typing import Any

from sqlalchemy import Engine, event

from noteassist import metrics

log = logging.getLogger("noteassist.slow")

LONGEST_SHOWN = 2000


class Watch(threading.local):
    """What this thread has sent since it began to count."""

    statements = 0


_watch = Watch()
# Statements that take longer are written to the log; None: none is.
_slow_seconds: float | None = None


def begin_counting() -> None:
    """Begin to count the statements of this thread."""
    _watch.statements = 0


def statements_counted() -> int:
    """Give the number of statements since then."""
    return _watch.statements


def statement_ran(sql: str, seconds: float) -> None:
    """Note that a statement was run; a slow one is written to the log, without its values."""
    _watch.statements += 1
    if _slow_seconds is not None and seconds >= _slow_seconds:
        metrics.SLOW_STATEMENTS.inc()
        shown = " ".join(sql.split())[:LONGEST_SHOWN]
        log.warning("a statement took %.0f ms: %s", seconds * 1000, shown)


def watch(engines: tuple[Engine, ...], slow_seconds: float | None) -> None:
    """Watch what is sent over these engines; prepared statements tell by themselves."""
    global _slow_seconds  # noqa: PLW0603  # one threshold for a process
    _slow_seconds = slow_seconds
    for engine in engines:
        event.listen(engine, "before_cursor_execute", _begun)
        event.listen(engine, "after_cursor_execute", _ended)


def _begun(_connection: Any, _cursor: Any, _sql: str, _values: Any, context: Any, _many: bool) -> None:
    context.noteassist_begun = time.perf_counter()


def _ended(_connection: Any, _cursor: Any, sql: str, _values: Any, context: Any, _many: bool) -> None:
    statement_ran(sql, time.perf_counter() - context.noteassist_begun)
