"""Prepared statements answer as the same statements do through SQLAlchemy, and fail as they do."""

import uuid

import pytest
from sqlalchemy import bindparam, cast, exc, literal, select, text

from noteassist import db
from noteassist.models import AiOutput, Note, Profile, Task, TaskEvent, User
from noteassist.models.tasks import TaskId
from noteassist.services.tasks.creation import create

pytestmark = pytest.mark.usefixtures("context")


def both_ways(statement, parameters):
    """Run a statement both ways, outside of a transaction."""
    direct = db.read_rows(db.Prepared(statement), parameters)
    with db.direct().connect() as connection:
        return [tuple(row) for row in direct], [
            tuple(row) for row in connection.execute(statement, parameters)
        ]


@pytest.fixture
def owner(alice, do_tasks):
    """The id of Alice, who has two notes, an AI output, and tasks with every kind of value."""
    for title in ("Cells", "Ökologie 生物 🙂"):
        alice.post("/api/notes/", json={"title": title, "tags": ["a", "b"]})
    number = alice.get("/api/auth/me/").json["id"]
    alice.post("/api/ai-tools/summarize/", json={"content": "Cells divide. Then they rest."})
    do_tasks()
    with db.transaction():
        create("mail", {"text": "ü\x01", "list": [1, None, {"a": 2.5}]}, user_id=number, delay=60.0)
    return number


@pytest.mark.parametrize("model", [User, Profile, Note, Task, AiOutput])
def test_rows_of_every_type_are_the_same(owner, model):
    key = User.id if model is User else model.user_id
    direct, usual = both_ways(
        select(model.__table__).where(key == bindparam("owner")).order_by(text("1")), {"owner": owner}
    )
    assert direct and direct == usual


def test_parameters_of_every_type_are_bound_the_same(owner):
    task = select(Task.id, Task.args, Task.created_at, Task.is_cached).where(
        Task.id == bindparam("task", type_=TaskId),
        Task.created_at <= bindparam("now", type_=Task.created_at.type),
        Task.is_cached == bindparam("cached", type_=Task.is_cached.type),
    )
    mine = (Task.user_id == owner) & (Task.kind == "mail")
    [task_id] = [row.id for row in db.read_rows(select(Task.id).where(mine))]
    direct, usual = both_ways(task, {"task": task_id, "now": db.utcnow(), "cached": False})
    assert direct == usual and direct[0][0] == task_id


def test_constants_of_a_statement_and_its_limit_are_bound(owner):
    statement = (
        select(Note.title, literal("fixed").label("word"))
        .where(Note.user_id == bindparam("owner"), Note.status == "draft")
        .order_by(Note.id)
        .limit(bindparam("size"))
    )
    direct, usual = both_ways(statement, {"owner": owner, "size": 1})
    assert direct == usual == [("Cells", "fixed")]


def test_a_list_in_the_statement_itself_is_bound(owner):
    statement = select(Note.title).where(
        Note.user_id == bindparam("owner"), Note.title.in_(("Cells", "Atoms")), Note.status.in_(["draft"])
    )
    direct, usual = both_ways(statement, {"owner": owner})
    assert direct == usual == [("Cells",)]


def test_rows_have_the_names_of_the_columns_even_of_plain_sql(owner):
    [row] = db.read_rows(db.Prepared(text("SELECT :a AS first, 2 AS second")), {"a": "x"})
    assert (row.first, row.second, row[1]) == ("x", 2, 2)


def test_a_statement_without_rows_gives_none(owner):
    assert db.read_rows(db.Prepared(select(TaskEvent.id).where(TaskEvent.id < 0))) == []


def test_in_a_transaction_it_sees_what_the_transaction_wrote(owner):
    notes = db.Prepared(select(Note.title).where(Note.user_id == bindparam("owner")))
    with db.transaction():
        db.execute(text("DELETE FROM notes WHERE user_id = :owner"), {"owner": owner})
        assert db.rows(notes, {"owner": owner}) == []
    assert db.read_rows(notes, {"owner": owner}) == []


def test_errors_are_those_of_sqlalchemy_and_the_next_read_works(owner):
    db.begin_request()
    try:
        with pytest.raises(exc.DBAPIError) as caught:
            db.read_rows(db.Prepared(text("SELECT * FROM nothing_of_ours")))
        assert "nothing_of_ours" in str(caught.value)
        assert db.read_rows(db.Prepared(text("SELECT 1 AS one")))[0].one == 1
    finally:
        db.end_request()


@pytest.mark.parametrize("count", [1, 50])
def test_a_missing_parameter_is_an_error(owner, count):
    names = " + ".join(f":a{number}" for number in range(count))
    statement = db.Prepared(text(f"SELECT {names}"))
    with pytest.raises((KeyError, exc.InvalidRequestError)):
        db.read_rows(statement, {})


def test_a_list_as_a_parameter_is_refused_at_once(owner):
    statement = select(Note.id).where(Note.id.in_(bindparam("ids", expanding=True)))
    with pytest.raises(TypeError):
        db.read_rows(db.Prepared(statement), {"ids": [1]})


def test_a_value_that_its_type_refuses_is_refused(owner):
    statement = select(Note.id).where(Note.created_at > bindparam("since", type_=Note.created_at.type))
    with pytest.raises((ValueError, exc.StatementError)):
        db.read_rows(db.Prepared(statement), {"since": db.utcnow().replace(tzinfo=None)})


def test_ids_of_tasks_are_text_both_ways(owner):
    identity = str(uuid.uuid4())
    statement = select(cast(bindparam("id", type_=TaskId), TaskId).label("id"))
    direct, usual = both_ways(statement, {"id": identity})
    assert direct == usual == [(identity,)]


def test_a_statement_that_gives_no_rows_can_be_run_again_and_again(owner):
    rename = db.Prepared(text("UPDATE notes SET title = :title WHERE user_id = :owner"))
    for title in ("one", "two"):
        with db.transaction():
            assert list(db.rows(rename, {"owner": owner, "title": title})) == []
    assert {row.title for row in db.read_rows(select(Note.title).where(Note.user_id == owner))} == {"two"}
