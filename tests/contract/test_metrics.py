"""Metrics: who may read them, and that they are right with several processes."""

import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from noteassist import db, metrics
from tests import servers
from tests.contract import ai, expect
from tests.figures import figures_in, of
from tests.live import LiveServer, eventually
from tests.people import ApiClient, register
from tests.stand_ins.groq import GroqStandIn

WORK = (str(Path(sys.executable).with_name("noteassist")), "worker")
TOKEN = "a token of Prometheus"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def read(client, **options):
    """Read the metrics."""
    response = client.get("/metrics", **options)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.mimetype == "text/plain"
    return figures_in(response.get_data(as_text=True))


@pytest.fixture
def make_app(tmp_path):
    """Make applications."""
    with ai.application_factory(tmp_path, "") as make:
        yield make


def test_this_machine_may_read_them_and_nobody_else(make_app):
    client = ApiClient(make_app())
    assert read(client)
    for options in (
        {"environ_overrides": {"REMOTE_ADDR": "10.0.0.7"}},
        {"headers": {"X-Forwarded-For": "127.0.0.1"}},
        {"headers": {"Forwarded": "for=127.0.0.1"}},
        {"headers": {"X-Real-IP": "127.0.0.1"}},
    ):
        refused = client.get("/metrics", **options)
        assert expect.problem(refused, 401)
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_with_a_token_whoever_has_it_may_read_them(make_app):
    client = ApiClient(make_app(metrics_token=TOKEN))
    elsewhere = {"REMOTE_ADDR": "10.0.0.7"}
    assert read(client, headers=BEARER, environ_overrides=elsewhere)
    for header in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer ü"},
    ):
        assert client.get("/metrics", headers=header).status_code == 401


def test_requests_are_counted_by_the_rule_of_their_route_and_never_by_their_path(app, alice):
    before = read(alice)
    for number in range(5):
        alice.get(f"/api/notes/{9000 + number}/")
        alice.get(f"/nowhere/{number}/")
    alice.open("/api/notes/", method="BREW")
    alice.post("/api/notes/", data=b"{", headers={"Content-Type": "application/json"})
    ai.ask(alice)
    after = read(alice)

    def more(**labels):
        return of(after, "noteassist_http_requests_total", **labels) - of(
            before, "noteassist_http_requests_total", **labels
        )

    assert more(route="/api/notes/<id:note_id>/", method="GET", status="404") == 5
    assert more(route="(none)", method="GET", status="404") == 5
    assert more(method="other") == 1
    assert more(route="(front door)", method="POST", status="400") == 1
    assert more(route="/api/ai-tools/summarize/", status="202") == 1
    text = str(sorted(after))
    assert "9001" not in text and "nowhere" not in text and "BREW" not in text


def test_latency_and_statements_are_counted(alice):
    before = read(alice)
    alice.get("/api/tasks/")
    after = read(alice)
    for name in ("noteassist_http_request_seconds_count", "noteassist_database_statements_total"):
        assert of(after, name, route="/api/tasks/") >= of(before, name, route="/api/tasks/") + 1


def test_limits_events_and_tasks_are_counted(make_app):
    app = make_app(ratelimit_enabled=True, limit_per_minute=1, limit_sign_in=1)
    before = read(ApiClient(app))
    alice = register(app, email=f"a{time.monotonic_ns()}@example.com")
    assert [alice.get("/api/tasks/").status_code for _ in range(2)] == [200, 429]
    bad = {"email": alice.email, "password": "wrong"}
    assert [ApiClient(app).post("/api/token/", json=bad).status_code for _ in range(2)] == [401, 429]
    # What the database tells is kept for some seconds.
    del app.extensions["noteassist_gauge"]
    after = read(ApiClient(app))

    def more(name, **labels):
        return of(after, name, **labels) - of(before, name, **labels)

    assert more("noteassist_limits_hit_total", limit="user_minute") == 1
    assert more("noteassist_limits_hit_total", limit="sign_in") == 1
    assert more("noteassist_security_events_total", event="limit_hit") == 2
    assert more("noteassist_security_events_total", event="sign_in_failed") == 1
    assert of(after, "noteassist_tasks", status="queued") >= 1


def test_while_the_database_is_away_metrics_say_so(tmp_path):
    with ai.application_factory(tmp_path, "") as make:
        app = make()
        (tmp_path / "noteassist.db").rename(tmp_path / "elsewhere.db")
        (tmp_path / "noteassist.db").mkdir()
        with app.app_context():
            db.direct().dispose()
        found = read(ApiClient(app))
        (tmp_path / "noteassist.db").rmdir()
        (tmp_path / "elsewhere.db").rename(tmp_path / "noteassist.db")
    assert of(found, "noteassist_ready") == 0
    assert "noteassist_tasks" not in {name for name, _ in found}


