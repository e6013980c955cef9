"""Limits of every route: by user, by API key, by account that is signed in to, and by address."""

import time
from dataclasses import replace

import pytest
import redis
from sqlalchemy import text

from noteassist import db
from noteassist.api.limits import (
    EXEMPT_ENDPOINTS,
    PASSWORD_CALLS,
    RequestLimits,
    anonymous_endpoints,
    count_request,
    network_of,
)
from noteassist.config.parsing import parse_networks
from noteassist.errors import TooManyRequests
from noteassist.security import guards
from noteassist.security.actors import Actor, KeyUse
from tests import servers
from tests.contract import ai, expect
from tests.people import PASSWORD, ApiClient, register

HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
ALICE = Actor(1, 1, "user", "FREE", True, 0)


@pytest.fixture(scope="module")
def redis_server():
    """Give a Redis of these tests."""
    with servers.redis_server(private=True) as server:
        yield server


@pytest.fixture(params=["embedded", "full"])
def make_app(request, tmp_path, postgresql_url, redis_server):
    """Make applications with limits: on SQLite without Redis, and on PostgreSQL with it."""
    parts = {"embedded": ("", ""), "full": (postgresql_url, redis_server.url)}
    database_url, redis_url = parts[request.param]
    usual = {"ratelimit_enabled": True, "redis_url": redis_url}
    with ai.application_factory(tmp_path, database_url, **usual) as make:

        def emptied(**changes):
            app = make(**changes)
            with app.app_context(), db.transaction():
                db.execute(text("DELETE FROM users"))
            servers_flush(redis_server)
            return app

        yield emptied


def servers_flush(server):
    """Forget what was counted."""
    redis.Redis.from_url(server.url).flushdb()


def sign_in(client, email, password=PASSWORD, **options):
    """Try to sign in."""
    return client.post("/api/auth/token/", json={"email": email, "password": password}, **options)


def test_every_route_has_a_limit(migrated_app):
    by_address = set(anonymous_endpoints(migrated_app))
    without = []
    for rule in migrated_app.url_map.iter_rules():
        blueprint = migrated_app.blueprints[rule.endpoint.rpartition(".")[0]]
        # Whoever is let in is counted next.
        checks = blueprint.before_request_funcs[None]
        guard = getattr(blueprint, "guard", checks[0])
        by_user = guard is not guards.anyone and checks[:2] == [guard, count_request]
        if rule.endpoint in EXEMPT_ENDPOINTS or not (by_user or rule.endpoint in by_address):
            without.append(rule.endpoint)
    # Probes that come every few seconds, and files whose bytes never change.
    assets = ["console_door.queue_style", "console_door.style", "rq_dashboard.static"]
    allowed = [*assets, "system.health", "system.metrics", "system.page_file", "system.readiness"]
    assert sorted(without) == sorted(EXEMPT_ENDPOINTS) == sorted(allowed)


def test_every_anonymous_route_refuses_the_request_beyond_its_limit(make_app):
    app = make_app(limit_anonymous=2)
    for endpoint in anonymous_endpoints(app):
        client = ApiClient(app)
        [rule] = app.url_map.iter_rules(endpoint)
        method = next(iter(rule.methods - {"HEAD", "OPTIONS"}))
        options = {"json": {}} if method == "POST" else {}
        address = {"REMOTE_ADDR": f"10.0.0.{anonymous_endpoints(app).index(endpoint)}"}
        answers = [
            client.open(rule.rule, method=method, environ_overrides=address, **options) for _ in range(3)
        ]
        expect.problem(answers[2], 429, code="too_many_requests")
        assert all(answer.status_code != 429 for answer in answers[:2]), endpoint
        assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"], endpoint
        assert answers[2].headers["RateLimit-Limit"] == "2"
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 3600


def test_a_second_path_to_the_same_is_no_second_chance(make_app):
    client = ApiClient(make_app(limit_anonymous=2))
    statuses = [client.post(path, json={}).status_code for path in ("/api/token/", "/api/auth/token/") * 2]
    assert statuses == [422, 422, 429, 429]


