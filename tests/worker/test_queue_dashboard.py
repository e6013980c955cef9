"""RQ's dashboard over a real Redis with real workers: every page works, and its known holes are closed."""

import re
import zlib

import pytest
from sqlalchemy import text

from noteassist import db
from noteassist.bells import QUEUE, WORK, LocalBell, queue_of
from tests.contract.browser import OWN, Browser
from tests.people import register

RQ = "/admin/rq"
HTML = "<img src=x onerror=alert(1)>"
READS = [
    "/",
    "/0/view/queues",
    "/0/view/workers",
    "/0/view/jobs",
    f"/0/view/jobs/{QUEUE}/queued/8/asc/1",
    f"/0/view/jobs/{QUEUE}/failed/8/dsc/1",
    "/0/data/queues.json",
    "/0/data/workers.json",
    f"/0/data/jobs/{QUEUE}/queued/8/asc/1.json",
    f"/0/data/jobs/{QUEUE}/failed/8/asc/1.json",
    f"/0/data/jobs/{QUEUE}/finished/8/dsc/1.json",
    "/static/js/jquery-3.5.1.min.js",
    "/static/css/bootstrap.min.css",
    "/favicon.ico",
]
WRITES = [
    "/job/some-job/delete",
    "/job/some-job/requeue",
    f"/requeue/{QUEUE}",
    f"/queue/{QUEUE}/queued/empty",
    f"/queue/{QUEUE}/compact",
]


@pytest.fixture(autouse=True)
def no_further_bells(queued_app, monkeypatch):
    """Let what is in the queue be what a test has put there: a thread would ring for the mail to a new account."""
    monkeypatch.setitem(queued_app.extensions, "noteassist_bell", LocalBell())


@pytest.fixture
def token(console):
    """Give what the dashboard's scripts send with each request."""
    body = console.get(f"{RQ}/").get_data(as_text=True)
    return re.search(r'"X-CSRFToken": "([0-9a-f]{64})"', body)[1]


def sent(console, path, token):
    return console.post(RQ + path, headers={**OWN, "X-CSRFToken": token})


@pytest.fixture
def failed(queue):
    """Give the id of a job that has failed, and whose words are HTML."""
    rq_queue = queue_of(queue)
    job = rq_queue.enqueue_call(WORK, description=HTML, job_id="some-job")
    queue.lrem(f"rq:queue:{QUEUE}", 0, job.id)
    rq_queue.failed_job_registry.add(job, ttl=60, exc_string=HTML)
    job.set_status("failed")
    job._handle_failure(HTML, pipeline=queue.pipeline())
    return job.id


def test_a_worker_at_work_is_listed_too(console, queue):
    job = queue_of(queue).enqueue_call(WORK, description=HTML)
    queue.sadd("rq:workers", "rq:worker:busy")
    times = dict.fromkeys(("birth", "last_heartbeat"), "2026-01-01T00:00:00.000000Z")
    queue.hset("rq:worker:busy", mapping={**times, "queues": QUEUE, "state": "busy", "current_job": job.id})
    [worker] = console.get(f"{RQ}/0/data/workers.json").json["workers"]
    assert worker["current_job"]["call_string"] == "&lt;img src=x onerror=alert(1)&gt;"


def test_a_job_is_shown_as_text_and_never_as_html(console, failed):
    job = console.get(f"{RQ}/0/data/job/{failed}.json").json
    assert job["description"] == "&lt;img src=x onerror=alert(1)&gt;"
    assert HTML not in str(job)
    assert console.get(f"{RQ}/0/view/job/{failed}").status_code == 200
    [listed] = console.get(f"{RQ}/0/data/jobs/{QUEUE}/failed/8/asc/1.json").json["jobs"]
    # The list's own template escapes these two.
    assert listed["id"] == failed and listed["description"] == HTML


