"""Slots go round in the order of coming, and none is lost."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from noteassist.errors import ServerBusy
from noteassist.slots import Slot, Slots

from .services.tasks.scene import until


def waiting(slots, number):
    """Wait until so many threads wait for a slot."""
    until(lambda: len(slots.waiting) == number)


def test_as_many_as_there_are_get_one_at_once():
    slots = Slots(2)
    assert [slots.acquire(0.0) for _ in range(3)] == [True, True, False]
    slots.release()
    assert slots.acquire(0.0)


def test_who_waits_gets_one_in_the_order_of_coming():
    slots, order = Slots(1), []
    slots.acquire(0.0)

    def take(number):
        assert slots.acquire(30)
        order.append(number)
        slots.release()

    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=take, args=(number,)))
        threads[-1].start()
        waiting(slots, number + 1)
    slots.release()
    for thread in threads:
        thread.join(30)
    assert order == list(range(8))


def test_a_newcomer_does_not_pass_who_waits():
    slots = Slots(1)
    slots.acquire(0.0)
    with ThreadPoolExecutor(1) as executor:
        first = executor.submit(slots.acquire, 30)
        waiting(slots, 1)
        slots.release()
        assert not slots.acquire(0.0)
        assert first.result(30)


def test_who_gives_up_takes_nothing_along():
    slots = Slots(1)
    slots.acquire(0.0)
    assert not slots.acquire(0.01)
    assert not slots.waiting
    slots.release()
    assert slots.acquire(0.0)


def test_no_slot_is_lost_or_doubled_when_many_give_up():
    slots, inside, most = Slots(3), [], []

    def visit():
        for _ in range(300):
            if slots.acquire(0.0005):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0002)
                inside.pop()
                slots.release()

    with ThreadPoolExecutor(16) as executor:
        for done in [executor.submit(visit) for _ in range(16)]:
            done.result(60)
    assert max(most) <= 3
    assert (slots.free, len(slots.waiting)) == (3, 0)


def test_a_slot_is_left_once_however_often_that_is_said():
    slots = Slots(1)
    with Slot(slots, 0.0) as slot:
        with pytest.raises(ServerBusy), Slot(slots, 0.0):
            pass
        slot.leave()
        slot.leave()
    assert slots.free == 1


def test_who_is_free_of_slots_takes_none():
    slots = Slots(1)
    slots.acquire(0.0)
    with Slot(slots, 0.0, is_free=True):
        pass
    assert slots.free == 0