def test_health_and_the_files_of_pages_are_never_refused(make_app):
    client = ApiClient(make_app(limit_anonymous=1, limit_per_minute=1))
    for path in ("/healthz", "/readyz", "/metrics", "/api/docs/files/docs.js"):
        answers = [client.get(path) for _ in range(4)]
        assert {answer.status_code for answer in answers} == {200}
        assert not any(name in answer.headers for answer in answers for name in HEADERS)


def test_ten_tries_to_sign_in_to_an_account_from_anywhere(make_app):
    app = make_app()
    register(app, email="alice@example.com")
    client = ApiClient(app)
    for email in ("alice@example.com", "nobody@example.com"):
        answers = [
            sign_in(
                client,
                email.upper() if n % 2 else email,
                "wrong",
                environ_overrides={"REMOTE_ADDR": f"10.1.0.{n}"},
            )
            for n in range(11)
        ]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
        assert answers[10].headers["RateLimit-Limit"] == "10"
        assert 1 <= int(answers[10].headers["Retry-After"]) <= 900
    # The right password does not help any more, and others are not concerned.
    assert sign_in(client, "alice@example.com").status_code == 429
    register(app, email="bob@example.com")
    answer = sign_in(client, "bob@example.com")
    assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (200, "9")


def test_tries_that_succeed_count_as_well(make_app):
    app = make_app(limit_sign_in=3)
    register(app, email="alice@example.com")
    statuses = [sign_in(ApiClient(app), "alice@example.com").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_who_holds_a_session_cannot_try_passwords(make_app):
    app = make_app(limit_sign_in=3, limit_per_minute=1000)
    client = register(app, email="alice@example.com")
    calls = [
        ("POST", "/api/auth/password/change/", {"current_password": "wrong", "password": "another long one"}),
        ("POST", "/api/auth/email/change/", {"password": "wrong", "email": "b@example.com"}),
        ("DELETE", "/api/auth/me/", {"password": "wrong"}),
        ("POST", "/api/auth/2fa/disable/", {"password": PASSWORD, "otp": "123456"}),
    ]
    answers = [client.open(path, method=method, json=body) for method, path, body in calls]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert client.get("/api/auth/me/").status_code == 200


def test_each_call_that_asks_for_the_password_is_there(make_app):
    app = make_app()
    rules = {(method, rule.endpoint) for rule in app.url_map.iter_rules() for method in rule.methods}
    assert rules >= PASSWORD_CALLS


def test_a_forged_header_changes_nothing(make_app):
    client = ApiClient(make_app(limit_anonymous=2, trusted_proxies=()))
    forged = [{"X-Forwarded-For": f"9.9.9.{n}", "X-Real-IP": f"9.9.8.{n}"} for n in range(4)]
    statuses = [client.get("/verify-email", headers=headers).status_code for headers in forged]
    assert statuses == [200, 200, 429, 429]


def test_what_a_trusted_proxy_says_counts_and_what_was_written_before_it_does_not(make_app):
    proxies = {"trusted_proxies": parse_networks("127.0.0.1")}
    client = ApiClient(make_app(limit_anonymous=2, **proxies))

    def status(forwarded):
        return client.get("/verify-email", headers={"X-Forwarded-For": forwarded}).status_code

    assert [status(f"8.8.8.{n}, 7.7.7.7") for n in range(3)] == [200, 200, 429]
    assert status("7.7.7.7, 8.8.8.8") == 200


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "nonsense", True),
    ],
)
def test_an_address_stands_for_its_household(one, other, is_same):
    assert (network_of(one) == network_of(other)) == is_same


def test_a_minute_and_an_hour_by_tier(make_app):
    settings = make_app(limit_per_minute=60, limit_per_hour=(500, 1000, 2000)).config["SETTINGS"]
    limits = RequestLimits(settings)
    for tier, hourly in (("FREE", 500), ("BASIC", 1000), ("PRO", 2000)):
        found = {w.name: (w.limit, w.seconds) for w in limits.windows_of(replace(ALICE, tier=tier))}
        assert found == {"user_minute": (60, 60), "user_hour": (hourly, 3600)}


