"""The list of notes and a note, each read together with the session of whoever asks: one round trip instead of two.

What is read belongs to the user that the token names. It is shown to nobody before the session, which comes with it,
was looked at.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, true

from noteassist import db
from noteassist.models import Chapter, Topic
from noteassist.paging import Order, Page, PageRequest, page_of, page_select
from noteassist.security.actors import Actor
from noteassist.security.sessions import LIVE_SESSION, Bearer, actor_of, session_parameters
from noteassist.services.note_trees import Tree, present_note, tree_of, tree_select
from noteassist.services.notes import ORDERINGS, NoteFilter, listing

USUAL_ORDER = ORDERINGS["-created_at"]
_WIDTH = len(LIVE_SESSION.selected_columns)


class Read(NamedTuple):
    """Whose session it is (None: of nobody any more), and the rows that were read."""

    actor: Actor | None
    rows: Sequence[Sequence[Any]]


def read_first_page(bearer: Bearer, now: datetime, size: int) -> tuple[Actor | None, Page]:
    """Read the newest notes; a page of at most `size`."""
    found = _read(_first_page(), bearer, now, {"page_limit": size + 1})
    return found.actor, page_of(found.rows, USUAL_ORDER, PageRequest(size), present_note)


def read_note(bearer: Bearer, now: datetime, note_id: int) -> tuple[Actor | None, Tree | None]:
    """Read a note as a whole; None where the user has no such note."""
    found = _read(_note(), bearer, now, {"note": note_id})
    return found.actor, tree_of(found.rows)


@db.per_database
def _first_page() -> db.Prepared:
    wanted = page_select(listing(USUAL_ORDER, *NoteFilter().shape(None)), USUAL_ORDER)
    return db.Prepared(_in_session(wanted, USUAL_ORDER))


@db.per_database
def _note() -> db.Prepared:
    return db.Prepared(_in_session(tree_select(), Order((Chapter.position, Topic.position))))


def _in_session(wanted: db.AnySelect, order: Order) -> db.AnySelect:
    """Put the columns of a live session before those of a SELECT, and keep one row where that has none."""
    session = LIVE_SESSION.cte("session")
    found = wanted.subquery("found")
    outside: list[Any] = [found.corresponding_column(column.__clause_element__()) for column in order.columns]
    together = select(*session.c, *found.c).select_from(session.outerjoin(found, true()))
    return together.order_by(*(column.desc() if order.descending else column for column in outside))


def _read(statement: db.Prepared, bearer: Bearer, now: datetime, parameters: dict[str, Any]) -> Read:
    rows = db.read_rows(statement, session_parameters(bearer, now) | parameters)
    if not rows:
        return Read(None, ())
    has_any = rows[0][_WIDTH] is not None
    return Read(actor_of(rows[0], bearer), [row[_WIDTH:] for row in rows] if has_any else ())
