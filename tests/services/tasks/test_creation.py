"""New tasks: their ids, and what becomes of them when the bell is broken."""

import time
import uuid

from noteassist.services.tasks.creation import new_task_id
from tests.contract import ai
from tests.services.tasks import scene


def test_an_id_is_a_uuid_of_the_time_it_was_made_at():
    before = time.time_ns() // 1_000_000
    made = [uuid.UUID(new_task_id()) for _ in range(2000)]
    after = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in made} == {(7, uuid.RFC_4122)}
    assert all(before <= one.int >> 80 <= after for one in made)
    assert len({one.int & (1 << 74) - 1 for one in made}) == len(made)


def test_all_bits_of_an_id_that_say_nothing_else_are_random():
    ones = zeros = 0
    for _ in range(2000):
        number = uuid.UUID(new_task_id()).int
        ones, zeros = ones | number, zeros | ~number
    random = (1 << 62) - 1 | ((1 << 12) - 1) << 64
    assert ones & zeros & random == random


def test_an_id_that_was_made_later_is_greater():
    first = new_task_id()
    time.sleep(0.002)
    assert first < new_task_id()


def test_a_bell_that_is_broken_costs_nobody_an_answer(app, alice, monkeypatch):
    def fail(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(app.extensions["noteassist_bell"], "ring", fail)
    task_id = ai.accepted(ai.ask(alice))["task_id"]
    assert scene.state(app, task_id).status == "queued"
