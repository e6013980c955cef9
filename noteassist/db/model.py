"""What every model is made of: the base, the types, and the session behind them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, Row, Select, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.type_api import TypeEngine

AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """What every model is."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, disable_autonaming=True)

Id = BigInteger().with_variant(Integer, "sqlite")
# Both databases then sort and compare by code point, whatever the locale of the server.
Sortable = Text().with_variant(Text(collation="C"), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC; refuses naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bring a value to UTC; raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone")
        return value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Make SQLite's naive values aware; PostgreSQL's come aware, at no cost, from a session in UTC."""
        if dialect.name == "postgresql":
            return None
        parse = cast("TypeEngine[datetime]", self.impl_instance).result_processor(dialect, coltype)

        def aware(value: Any) -> datetime | None:
            found = parse(value) if parse else value
            return None if found is None else found.replace(tzinfo=UTC)

        return aware


def utcnow() -> datetime:
    """Tell the time, aware and in UTC."""
    return datetime.now(UTC)


def is_postgresql() -> bool:
    """Say which of the two databases is behind."""
    # Asked several times a request; the engine would say it for three times the work.
    address: str = current_app.config["SQLALCHEMY_DATABASE_URI"]
    return address.startswith("postgresql")