def test_the_hour_of_the_tier_holds(make_app):
    app = make_app(limit_per_hour=(2, 3, 4))
    alice = register(app, email="alice@example.com")
    assert [alice.get("/api/tasks/").status_code for _ in range(3)] == [200, 200, 429]
    ai.change_tier(alice, "PRO")
    answers = [alice.get("/api/tasks/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["RateLimit-Limit"] == "4"
    assert 3500 <= int(answers[2].headers["Retry-After"]) <= 3600


def test_a_key_has_figures_of_its_own_and_shares_the_minute_of_its_user(make_app):
    limits = RequestLimits(make_app(limit_per_minute=5, limit_per_hour=(1, 1, 1)).config["SETTINGS"])
    first = replace(ALICE, user_id=time.monotonic_ns(), key=KeyUse(1, frozenset({"read"}), 2, 100))
    second = replace(first, key=KeyUse(2, frozenset({"read"}), 100, 2))
    assert [limits.count(first).window.name for _ in range(2)] == ["key_hour", "key_hour"]
    with pytest.raises(TooManyRequests) as hourly:
        limits.count(first)
    assert hourly.value.headers["RateLimit-Limit"] == "2"
    assert int(hourly.value.headers["Retry-After"]) <= 3600
    assert [limits.count(second).window.name for _ in range(2)] == ["key_day", "key_day"]
    with pytest.raises(TooManyRequests) as daily:
        limits.count(second)
    assert 86000 < int(daily.value.headers["Retry-After"]) <= 86400
    # Their own session has one request left in this minute.
    assert limits.count(replace(first, key=None)).remaining == 0
    with pytest.raises(TooManyRequests) as minute:
        limits.count(replace(first, key=None))
    assert int(minute.value.headers["RateLimit-Limit"]) in {1, 5}


def test_programs_have_a_limit_within_the_limit(make_app):
    app = make_app(limit_code_runs=2, sandbox_enabled=False)
    alice = register(app, email="alice@example.com")
    answers = [alice.post("/api/code/run/", json={"language": "python", "code": "1"}) for _ in range(3)]
    assert answers[2].status_code == 429 and answers[2].headers["RateLimit-Limit"] == "2"
    assert alice.get("/api/tasks/").status_code == 200


def test_all_keys_of_a_user_share_a_hash_tag(make_app):
    limits = RequestLimits(make_app().config["SETTINGS"])
    with_key = replace(ALICE, key=KeyUse(7, frozenset(), 1, 1))
    keys = [window.key for actor in (ALICE, with_key) for window in limits.windows_of(actor)]
    assert all("{u1}" in key for key in keys) and len(set(keys)) == 4


def test_an_administrator_is_a_user_too(make_app):
    app = make_app(limit_per_minute=2)
    admin = register(app, email="admin@example.com")
    with app.app_context(), db.transaction():
        db.execute(text("UPDATE users SET role = 'admin'"))
    assert [admin.get("/api/tasks/").status_code for _ in range(3)] == [200, 200, 429]


def test_no_limit_at_all_where_they_are_lifted(make_app):
    app = make_app(ratelimit_enabled=False, limit_per_minute=1, limit_anonymous=1, limit_sign_in=1)
    alice = register(app, email="alice@example.com")
    answers = [alice.get("/api/tasks/") for _ in range(3)] + [alice.get("/verify-email") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any(name in answer.headers for answer in answers for name in HEADERS)
    assert {sign_in(alice, alice.email).status_code for _ in range(3)} == {200}


def test_a_clock_that_jumps_frees_nobody(make_app, move_clock):
    app = make_app(limit_per_minute=2, access_token_minutes=1440)
    alice = register(app, email="alice@example.com")
    assert [alice.get("/api/tasks/").status_code for _ in range(2)] == [200, 200]
    move_clock(1800)
    assert alice.get("/api/tasks/").status_code == 429
