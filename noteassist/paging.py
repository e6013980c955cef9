"""Keyset pages: the rows after or before a known one, so that inserts neither skip nor repeat a row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, tuple_

from noteassist import db

DEFAULT_SIZE, MAXIMUM_SIZE = 20, 100


@dataclass(frozen=True)
class Position:
    """A place in a list: the key of a row, and whether the page lies before it."""

    key: tuple[Any, ...]
    backward: bool = False


@dataclass(frozen=True)
class PageRequest:
    """Which page is asked for: at most `size` rows next to `position`, or the first ones."""

    size: int = DEFAULT_SIZE
    position: Position | None = None


@dataclass(frozen=True)
class Page:
    """Rows as dictionaries, and where the neighbouring pages are (None at an end)."""

    results: list[dict[str, Any]]
    next: Position | None
    previous: Position | None


@dataclass(frozen=True)
class Order:
    """What a list is sorted by: columns that together are unique, all in one direction."""

    columns: tuple[Any, ...]
    descending: bool = False


def fetch_page(
    build: Callable[..., db.AnySelect],
    arguments: tuple[Any, ...],
    order: Order,
    request: PageRequest,
    present: Callable[[db.AnyRow], dict[str, Any]],
    parameters: dict[str, Any],
) -> Page:
    """Run `build(*arguments)` for one page and show each row with `present`.

    `build` gives the SELECT without order and limit; its values are bound parameters, given in `parameters`, so
    that the statement is built once for each kind of list. The last columns of the SELECT must be the order's.
    """
    backward = request.position is not None and request.position.backward
    kind = (db.is_postgresql(), request.position is not None, backward)
    statement = _page_statement(build, arguments, order, kind)
    values = parameters | {"page_limit": request.size + 1}
    if request.position is not None:
        values |= {f"key_{index}": value for index, value in enumerate(request.position.key)}
    return page_of(db.rows(statement, values), order, request, present)


def page_of(
    found: Sequence[Sequence[Any]],
    order: Order,
    request: PageRequest,
    present: Callable[[Any], dict[str, Any]],
) -> Page:
    """Make a page of the rows that were found, of which there is one more than is shown where there are more."""
    backward = request.position is not None and request.position.backward
    has_more = len(found) > request.size
    shown = list(found[: request.size])
    if backward:
        shown.reverse()
    width = len(order.columns)
    results = [present(row) for row in shown]
    if not shown:
        return Page([], None, None)
    following = Position(tuple(shown[-1][-width:])) if has_more or backward else None
    preceding = Position(tuple(shown[0][-width:]), backward=True)
    has_preceding = has_more if backward else request.position is not None
    return Page(results, following, preceding if has_preceding else None)


@lru_cache(maxsize=1024)
def _page_statement(
    build: Callable[..., db.AnySelect],
    arguments: tuple[Any, ...],
    order: Order,
    kind: tuple[bool, bool, bool],
) -> db.Prepared:
    _, placed, backward = kind
    return db.Prepared(page_select(build(*arguments), order, placed=placed, backward=backward))


def page_select(
    statement: db.AnySelect, order: Order, *, placed: bool = False, backward: bool = False
) -> db.AnySelect:
    """Put order and limit to a SELECT; `placed` next to a known row, which is the first page otherwise."""
    descending = order.descending != backward
    if placed:
        key = tuple_(*(bindparam(f"key_{i}", type_=column.type) for i, column in enumerate(order.columns)))
        row = tuple_(*order.columns)
        statement = statement.where(row < key if descending else row > key)
    directed = [column.desc() if descending else column.asc() for column in order.columns]
    return statement.order_by(*directed).limit(bindparam("page_limit"))
