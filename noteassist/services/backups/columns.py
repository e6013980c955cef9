"""How values stand in a backup: as JSON, whichever database they come from."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Text,
    Uuid,
    cast,
)
from sqlalchemy.types import TypeEngine

from noteassist import db

# The first that fits; a subclass before its parent.
_KINDS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (db.UtcDateTime, "time"),
    (DateTime, "time"),
    (Date, "date"),
    (JSON, "json"),
    (Uuid, "uuid"),
    (Boolean, "boolean"),
    (Integer, "integer"),
    (Float, "float"),
    (Numeric, "decimal"),
    (LargeBinary, "bytes"),
    (String, "text"),
)
# As what a kind is written into a database. JSON is carried as the text that it is.
TYPES: Mapping[str, TypeEngine[Any]] = {
    "time": db.UtcDateTime(),
    "date": Date(),
    "json": Text(),
    "uuid": Uuid(as_uuid=False),
    "boolean": Boolean(),
    "integer": BigInteger(),
    "float": Float(),
    "decimal": Numeric(),
    "bytes": LargeBinary(),
    "text": Text(),
}
_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "time": datetime.fromisoformat,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "bytes": b64decode,
}


def kind_of(column: Column[Any]) -> str:
    """Name the kind of a column; raises TypeError for a type that no backup knows yet."""
    for type_, kind in _KINDS:
        if isinstance(column.type, type_):
            return kind
    raise TypeError(f"a backup does not know how to keep {column.table.name}.{column.name}")


def read_as(column: Column[Any]) -> Any:
    """Make what is selected of a column: JSON as its text, so that it comes back letter by letter."""
    return cast(column, Text).label(column.name) if kind_of(column) == "json" else column


def encoded(value: object) -> str:
    """Write a value that JSON has no form for; times and dates are known to orjson."""
    if isinstance(value, bytes | memoryview):
        return b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"no column holds a {type(value).__name__}")


def decoder(kinds: list[str]) -> Callable[[list[Any]], list[Any]]:
    """Make what reads the values of a row of columns of these kinds."""
    places = [(place, _DECODERS[kind]) for place, kind in enumerate(kinds) if kind in _DECODERS]

    def decode(row: list[Any]) -> list[Any]:
        for place, read in places:
            if row[place] is not None:
                row[place] = read(row[place])
        return row

    return decode