def test_a_file_that_is_being_made_or_removed_disturbs_nobody(tmp_path, monkeypatch):
    for name in ("web-1", "web-2"):
        (tmp_path / name).mkdir()
    (tmp_path / "web-1/counter_1.db").write_bytes(b"")
    gone = str(tmp_path / "web-2/counter_2.db")
    looks = iter([[gone], [gone]])
    usual = metrics.files_of_all
    monkeypatch.setattr(metrics, "files_of_all", lambda base: next(looks, None) or usual(base))
    assert list(metrics.AllProcesses(tmp_path).collect()) == []
    assert next(looks, None) is None


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Two web processes and two worker processes that share a folder, a database and a Redis."""
    folder, name = tmp_path_factory.mktemp("metrics"), f"noteassist_metrics_{time.monotonic_ns()}"
    database = servers.create_database(os.environ["TEST_DATABASE_URL"], name)
    with GroqStandIn() as groq, servers.redis_server(private=True) as redis_server:
        settings = {
            "DATABASE_URL": database,
            "REDIS_URL": redis_server.url,
            "GROQ_API_KEY": "gsk_tests",
            "GROQ_BASE_URL": groq.url,
            "WEB_PROCESSES": "2",
            "WORKER_PROCESSES": "2",
            "RATELIMIT_ENABLED": "1",
            "LIMIT_PER_MINUTE": "100000",
            "LIMIT_PER_HOUR": "100000,100000,100000",
            "LIMIT_AI": "1000",
            "AI_PRICES": "groq:openai/gpt-oss-120b=0.59/0.79",
            "METRICS_TOKEN": TOKEN,
            "SECRET_KEY": "a secret of the tests, 0123456789",
            "LOG_FORMAT": "json",
        }
        with LiveServer(folder, settings) as server:
            shared = {**settings, "INSTANCE_DIR": str(folder / "instance")}
            workers = LiveServer(folder / "workers", shared, command=WORK)
            workers.launch()
            try:
                yield server
            finally:
                workers.discard()
    servers.drop_database(os.environ["TEST_DATABASE_URL"], name)


def total(server, name, **labels):
    """Read one sum."""
    answer = server.client(headers=BEARER).get("/metrics")
    assert answer.status_code == 200
    return of(figures_in(answer.text), name, **labels)


def test_totals_over_two_web_processes_and_two_workers_are_what_was_sent(installation):
    client = installation.sign_up("alice@example.com")
    authorization = {"Authorization": client.headers["Authorization"]}

    def send(number):
        own = installation.client(headers=authorization)
        for n in range(30):
            assert own.get("/api/tasks/").status_code == 200
            if n % 10 == 0:
                body = {"content": f"Text {number} {n}"}
                assert own.post("/api/ai-tools/improve/", json=body).status_code == 202

    # The first client of each thread connects anew, so that both processes are asked.
    with ThreadPoolExecutor(6) as executor:
        list(executor.map(send, range(12)))
    assert total(installation, "noteassist_http_requests_total", route="/api/tasks/", status="200") == 360
    assert total(installation, "noteassist_http_request_seconds_count", route="/api/tasks/") == 360
    asked = {"route": "/api/ai-tools/improve/", "status": "202"}
    assert total(installation, "noteassist_http_requests_total", **asked) == 36

    def all_done():
        done = {"kind": "improve", "outcome": "succeeded"}
        return total(installation, "noteassist_task_attempts_total", **done) == 36

    eventually(all_done, 60, "not all tasks are counted")
    assert total(installation, "noteassist_ai_calls_total", provider="groq", outcome="ok") == 36
    assert total(installation, "noteassist_ai_answers_total", source="model") == 36
    assert total(installation, "noteassist_ai_tokens_total", provider="groq") > 0
    assert total(installation, "noteassist_ready") == 1
    folder = installation.folder / "instance" / "metrics"
    assert len(list(folder.glob("web-*/counter_*.db"))) == 2
    assert len(list(folder.glob("worker-*/counter_*.db"))) == 2


def test_what_was_counted_before_a_restart_does_not_come_back(installation):
    assert installation.sign_up("bob@example.com").get("/api/tasks/").status_code == 200
    assert total(installation, "noteassist_http_requests_total", route="/api/tasks/") > 0
    installation.restart()
    assert total(installation, "noteassist_http_requests_total", route="/api/tasks/") == 0
    folder = installation.folder / "instance" / "metrics"
    assert len(list(folder.glob("web-*"))) == 1


def test_every_name_is_ours_and_has_a_meaning():
    for collected in metrics.REGISTRY.collect():
        assert re.fullmatch(r"noteassist_[a-z_]+", collected.name)
        assert collected.documentation.endswith(".")
