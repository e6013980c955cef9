"""Transactions leave nothing behind, however they end."""

import pytest
from sqlalchemy import exc, text

from noteassist import db
from noteassist.db import held, transactions


@pytest.fixture
def lost_connection(context, monkeypatch):
    """Let rolling back fail once, as it does when the server went away meanwhile; gives what was tried."""
    tried = []
    roll_back = held.prepared.rollback

    def fail(engine, connection):
        tried.append(connection)
        if len(tried) == 1:
            raise exc.OperationalError("ROLLBACK", None, Exception("the connection is lost"))
        roll_back(engine, connection)

    monkeypatch.setattr(held.prepared, "rollback", fail)
    return tried


def test_a_thread_whose_rollback_failed_can_begin_again(lost_connection):
    with pytest.raises(ZeroDivisionError), db.transaction():
        db.execute(text("DELETE FROM users"))
        _ = 1 / 0
    assert len(lost_connection) == 1 and not lost_connection[0].is_valid
    with db.transaction():
        assert db.execute(text("SELECT 2")).scalar_one() == 2


@pytest.mark.parametrize("is_prepared", [False, True])
def test_a_connection_that_dies_within_a_transaction_is_not_used_again(context, is_prepared):
    statement = text("DELETE FROM users RETURNING id")
    db.begin_request()
    try:
        with pytest.raises(exc.DBAPIError), db.transaction():
            db.execute(text("DELETE FROM users"))
            transactions._held.get().pooled.driver_connection.close()
            db.rows(db.Prepared(statement) if is_prepared else statement)
        with db.transaction():
            assert db.execute(text("SELECT 2")).scalar_one() == 2
    finally:
        db.end_request()


def test_what_was_not_committed_is_gone_when_a_connection_is_given_back(context):
    connection = held.HeldConnection()
    connection.begin()
    connection.execute(text("INSERT INTO ai_gates (provider, failures, reason) VALUES ('lost', 0, '')"), None)
    connection.release()
    assert db.read_rows(text("SELECT provider FROM ai_gates")) == []


def test_reads_of_a_transaction_that_has_begun_are_part_of_it(context):
    with pytest.raises(ZeroDivisionError), db.transaction():
        db.execute(text("INSERT INTO ai_gates (provider, failures, reason) VALUES ('lost', 0, '')"))
        assert len(db.read_rows(text("SELECT provider FROM ai_gates"))) == 1
        _ = 1 / 0
    assert db.read_rows(text("SELECT provider FROM ai_gates")) == []


def test_a_request_has_one_connection_for_all_it_does(context):
    pool = db.direct().pool
    before = pool.checkedout()
    db.begin_request()
    try:
        db.read_rows(text("SELECT 1"))
        with db.transaction():
            db.execute(text("DELETE FROM ai_gates"))
            db.read_rows(text("SELECT 1"))
            assert pool.checkedout() == before + 1
    finally:
        db.end_request()
    assert pool.checkedout() == before


def test_what_a_refusal_leaves_behind_is_written_all_the_same(lost_connection):
    left = []
    with pytest.raises(ZeroDivisionError), db.transaction():
        db.execute(text("SELECT 1"))
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


def test_a_statement_alone_is_a_transaction_and_so_is_not_for_the_inside_of_one(context):
    gate = "INSERT INTO ai_gates (provider, failures, reason) VALUES ('kept', 0, '') RETURNING provider"
    [row] = db.execute_alone(db.Prepared(text(gate)), {})
    assert row.provider == "kept"
    with pytest.raises(RuntimeError), db.transaction():
        db.execute_alone(db.Prepared(text("DELETE FROM ai_gates RETURNING 1")), {})
    assert [row.provider for row in db.read_rows(text("SELECT provider FROM ai_gates"))] == ["kept"]


def test_what_fails_after_a_commit_is_logged_and_the_rest_is_done(context, caplog):
    done = []
    with db.transaction():
        db.after_commit(lambda: 1 / 0)
        db.after_commit(lambda: done.append("second"))
    assert done == ["second"] and "an action after a commit failed" in caplog.text
