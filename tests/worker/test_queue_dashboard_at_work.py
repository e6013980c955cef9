"""RQ's dashboard while workers work."""

import re

import pytest

from tests.services.tasks import scene
from tests.worker.test_queue_dashboard import QUEUE, READS, RQ


# First, before another test has emptied the Redis that they are registered in.
def test_workers_and_what_they_do_are_listed(console, working):
    scene.until(lambda: len(console.get(f"{RQ}/0/data/workers.json").json["workers"]) >= 3)
    [worker, *_] = console.get(f"{RQ}/0/data/workers.json").json["workers"]
    assert worker["queues"] == [QUEUE]


@pytest.mark.parametrize("path", READS)
def test_every_page_works_while_workers_work(console, working, path):
    answer = console.get(RQ + path, follow_redirects=True)
    assert answer.status_code == 200, answer.get_data(as_text=True)[:2000]


def test_no_page_tells_where_redis_is(console, redis_server, working):
    port = str(re.search(r":(\d+)", redis_server.url.partition("//")[2])[1])
    for path in READS[:8]:
        assert port not in console.get(RQ + path, follow_redirects=True).get_data(as_text=True)


def test_while_redis_is_away_the_page_says_so(console, redis_server):
    redis_server.stop()
    try:
        answer = console.get(f"{RQ}/0/view/workers")
        assert answer.status_code == 503 and "does not answer" in answer.get_data(as_text=True)
    finally:
        redis_server.start()
