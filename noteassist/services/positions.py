"""The places of chapters in a note and of topics in a chapter: 1, 2, ... without gaps.

A place is unique at every moment, also half-way through a statement. So rows that move first step aside, to
negative places, and then take their new ones.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from noteassist import db
from noteassist.models import Chapter, Topic

# The column that says within what a row has its place.
PARENTS = {Chapter: Chapter.note_id, Topic: Topic.chapter_id}


def ids_in_order(model: type[Chapter] | type[Topic], user_id: int, parent_id: int) -> list[int]:
    """Read the ids of a note's chapters, or of a chapter's topics."""
    own = (model.user_id == user_id) & (PARENTS[model] == parent_id)
    return [row.id for row in db.rows(select(model.id).where(own).order_by(model.position))]


def placed(ids: Sequence[int], moved: int, order: int | None) -> list[int]:
    """Give the ids with `moved` at place `order`, counted from 1; last when it is None or beyond the end."""
    others = [other for other in ids if other != moved]
    index = len(others) if order is None else min(order - 1, len(others))
    return [*others[:index], moved, *others[index:]]


def renumber(model: type[Chapter] | type[Topic], user_id: int, parent_id: int, ids: Sequence[int]) -> None:
    """Give the rows of one parent the places that `ids` says."""
    step_aside(model, (model.user_id == user_id) & (PARENTS[model] == parent_id))
    records = [{"id": row_id, "position": place} for place, row_id in enumerate(ids, 1)]
    db.update_rows(model, user_id, records)


def step_aside(model: type[Chapter] | type[Topic], condition: Any) -> None:
    """Make the places of the rows negative."""
    db.execute(update(model).where(condition, model.position > 0).values(position=-model.position))
