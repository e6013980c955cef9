"""What is sent to the database, and how the database would do it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from noteassist import db


@contextmanager
def statements_sent(keep: Callable[[str, Any], Any]) -> Iterator[list[Any]]:
    """Collect what `keep` makes of each statement and its parameters that are sent meanwhile."""
    sent: list[Any] = []

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        sent.append(keep(statement, parameters))

    def observe(statement: str, parameters: Any) -> None:
        sent.append(keep(statement, parameters if isinstance(parameters, dict) else tuple(parameters)))

    engines = (db.db.engine, db.direct())
    for engine in engines:
        event.listen(engine, "before_cursor_execute", listen)
    db.observers.append(observe)
    try:
        yield sent
    finally:
        db.observers.remove(observe)
        for engine in engines:
            event.remove(engine, "before_cursor_execute", listen)


def plans_of(action: Callable[[], object]) -> str:
    """Give the plans of the statements that an action sends, as one text."""
    with statements_sent(lambda *given: given) as sent:
        action()
    prefix = "EXPLAIN " if db.is_postgresql() else "EXPLAIN QUERY PLAN "
    with db.direct().connect() as connection:
        plans = [connection.exec_driver_sql(prefix + statement, given).all() for statement, given in sent]
    return "\n".join(str(row) for plan in plans for row in plan)
