"""Running code: what is sent, what is a topic's, and what is refused."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from noteassist import db
from noteassist.api import idempotency
from noteassist.errors import SandboxBusy
from noteassist.models import IdempotencyKey
from noteassist.services.sandbox import jail, programs
from noteassist.services.sandbox.probing import Probe, Verdict
from tests.contract import ai, expect
from tests.people import register

pytestmark = pytest.mark.needs_sandbox

RUN = "/api/code/run/"
FIELDS = {"stdout", "stderr", "exit_code", "timed_out", "truncated", "stopped_by", "duration_ms"}


@pytest.fixture
def run(alice):
    """Run a program as Alice; answers what became of it."""

    def send(code, language="python", **fields):
        return expect.ok(alice.post(RUN, json={"language": language, "code": code, **fields}))

    return send


@pytest.fixture
def topic_path(topic):
    """Where the first topic's program is run."""
    return f"/api/topics/{topic['id']}/run/"


@pytest.fixture
def tight(app, monkeypatch):
    """Change settings of the application for a test."""

    def change(**changes):
        monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], **changes))

    return change


def test_a_program_is_run(run):
    found = run("import sys\nprint('out', input())\nprint('err', file=sys.stderr)\nsys.exit(3)", stdin="in\n")
    assert set(found) == FIELDS
    assert (found["stdout"], found["stderr"], found["exit_code"]) == ("out in\n", "err\n", 3)
    assert not found["timed_out"] and not found["truncated"] and found["stopped_by"] is None
    assert 0 < found["duration_ms"] < 20_000


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "print(input() * 2, end='')"),
        ("javascript", "process.stdout.write(require('fs').readFileSync(0, 'utf8').trim().repeat(2))"),
        ("bash", 'read line; printf \'%s%s\' "$line" "$line"'),
    ],
)
def test_each_language_reads_and_writes(run, language, code):
    assert run(code, language, stdin="naïve ☃ 𝄞\n")["stdout"] == "naïve ☃ 𝄞" * 2


def test_a_program_that_does_not_end_is_ended(run, tight):
    tight(sandbox_seconds=1.0)
    found = run("print('begun')\nimport time\ntime.sleep(60)")
    assert found["timed_out"] and found["stopped_by"] == "wall_time"
    assert (found["stdout"], found["exit_code"]) == ("begun\n", 137)


def test_what_is_too_long_is_cut(run, tight):
    tight(sandbox_output_kib=1)
    found = run("print('é' * 600, end='')")
    assert found["truncated"] and found["stdout"] == "é" * 512
    assert run("print('x' * 1024, end='')")["truncated"] is False


def test_a_character_is_never_cut_in_two(run, tight):
    tight(sandbox_output_kib=1)
    assert run("print('x' + 'é' * 600, end='')")["stdout"] == "x" + "é" * 511


def test_what_is_no_text_is_replaced(run):
    assert run("import os; os.write(1, b'a\\xff\\x00b')")["stdout"] == "a\ufffd\0b"


def test_an_empty_program_and_one_that_is_nonsense_are_run(run):
    assert (run("")["exit_code"], run("")["stdout"]) == (0, "")
    assert "SyntaxError" in run("def (")["stderr"]


def test_the_longest_program_is_run_and_a_longer_one_is_not(alice, run):
    code = "x = '''" + "€" * 99_970 + "'''; print(len(x))"
    assert run(code.ljust(100_000))["stdout"] == "99970\n"
    expect.invalid(alice.post(RUN, json={"language": "python", "code": code.ljust(100_001)}), "code")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("language", "perl"),
        ("language", "Python"),
        ("language", None),
        ("code", None),
        ("code", 1),
        ("code", "a\0b"),
        ("stdin", "a\0b"),
        ("stdin", "x" * 100_001),
        ("timeout", 5),
    ],
)
def test_nonsense_is_refused(alice, field, value):
    expect.invalid(alice.post(RUN, json={"language": "python", "code": "1", field: value}), field)


