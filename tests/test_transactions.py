"""Transactions leave nothing behind, however they end."""

import pytest
from sqlalchemy import exc, text

from noteassist import db


@pytest.fixture
def lost_connection(context, monkeypatch):
    """Let rolling back fail, as it does when the server went away meanwhile."""

    def fail():
        raise exc.OperationalError("ROLLBACK", None, Exception("the connection is lost"))

    monkeypatch.setattr(db.db.session, "rollback", fail)


def test_a_thread_whose_rollback_failed_can_begin_again(lost_connection):
    with pytest.raises(ZeroDivisionError), db.transaction():
        db.execute(text("SELECT 1"))
        _ = 1 / 0
    db.db.session.remove()
    with db.transaction():
        assert db.execute(text("SELECT 2")).scalar_one() == 2


def test_what_a_refusal_leaves_behind_is_written_all_the_same(lost_connection):
    left = []
    with pytest.raises(ZeroDivisionError), db.transaction():
        db.after_rollback(lambda: left.append("written"))
        _ = 1 / 0
    assert left == ["written"]


def test_a_transaction_that_sent_nothing_costs_nothing(context, statements):
    with db.transaction():
        pass
    assert statements == []


def test_a_checkpoint_keeps_what_was_done_and_goes_on(context):
    with pytest.raises(ZeroDivisionError), db.transaction():
        db.execute(text("DELETE FROM ai_gates"))
        db.execute(text("INSERT INTO ai_gates (provider, failures, reason) VALUES ('kept', 0, '')"))
        db.checkpoint()
        db.execute(text("INSERT INTO ai_gates (provider, failures, reason) VALUES ('lost', 0, '')"))
        _ = 1 / 0
    assert [row.provider for row in db.read_rows(text("SELECT provider FROM ai_gates"))] == ["kept"]


def test_a_transaction_within_another_is_a_mistake(context):
    with db.transaction(), pytest.raises(RuntimeError), db.transaction():
        pass
