"""Finished answers in memory: bounded, and shared fairly."""

import threading

import pytest

from noteassist.kept_answers import OVERHEAD, SHARES, KeptAnswer, KeptAnswers

MANY = 1000


def answer(size=0, version=1):
    """An answer whose body has so many bytes."""
    return KeptAnswer("epoch", version, "/api/notes/", (), "tag", b"x" * size)


@pytest.fixture
def kept():
    """Room for 160 answers without a body, 10 of them for each user."""
    return KeptAnswers(SHARES * 10 * OVERHEAD)


def names(kept, user_id):
    return [name for name in range(MANY) if kept.get(user_id, name) is not None]


def test_an_answer_is_given_to_whom_it_is_for_and_to_nobody_else(kept):
    kept.put(1, "list", answer(5))
    assert kept.get(1, "list") == answer(5)
    assert kept.get(2, "list") is None and kept.get(1, "detail") is None


def test_a_newer_answer_takes_the_place_and_the_room_of_the_older_one(kept):
    for version in range(MANY):
        kept.put(1, "list", answer(10, version))
    assert kept.get(1, "list").version == MANY - 1
    assert kept.size == 10 + OVERHEAD


def test_whoever_has_too_many_loses_their_own_oldest_ones(kept):
    kept.put(2, 0, answer())
    for name in range(12):
        kept.put(1, name, answer())
    assert names(kept, 1) == list(range(2, 12)) and names(kept, 2) == [0]


def test_what_was_asked_for_lately_stays(kept):
    for name in range(10):
        kept.put(1, name, answer())
    kept.get(1, 0)
    kept.put(1, 10, answer())
    assert names(kept, 1) == [0, *range(2, 11)]


def test_one_users_giant_notes_push_out_nobody_elses(kept):
    for user_id in range(2, 12):
        kept.put(user_id, 0, answer())
    for name in range(MANY):
        kept.put(1, name, answer(8 * OVERHEAD))
    assert all(kept.get(user_id, 0) for user_id in range(2, 12))
    assert kept.size <= kept.capacity // SHARES + 10 * OVERHEAD


def test_an_answer_larger_than_a_users_share_is_not_kept_and_pushes_nothing_out(kept):
    kept.put(1, 0, answer())
    kept.put(1, 1, answer(10 * OVERHEAD))
    assert names(kept, 1) == [0]


def test_when_all_room_is_taken_whoever_has_not_asked_for_longest_goes_first(kept):
    for user_id in range(SHARES + 1):
        for name in range(10):
            kept.put(user_id, name, answer())
        kept.get(0, 0)
    assert len(names(kept, 0)) == 10 and names(kept, 1) == []
    assert kept.size == kept.capacity


def test_threads_leave_the_books_in_order(kept):
    def put(user_id):
        for number in range(MANY):
            kept.put(user_id % 5, number % 30, answer(number))
            kept.get((user_id + 1) % 5, number % 30)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = [one for shelf in kept.shelves.values() for one in shelf.answers.values()]
    assert kept.size == sum(len(one.body) + OVERHEAD for one in counted) <= kept.capacity
    assert kept.size == sum(shelf.size for shelf in kept.shelves.values())