def test_it_is_for_people_who_are_signed_in(anonymous, topic_path):
    expect.unauthorized(anonymous.post(RUN, json={"language": "python", "code": "1"}))
    expect.unauthorized(anonymous.post(topic_path, json={}))


def test_a_topics_own_program_is_run(alice, topic_path):
    assert expect.ok(alice.post(topic_path, json={}))["stdout"] == "hello\n"


def test_stdin_and_a_changed_program_may_be_sent_for_a_topic(alice, topic_path):
    body = {"code": "print(input())", "stdin": "typed"}
    assert expect.ok(alice.post(topic_path, json=body))["stdout"] == "typed\n"
    body = {"code": "echo $((6 * 7))", "language": "bash"}
    assert expect.ok(alice.post(topic_path, json=body))["stdout"] == "42\n"


def test_languages_are_known_by_the_names_that_people_give_them(alice, topic, topic_path, patched):
    for language in ("Python", " py ", "python3"):
        snippet = {"language": language, "code": "print(1)"}
        patched(f"/api/topics/{topic['id']}/", code_snippet=snippet)
        assert expect.ok(alice.post(topic_path, json={}))["stdout"] == "1\n"


def test_a_topic_without_code_or_in_another_language_has_nothing_to_run(alice, topic, topic_path, patched):
    patched(f"/api/topics/{topic['id']}/", code_snippet={"language": "rust", "code": "fn main() {}"})
    expect.invalid(alice.post(topic_path, json={}), "language")
    patched(f"/api/topics/{topic['id']}/", code_snippet=None)
    expect.invalid(alice.post(topic_path, json={}), "code")
    expect.invalid(alice.post(topic_path, json={"code": "1"}), "language")


def test_a_stranger_finds_no_topic(bob, topic_path):
    expect.problem(bob.post(topic_path, json={}), 404)


def test_a_topic_in_the_trash_is_not_there(alice, path, topic_path):
    alice.delete(path)
    expect.problem(alice.post(topic_path, json={}), 404)


def test_a_repeated_request_runs_once(alice):
    body = {"language": "python", "code": "import secrets; print(secrets.token_hex())"}
    first = alice.post(RUN, json=body, headers={"Idempotency-Key": "run-1"})
    again = alice.post(RUN, json=body, headers={"Idempotency-Key": "run-1"})
    assert expect.ok(first) == expect.ok(again)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_while_it_runs_the_same_request_is_told_to_come_back(alice, in_parallel):
    body = {"language": "python", "code": "import time; time.sleep(3)"}

    def send(after):
        time.sleep(after)
        return alice.post(RUN, json=body, headers={"Idempotency-Key": "run-2"})

    first, second = in_parallel([lambda: send(0), lambda: send(1.5)])
    expect.ok(first)
    expect.problem(second, 409, code="request_in_progress")


def test_a_program_that_runs_long_is_still_running(alice, monkeypatch, in_parallel):
    monkeypatch.setattr(idempotency, "GRACE", timedelta(seconds=0.5))
    body = {"language": "python", "code": "import time; time.sleep(4); print('end')"}

    def send(after):
        time.sleep(after)
        return alice.post(RUN, json=body, headers={"Idempotency-Key": "run-5"})

    first, second = in_parallel([lambda: send(0), lambda: send(2)])
    expect.problem(second, 409, code="request_in_progress")
    assert second.headers["Retry-After"] == "1"
    again = send(0)
    assert expect.ok(first) == expect.ok(again) and again.headers["Idempotent-Replayed"] == "true"
    assert "working seconds" not in again.headers


def test_of_a_program_whose_server_died_nothing_is_known_in_the_end(alice, app, move_clock):
    body = {"language": "python", "code": "print(1)"}
    headers = {"Idempotency-Key": "run-6"}
    expect.ok(alice.post(RUN, json=body, headers=headers))
    with app.app_context(), db.transaction():
        # What was there before the program ended.
        broken_off = {
            "status": None,
            "headers": {"Content-Type": "application/json", "working seconds": "22.0"},
        }
        db.execute(update(IdempotencyKey).values(**broken_off, body=b'{"code": "run_broken_off"}'))
    expect.problem(alice.post(RUN, json=body, headers=headers), 409, code="request_in_progress")
    move_clock(22 + 6)
    answer = alice.post(RUN, json=body, headers=headers)
    assert (answer.status_code, answer.json) == (202, {"code": "run_broken_off"})
    assert "working seconds" not in answer.headers


