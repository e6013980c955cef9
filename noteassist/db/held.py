"""A connection that is held for a while: for the statements of a request, or of one transaction.

It is in AUTOCOMMIT as far as SQLAlchemy and the driver know. A transaction is begun and ended here, by name, on the
driver: SQLAlchemy's session does the same for seven times the processor time
(docs/adr/0027-one-connection-and-our-own-begin.md).
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable, PoolProxiedConnection, exc

from noteassist.db import prepared
from noteassist.db.model import db
from noteassist.db.prepared import Prepared

log = logging.getLogger(__name__)

# SQLite's plain BEGIN locks at the first write only: a read-modify-write would fail, or lose an update.
#
# And SQLite 3.40 reads a schema that another connection has changed (by ANALYZE, say) too late for a DELETE that
# fires triggers of a virtual table: "no such table". A look at the schema makes it read it now.
_BEGIN = {
    "postgresql": ("BEGIN",),
    "sqlite": ("BEGIN IMMEDIATE", "SELECT 1 FROM sqlite_master LIMIT 1"),
}


def direct() -> Engine:
    """Give the engine that the application's statements run on, in AUTOCOMMIT."""
    return db.engines["direct"]


class HeldConnection:
    """A connection, taken from the pool with the first statement: that costs more than a short statement does."""

    def __init__(self) -> None:
        # Asking Flask-SQLAlchemy for it each time costs more than the rest of this class.
        self.engine = direct()
        self.pooled: PoolProxiedConnection | None = None
        self.connection: Connection | None = None
        self.is_in_transaction = False

    def begin(self) -> None:
        """Begin a transaction; raises DBAPIError, and TimeoutError when all connections are busy."""
        pooled = self._pooled()
        try:
            for statement in _BEGIN[self.engine.dialect.name]:
                prepared.send(self.engine, pooled, statement)
        except exc.DBAPIError:
            self._give_up()
            raise
        self.is_in_transaction = True

    def commit(self) -> None:
        """End the transaction; raises DBAPIError when it cannot be known to be durable."""
        self.is_in_transaction = False
        try:
            prepared.commit(self.engine, self._pooled())
        except exc.DBAPIError:
            self._give_up()
            raise

    def rollback(self) -> None:
        """Take the transaction back; where even that fails, the connection is gone, and with it the transaction."""
        was_in_transaction, self.is_in_transaction = self.is_in_transaction, False
        if self.pooled is None:
            return
        if not self.pooled.is_valid:
            self._give_up()
        elif was_in_transaction:
            try:
                prepared.rollback(self.engine, self.pooled)
            except exc.DBAPIError as error:
                log.warning("a transaction ended with its connection: %s", type(error).__name__)
                self._give_up()

    def rows(self, statement: Executable | Prepared, parameters: Mapping[str, Any] | None) -> Sequence[Any]:
        """Run a statement and give its rows; raises DBAPIError.

        Outside of a transaction the next statement after an error has a new connection.
        """
        try:
            if isinstance(statement, Prepared):
                return statement.run(self.engine, self._pooled(), parameters or {})
            return self.execute(statement, parameters).all()
        except exc.DBAPIError:
            if not self.is_in_transaction:
                self.release()
            raise

    def execute(self, statement: Executable | Prepared, parameters: Any) -> CursorResult[Any]:
        """Run a statement the usual way; raises DBAPIError."""
        if self.connection is None:
            self.connection = Connection(self.engine, self._pooled())
        core = statement.statement if isinstance(statement, Prepared) else statement
        return self.connection.execute(core, parameters)

    def release(self) -> None:
        """Give the connection back to the pool; a transaction that is still open is taken back."""
        if self.is_in_transaction:
            self.rollback()
        connection, pooled = self.connection, self.pooled
        self.connection = self.pooled = None
        if connection is not None:
            connection.close()
        elif pooled is not None:
            pooled.close()

    def _pooled(self) -> PoolProxiedConnection:
        if self.pooled is None:
            self.pooled = prepared.connect(self.engine)
        return self.pooled

    def _give_up(self) -> None:
        """Throw the connection away: nobody knows what state it is in."""
        connection, pooled = self.connection, self.pooled
        self.connection = self.pooled = None
        with suppress(exc.SQLAlchemyError):
            if pooled is not None and pooled.is_valid:
                pooled.invalidate()
            if connection is not None:
                connection.close()
