"""docs/scaling.md says of every table whether it could be distributed by user; the models say whether that is so."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Table, UniqueConstraint

from noteassist.db import Base

DOCUMENT = (Path(__file__).parents[1] / "docs/scaling.md").read_text()
SECTION = DOCUMENT.partition("## Sharding by `user_id`")[2].partition("\n## ")[0]
TABLES = sorted(Base.metadata.sorted_tables, key=lambda table: table.name)


def said() -> dict[str, str]:
    """What the document says of each table."""
    found: dict[str, str] = {}
    for names, answer in re.findall(r"^\| (`.*?) \| (yes|nearly|no) \|", SECTION, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            assert name not in found, f"{name} stands there twice"
            found[name] = answer
    return found


def keys(table: Table) -> list[set[str]]:
    """The columns of everything but the primary key that has to be unique."""
    constraints = [c.columns.keys() for c in table.constraints if isinstance(c, UniqueConstraint)]
    indexes = [index.columns.keys() for index in table.indexes if index.unique]
    return [set(names) for names in (*constraints, *indexes)]


def readiness(table: Table) -> str:
    """What the rules of a table that is distributed by `user_id` say."""
    owner = "id" if table.name == "users" else "user_id"
    if owner not in table.c or table.c[owner].nullable:
        return "no"
    foreign = [set(constraint.columns.keys()) for constraint in table.foreign_key_constraints]
    if not all(owner in names for names in (*keys(table), *foreign)):
        return "no"
    names = table.primary_key.columns.keys()
    # What is found by a secret from outside has another key than its number.
    return "yes" if owner in names else "nearly" if names == ["id"] else "no"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_document_says_of_each_table_what_the_models_say(table: Table) -> None:
    assert said().get(table.name) == readiness(table)