def test_scripts_run_with_the_answers_own_nonce_alone(console):
    first, second = console.get(f"{RQ}/"), console.get(f"{RQ}/")
    policy = first.headers["Content-Security-Policy"]
    [nonce] = re.findall(r"'nonce-([^']+)'", policy)
    body = first.get_data(as_text=True)
    inline = re.findall(r"<script(?![^>]*src=)(?![^>]*text/template)[^>]*>", body)
    assert inline == [f'<script nonce="{nonce}">']
    assert "'unsafe-inline'" not in policy and "default-src 'none'" in policy
    assert nonce not in second.get_data(as_text=True)
    assert not re.search(
        r"""(src|href)=["'](?:https?:)?//(?!github|python-rq)""", body.partition("<footer")[0]
    )


def test_a_job_that_pickle_would_run_is_only_looked_at(console, queue, tmp_path):
    mark = tmp_path / "mark"
    data = f"cposix\nsystem\n(S'touch {mark}'\ntR.".encode()
    job = {"data": zlib.compress(data), "meta": data, "origin": QUEUE, "status": "queued"}
    queue.hset("rq:job:forged", mapping={**job, "created_at": "2026-01-01T00:00:00.000000Z"})
    queue.sadd("rq:queues", f"rq:queue:{QUEUE}")
    queue.rpush(f"rq:queue:{QUEUE}", "forged")
    for path in (f"/0/data/jobs/{QUEUE}/queued/8/asc/1.json", "/0/data/job/forged.json"):
        assert console.get(RQ + path).status_code == 200
    assert not mark.exists()


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_nothing_is_changed_by_reading(console, failed, queue, path, method):
    before = sorted(queue.keys())
    answer = console.client.open(RQ + path, method=method, headers=OWN)
    assert answer.status_code in {403, 404, 405}
    assert sorted(queue.keys()) == before


@pytest.mark.parametrize("path", WRITES)
def test_a_change_needs_the_token_and_our_own_page(console, failed, queue, token, path):
    before = sorted(queue.keys())
    assert sent(console, path, "").status_code == 403
    foreign = {"Origin": "https://evil.example", "X-CSRFToken": token}
    assert console.post(RQ + path, headers=foreign).status_code == 403
    assert sorted(queue.keys()) == before


@pytest.mark.parametrize("path", WRITES)
def test_a_change_is_made_and_written_down(queued_app, admin, console, failed, token, path):
    assert sent(console, path, token).json["status"] == "OK"
    with queued_app.app_context():
        last = text("SELECT action, target_id FROM audit_log WHERE actor_id = :id ORDER BY id DESC LIMIT 1")
        [entry] = db.read_rows(last, {"id": admin.user["id"]})
    assert entry.action.startswith("queue.") and entry.target_id in {"some-job", QUEUE}


def test_a_requeued_bell_is_answered(console, queue, failed, token):
    assert sent(console, f"/job/{failed}/requeue", token).status_code == 200
    assert queue.lrange(f"rq:queue:{QUEUE}", 0, -1) == [b"some-job"]
    assert sent(console, f"/job/{failed}/requeue", token).status_code == 409


@pytest.mark.parametrize("path", READS + WRITES)
def test_others_see_nothing_of_it(queued_app, admin, queue, path):
    browser = Browser(queued_app)
    assert browser.get(RQ + path).status_code in {303, 308}
    assert browser.post(RQ + path).status_code in {303, 405}
    register(queued_app, email="alice@example.com")
    browser.sign_in("alice@example.com")
    assert browser.get(RQ + path, follow_redirects=True).status_code in {403, 405}


@pytest.mark.parametrize(
    "path",
    [
        "/1/view/queues",
        "/0/view/jobs/a'b/queued/8/asc/1",
        f"/0/view/jobs/{QUEUE}/other/8/asc/1",
        f"/0/data/jobs/{QUEUE}/queued/x/asc/1.json",
        f"/0/data/jobs/{QUEUE}/queued/8/asc/0.json",
        "/0/view/job/no-such-job",
        "/0/data/job/no-such-job.json",
    ],
)
def test_addresses_that_mean_nothing_are_not_found(console, queue, path):
    assert console.get(RQ + path).status_code == 404
