"""Request limits: counted per user, key and address, in Redis where there is one, and never in the way."""

import time

import pytest
from sqlalchemy import text

from noteassist import db
from tests import servers
from tests.contract import ai, expect
from tests.people import register
from tests.services.tasks.scene import until

LIMIT = 3
ROUTES = tuple(f"/api/ai-tools/{tool}/" for tool in ai.TOOLS)


@pytest.fixture(scope="module")
def redis_server():
    """Give a Redis that may be stopped and frozen."""
    with servers.redis_server(private=True) as server:
        yield server


@pytest.fixture
def make_app(tmp_path, postgresql_url, redis_server):
    """Make applications on one database and one Redis, unless told otherwise; they end with the test."""
    usual = {
        "redis_url": redis_server.url,
        "ratelimit_enabled": True,
        "limit_per_minute": LIMIT,
        "limit_ai": 1000,
        "limit_ai_generate": 1000,
    }
    with ai.application_factory(tmp_path, postgresql_url, **usual) as make:
        yield make


@pytest.fixture
def app(make_app):
    """Give an application with small limits."""
    return make_app()


@pytest.fixture
def alice(app):
    """Give somebody new."""
    return register(app, email=f"alice{time.monotonic_ns()}@example.com")


@pytest.fixture
def bob(app):
    """Give somebody else."""
    return register(app, email=f"bob{time.monotonic_ns()}@example.com")


def statuses(client, number):
    """Ask so often; gives the statuses of the answers."""
    return [ai.ask(client, "improve", content=f"Text {n}").status_code for n in range(number)]


def test_what_is_over_the_limit_is_refused_and_told_when_to_come_back(alice):
    assert statuses(alice, LIMIT) == [202] * LIMIT
    refused = ai.ask(alice)
    expect.problem(refused, 429, code="too_many_requests")
    assert (refused.headers["RateLimit-Limit"], refused.headers["RateLimit-Remaining"]) == ("3", "0")
    assert 1 <= int(refused.headers["Retry-After"]) <= 120
    assert refused.headers["RateLimit-Reset"] == refused.headers["Retry-After"]


def test_all_tools_are_counted_together(alice):
    answers = [alice.post(route, json=ai.BODIES[tool]) for route, tool in zip(ROUTES, ai.TOOLS, strict=True)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]


def test_nonsense_is_counted_too(alice):
    answers = [alice.post(ROUTES[0], json={}).status_code for _ in range(LIMIT + 1)]
    assert answers == [422] * LIMIT + [429]


def test_a_refused_request_makes_no_task_and_costs_no_quota(alice):
    statuses(alice, LIMIT + 3)
    with alice.app.app_context():
        tasks = db.read_rows(text("SELECT count(*) FROM tasks WHERE user_id = :me"), {"me": alice.user["id"]})
    assert tasks[0][0] == LIMIT


def test_each_user_has_a_limit_of_their_own(alice, bob):
    assert statuses(alice, LIMIT + 1)[-1] == 429
    assert statuses(bob, LIMIT) == [202] * LIMIT


def test_all_signed_in_routes_are_counted_together(alice):
    answers = [alice.get(ai.QUOTA), alice.post("/api/notes/", json={"title": "A"}), alice.get("/api/tasks/")]
    assert [answer.status_code for answer in answers] == [200, 201, 200]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {str(LIMIT)}
    assert all(1 <= int(answer.headers["RateLimit-Reset"]) <= 60 for answer in answers)
    for refused in (alice.get(ai.QUOTA), alice.post("/api/notes/", json={"title": "B"}), ai.ask(alice)):
        expect.problem(refused, 429, code="too_many_requests")


def test_errors_say_what_is_left_too(alice):
    missing = alice.get("/api/notes/999999/")
    assert (missing.status_code, missing.headers["RateLimit-Remaining"]) == (404, str(LIMIT - 1))


def test_who_is_not_signed_in_is_turned_away_before_anything_is_counted(app, anonymous):
    assert {anonymous.post(ROUTES[0], json={}).status_code for _ in range(LIMIT * 3)} == {401}


def test_two_processes_count_together(make_app, alice):
    other = ai_client(make_app(), alice)
    assert statuses(alice, LIMIT - 1) + statuses(other, 2) == [202] * LIMIT + [429]
    assert other.get(ai.QUOTA).status_code == 429


def ai_client(app, client):
    """Give the same person at another process."""
    return type(client).signed_in(app, client.email, client.password)


def test_parallel_requests_do_not_get_past_it(alice, in_parallel):
    answers = in_parallel([lambda: ai.ask(alice).status_code] * 12)
    assert answers.count(202) == LIMIT and answers.count(429) == 12 - LIMIT


def test_an_hour_has_a_limit_by_tier(make_app):
    app = make_app(limit_per_minute=1000, limit_per_hour=(2, 4, 6))
    client = register(app, email=f"carol{time.monotonic_ns()}@example.com")
    assert statuses(client, 3) == [202, 202, 429]
    ai.change_tier(client, "BASIC")
    client = ai_client(app, client)
    assert statuses(client, 3).count(202) >= 1


def test_no_limits_where_they_are_switched_off(make_app):
    client = register(make_app(ratelimit_enabled=False), email=f"dora{time.monotonic_ns()}@example.com")
    assert statuses(client, LIMIT * 5) == [202] * LIMIT * 5


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:1/0"], ids=["none", "never there"])
def test_a_process_without_redis_counts_for_itself(make_app, url):
    client = register(make_app(redis_url=url), email=f"erin{time.monotonic_ns()}@example.com")
    assert statuses(client, LIMIT + 2) == [202] * LIMIT + [429] * 2


@pytest.mark.parametrize("way", ["stop", "freeze"])
def test_while_redis_is_away_the_process_counts_and_answers_quickly(redis_server, alice, way):
    assert statuses(alice, 1) == [202]
    getattr(redis_server, way)()
    try:
        begin = time.monotonic()
        found = statuses(alice, LIMIT + 3)
        seconds = time.monotonic() - begin
    finally:
        redis_server.start() if way == "stop" else redis_server.thaw()
    assert found == [202] * found.count(202) + [429] * found.count(429)
    assert 1 <= found.count(202) <= LIMIT
    assert seconds < 0.5 * len(found)


def test_processes_count_together_again_when_redis_is_back(redis_server, make_app, alice):
    redis_server.stop()
    statuses(alice, 1)
    redis_server.start()
    other = ai_client(make_app(), alice)

    def are_together():
        return statuses(alice, 1) == statuses(other, 1) == [429]

    until(are_together, 20)
