"""Log lines: what they tell of each request, and what they never tell."""

import gzip
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import brotli
import pytest
from sqlalchemy import text

from noteassist import db, logs
from noteassist.security import events
from tests.contract import ai
from tests.people import PASSWORD, ApiClient, register

SECRET = "canary-in-a-body"


class Lines(logging.Handler):
    """Keeps lines as the server writes them."""

    def __init__(self, log_format):
        super().__init__()
        self.setFormatter(logs.formatter_of(log_format))
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))

    def named(self, logger):
        """Give the lines of one logger, read as JSON."""
        return [line for line in map(json.loads, self.lines) if line["logger"] == logger]


@pytest.fixture(params=["json"])
def written(request):
    """Collect the lines that are written meanwhile."""
    handler, root = Lines(request.param), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_request_has_one_line_that_tells_all(written, alice):
    written.lines.clear()
    note = alice.post("/api/notes/", json={"title": SECRET}, headers={"X-Request-ID": "abc"}).json
    alice.get(f"/api/notes/{note['id']}/?nonsense={SECRET}", headers={"X-Request-ID": "def"})
    made, read = written.named("noteassist.access")
    assert made["message"] == "request" and made["level"] == "info"
    assert (made["request_id"], made["method"], made["route"]) == ("abc", "POST", "/api/notes/")
    assert (made["status"], made["user_id"], made["client"]) == (201, alice.user["id"], "127.0.0.1")
    assert made["statements"] >= 2 and made["milliseconds"] > 0
    assert (read["request_id"], read["status"]) == ("def", 422)
    assert read["route"] == "/api/notes/<id:note_id>/" and read["path"] == f"/api/notes/{note['id']}/"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", made["time"])
    assert SECRET not in "".join(written.lines)


def test_requests_that_never_come_to_flask_have_a_line_too(written, alice):
    written.lines.clear()
    alice.post("/api/notes/", data=b"{", headers={"Content-Type": "application/json"})
    alice.options("/api/notes/", headers={"Access-Control-Request-Method": "GET", "Origin": "http://a"})
    ai.ask(alice)
    found = [(line["route"], line["status"]) for line in written.named("noteassist.access")]
    assert found == [("(front door)", 400), ("(front door)", 204), ("/api/ai-tools/summarize/", 202)]


def test_access_lines_can_be_switched_off(written, tmp_path):
    with ai.application(tmp_path, access_log=False) as app:
        ApiClient(app).get("/healthz")
    assert written.named("noteassist.access") == []


def test_the_id_of_a_request_goes_with_its_task(written, alice, do_tasks):
    answer = alice.post("/api/ai-tools/code/", json=ai.BODIES["code"], headers={"X-Request-ID": "wish-1"})
    do_tasks()
    told = [
        line
        for line in written.named("noteassist.worker.runner")
        if line.get("task_id") == answer.json["task_id"]
    ]
    assert [(line["request_id"], line["kind"], line["outcome"]) for line in told] == [
        ("wish-1", "code", "succeeded")
    ]
    assert "request_id" not in json.dumps(alice.get(answer.headers["Location"]).json)


def test_a_line_after_a_request_does_not_carry_its_id(written, alice, do_tasks):
    do_tasks()
    logging.getLogger("noteassist").info("something else")
    assert "request_id" not in json.loads(written.lines[-1])


def test_security_events_are_told_once_and_without_secrets(written, app):
    written.lines.clear()
    email = f"canary{time.monotonic_ns()}@example.com"
    client = register(app, email=email)
    wrong = {"email": email, "password": "wrong canary password"}
    assert ApiClient(app).post("/api/auth/token/", json=wrong).status_code == 401
    unknown = {**wrong, "email": "canary-nobody@example.com"}
    assert ApiClient(app).post("/api/auth/token/", json=unknown).status_code == 401
    assert (
        ApiClient(app).post("/api/auth/token/", json={"email": email, "password": PASSWORD}).status_code
        == 200
    )
    changed = {"current_password": PASSWORD, "password": "another canary password 1"}
    assert client.post("/api/auth/password/change/", json=changed).status_code in {200, 204}
    first = client.refresh
    second = client.post("/api/auth/token/refresh/", json={"refresh": first}).json["refresh"]
    client.post("/api/auth/token/refresh/", json={"refresh": second})
    assert client.post("/api/auth/token/refresh/", json={"refresh": first}).json["code"] == "refresh_reused"
    told = written.named("noteassist.security")
    assert [line["message"] for line in told] == [
        events.ACCOUNT_OPENED,
        events.SIGN_IN_FAILED,
        events.SIGN_IN_FAILED,
        events.SIGN_IN_SUCCEEDED,
        events.PASSWORD_CHANGED,
        events.REFRESH_REUSED,
    ]
    assert [line["user_id"] for line in told] == [client.user["id"]] * 2 + [None] + [client.user["id"]] * 3
    assert all(line["request_id"] for line in told)
    everything = "".join(written.lines)
    assert "canary" not in everything and first not in everything and second not in everything