def test_what_was_refused_may_be_sent_again_with_its_key(alice, tight):
    body = {"language": "python", "code": "print(1)"}
    tight(sandbox_enabled=False)
    refused = alice.post(RUN, json=body, headers={"Idempotency-Key": "run-3"})
    expect.problem(refused, 503, code="sandbox_unavailable")
    tight(sandbox_enabled=True)
    assert expect.ok(alice.post(RUN, json=body, headers={"Idempotency-Key": "run-3"}))["stdout"] == "1\n"


def test_nobody_holds_a_connection_while_a_program_runs(app, alice, in_parallel):
    def look():
        time.sleep(1.5)
        with app.app_context():
            return db.db.engine.pool.checkedout() + db.direct().pool.checkedout()

    body = {"language": "python", "code": "import time; time.sleep(3)"}
    key = {"Idempotency-Key": "run-4"}
    answer, held = in_parallel([lambda: alice.post(RUN, json=body, headers=key), look])
    expect.ok(answer)
    assert held == 0


def test_beyond_so_many_at_once_one_is_told_to_come_back(alice, tight, monkeypatch, in_parallel):
    monkeypatch.setattr(programs, "WAIT_SECONDS", 0.2)
    tight(sandbox_runs=3)
    body = {"language": "python", "code": "import time; time.sleep(3)"}
    answers = in_parallel([lambda: alice.post(RUN, json=body)] * 5)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 503, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    expect.problem(refused, 503, code="sandbox_busy")
    assert refused.headers["Retry-After"] == str(SandboxBusy().headers["Retry-After"])


def test_without_bubblewrap_nothing_is_run_and_health_says_so(alice, anonymous, monkeypatch):
    monkeypatch.setattr(jail, "NEEDED", ("/usr/bin/no-such-bwrap",))
    monkeypatch.setattr(programs, "PROBE", Probe())
    expect.problem(alice.post(RUN, json={"language": "python", "code": "1"}), 503, code="sandbox_unavailable")
    health = expect.ok(anonymous.get("/readyz"))
    assert (health["status"], health["parts"]["sandbox"]) == ("degraded", "unavailable")


def test_a_language_that_is_not_installed_is_named(alice, monkeypatch):
    languages = frozenset({"python", "bash"})
    probe = Probe()
    probe.verdict = Verdict(languages)
    monkeypatch.setattr(programs, "PROBE", probe)
    refused = alice.post(RUN, json={"language": "javascript", "code": "1"})
    assert "JavaScript" in expect.problem(refused, 503, code="language_unavailable")["detail"]


def test_health_tells_of_a_sandbox_that_works_or_is_switched_off(run, anonymous, tight):
    run("")
    assert expect.ok(anonymous.get("/readyz"))["parts"]["sandbox"] == "ok"
    tight(sandbox_enabled=False)
    assert expect.ok(anonymous.get("/readyz"))["parts"]["sandbox"] == "off"


def test_runs_are_limited_for_each_user(tmp_path):
    with ai.application(tmp_path, "", ratelimit_enabled=True, limit_code_runs=2) as limited:
        alice, bob = (register(limited, email=f"{name}@example.com") for name in ("alice", "bob"))
        statuses = [alice.post(RUN, json={"language": "bash", "code": ":"}).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert bob.post(RUN, json={"language": "bash", "code": ":"}).status_code == 200
        assert alice.get("/api/notes/").status_code == 200


def test_no_thread_stays_behind(run):
    before = threading.active_count()
    for _ in range(3):
        run("print(1)")
    assert threading.active_count() <= before + 1
