"""Statements of every request: compiled once, and run on the driver's own cursor.

SQLAlchemy's execution of a short SELECT takes four times the processor time of the driver's
(docs/adr/0026-hot-statements-on-the-driver.md). Here its compiler and its types are used, and its execution is not.
"""

import threading
import time
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Engine, Executable, PoolProxiedConnection, exc
from sqlalchemy.sql.compiler import SQLCompiler

from noteassist.db.watching import statement_ran

# Are told each statement and its parameters before it is sent.
observers: list[Callable[[str, Any], None]] = []
_CURSOR = "noteassist.cursor"


class Prepared:
    """A statement with bound parameters that is run again and again; it is not to have lists as parameters."""

    def __init__(self, statement: Executable) -> None:
        self.statement = statement
        self.lock = threading.Lock()
        self.plans: dict[str, Plan] = {}

    def run(
        self, engine: Engine, connection: PoolProxiedConnection, parameters: Mapping[str, Any]
    ) -> Sequence[Any]:
        """Run it and give its rows as named tuples.

        Raises what SQLAlchemy would: the driver's error within a DBAPIError. A connection that is broken then is
        invalidated.
        """
        plan = self.plans.get(engine.dialect.name) or self._planned(engine, parameters)
        values = plan.bound(parameters)
        for tell in observers:
            tell(plan.sql, values)
        try:
            cursor = connection.info.get(_CURSOR)
            if cursor is None:
                cursor = connection.info[_CURSOR] = connection.cursor()
            begun = time.perf_counter()
            cursor.execute(plan.sql, values)
            found = plan.rows(cursor)
            statement_ran(plan.sql, time.perf_counter() - begun)
        except engine.dialect.loaded_dbapi.Error as error:
            raise _wrapped(error, plan.sql, engine, connection) from error
        return found

    def _planned(self, engine: Engine, parameters: Mapping[str, Any]) -> "Plan":
        with self.lock:
            return self.plans.setdefault(engine.dialect.name, Plan(self.statement, engine, parameters))


class Plan:
    """How a statement is run on one kind of database."""

    def __init__(self, statement: Executable, engine: Engine, parameters: Mapping[str, Any]) -> None:
        """Compile the statement; the names of `parameters` are those of every run."""
        compiled = statement.compile(dialect=engine.dialect)  # type: ignore[attr-defined]  # every executable has it
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("a prepared statement is a query")
        required = {name: bind for bind, name in compiled.bind_names.items() if bind.required}
        if any(bind.expanding for bind in required.values()):
            raise TypeError("a prepared statement takes no lists")
        # Lists that stand in the statement itself are written out once and for all.
        state = compiled.construct_expanded_state(dict(parameters))
        self.sql, self.order = state.statement, state.positiontup
        # What SQLAlchemy's own execution uses.
        binders = {**compiled._bind_processors, **state.processors}  # noqa: SLF001
        processes = {name: process for name, process in binders.items() if callable(process)}
        # Most parameters go to the driver as they are.
        self.plain = tuple(name for name in required if name not in processes)
        self.processed = tuple((name, processes[name]) for name in required if name in processes)
        self.constants = {
            name: processes[name](value) if name in processes else value
            for name, value in state.parameters.items()
            if name not in required
        }
        self.dialect = engine.dialect
        self.columns = compiled._result_columns  # noqa: SLF001
        self.names = tuple(column.keyname for column in self.columns)
        self.has_rows: bool | None = None
        self.results: list[tuple[int, Any]] = []
        self.make: Callable[[Sequence[Any]], Any] | None = None

    def bound(self, parameters: Mapping[str, Any]) -> Any:
        """Give the parameters as the driver takes them; raises KeyError for one that is missing."""
        values = self.constants.copy()
        for name in self.plain:
            values[name] = parameters[name]
        for name, process in self.processed:
            values[name] = process(parameters[name])
        return values if self.order is None else [values[name] for name in self.order]

    def rows(self, cursor: Any) -> Sequence[Any]:
        """Read all rows; none of a statement that gives none."""
        if self.has_rows is None:
            self.has_rows = cursor.description is not None
        found = cursor.fetchall() if self.has_rows else ()
        if not found:
            return []
        make = self.make or self._learn(cursor.description)
        if self.results:
            found = [self._processed(row, self.results) for row in found]
        return [make(row) for row in found]

    def _learn(self, description: Sequence[Any]) -> Callable[[Sequence[Any]], Any]:
        """Learn from the driver's first rows how those of this statement are made."""
        self.results = self._processes(description)
        self.make = _row_class(self.names or tuple(column[0] for column in description))
        return self.make

    def _processes(self, description: Sequence[Any]) -> list[tuple[int, Any]]:
        """List the columns whose values are not the driver's, with what makes them; some types ask for the driver's."""
        processes = (
            column.type.dialect_impl(self.dialect).result_processor(self.dialect, description[number][1])
            for number, column in enumerate(self.columns)
        )
        return [(number, process) for number, process in enumerate(processes) if process is not None]

    @staticmethod
    def _processed(row: Sequence[Any], results: Sequence[tuple[int, Any]]) -> list[Any]:
        values = list(row)
        for number, process in results:
            values[number] = process(values[number])
        return values


@lru_cache(maxsize=512)
def _row_class(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    made: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # the names come from the statement
    return cast("Callable[[Sequence[Any]], Any]", made._make)


def connect(engine: Engine) -> PoolProxiedConnection:
    """Take a connection from the pool; raises TimeoutError when all are busy, and DBAPIError."""
    try:
        return engine.raw_connection()
    except engine.dialect.loaded_dbapi.Error as error:
        raise _error(error, None, engine, is_broken=True) from error


def send(engine: Engine, connection: PoolProxiedConnection, sql: str) -> None:
    """Run plain SQL that is none of the application's statements; raises DBAPIError, see `Prepared.run`."""
    _do(engine, connection, sql, lambda: connection.cursor().execute(sql))


def commit(engine: Engine, connection: PoolProxiedConnection) -> None:
    """Commit, if a transaction is open; raises DBAPIError."""
    _do(engine, connection, "COMMIT", connection.commit)


def rollback(engine: Engine, connection: PoolProxiedConnection) -> None:
    """Roll back, if a transaction is open; raises DBAPIError."""
    _do(engine, connection, "ROLLBACK", connection.rollback)


def _do(engine: Engine, connection: PoolProxiedConnection, sql: str, action: Callable[[], object]) -> None:
    try:
        action()
    except engine.dialect.loaded_dbapi.Error as error:
        raise _wrapped(error, sql, engine, connection) from error


def _wrapped(error: Exception, sql: str, engine: Engine, connection: PoolProxiedConnection) -> Exception:
    """Make SQLAlchemy's error of a driver's, and give up the connection where it is broken."""
    is_broken = engine.dialect.is_disconnect(error, connection.driver_connection, None)  # type: ignore[arg-type]  # the driver's own
    if is_broken:
        connection.invalidate(error)
    return _error(error, sql, engine, is_broken=is_broken)


def _error(error: Exception, sql: str | None, engine: Engine, *, is_broken: bool) -> Exception:
    made = exc.DBAPIError.instance(
        sql,
        None,
        error,
        engine.dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=is_broken,
        dialect=engine.dialect,
    )
    return made if isinstance(made, Exception) else error