def test_a_slow_statement_is_told_without_its_values(written, tmp_path):
    with ai.application(tmp_path, slow_query_ms=1) as app, app.app_context():
        counting = "SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000"
        slow = f"WITH RECURSIVE n(i) AS ({counting}) SELECT max(i), :c FROM n"
        written.lines.clear()
        db.read_rows(text(slow), {"c": SECRET})
        db.read_rows(db.Prepared(text(slow)), {"c": SECRET})
    # The threshold is one for a process: not for the tests that follow.
    db.watch((), None)
    told = written.named("noteassist.slow")
    assert len(told) == 2
    assert all(re.match(r"a statement took \d+ ms: WITH RECURSIVE", line["message"]) for line in told)
    assert SECRET not in "".join(written.lines)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_line_is_one_line_whatever_is_in_it(log_format):
    lines, forged = Lines(log_format), "a\n2026-01-01T00:00:00Z info root: b\r\n"
    record = logging.LogRecord("x", logging.INFO, "", 1, "%s", (forged,), None)
    record.path = forged
    lines.handle(record)
    assert len(lines.lines[0].splitlines()) == 1
    assert ("\\n" in lines.lines[0]) and "x" in lines.lines[0]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_is_kept(log_format):
    lines = Lines(log_format)
    try:
        raise ValueError("of the test")
    except ValueError:
        lines.handle(logging.LogRecord("x", logging.ERROR, "", 1, "bad", (), sys.exc_info()))
    assert "Traceback" in lines.lines[0] and "of the test" in lines.lines[0]


UNPACKED = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}
REPORT = f"""
import logging
from noteassist import logs, reporting
from noteassist.config import Settings
settings = Settings.from_env(__import__("os").environ)
reporting.install_reports(settings)
logs.begin_context(request_id="wish-2")
def fail(password):
    raise RuntimeError("a mistake of ours")
try:
    fail("{SECRET}")
except RuntimeError as error:
    logging.getLogger("noteassist").error("unexpected error", exc_info=error, extra={{"email": "{SECRET}"}})
import sentry_sdk
sentry_sdk.flush(5)
"""


def test_an_unexpected_error_is_reported_without_personal_data(tmp_path):
    received = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own = {
        "SENTRY_DSN": f"http://key@127.0.0.1:{server.server_port}/1",
        "INSTANCE_DIR": str(tmp_path),
        "NO_PROXY": "*",
    }
    environ = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ} | own
    try:
        done = subprocess.run(
            [sys.executable, "-c", REPORT],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    [(headers, body)] = received
    report = UNPACKED[headers["Content-Encoding"]](body).decode()
    assert "a mistake of ours" in report and "wish-2" in report
    assert SECRET not in report
    event = json.loads(report.splitlines()[2])
    assert not {"user", "request", "server_name", "breadcrumbs", "extra"} & set(event)


def test_a_line_carries_the_fields_of_its_context_and_none_of_an_earlier_one():
    lines = Lines("json")
    logs.begin_context(request_id="first", task_id="t")
    logs.begin_context(request_id="second")
    record = logging.LogRecord("x", logging.INFO, "", 1, "said", (), None)
    record.client = "of the line"
    lines.handle(record)
    logs.begin_context()
    lines.handle(logging.LogRecord("x", logging.INFO, "", 1, "said", (), None))
    first, second = map(json.loads, lines.lines)
    assert (first["request_id"], first["client"]) == ("second", "of the line")
    assert "task_id" not in first and "request_id" not in second
    assert logs.current_request_id() is None
