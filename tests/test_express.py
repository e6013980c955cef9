"""The express lane: nobody can tell from an answer whether it came past Flask or through it."""

import time
from contextlib import contextmanager

import flask
import pytest
from sqlalchemy import text

from noteassist import db
from noteassist.worker.runner import Runner
from tests import servers
from tests.contract import ai
from tests.people import do_all_due, register

# A wish that is ignored, but that the lane does not know.
THROUGH_FLASK = {"Prefer": "handling=lenient"}
OF_THE_REQUEST = {"X-Request-ID", "Location"}
BEYOND = 10**9


@pytest.fixture(scope="module")
def redis_server():
    """Give a Redis that may be stopped."""
    with servers.redis_server(private=True) as server:
        yield server


@pytest.fixture
def make_app(tmp_path, postgresql_url, redis_server):
    """Make an application with limits that nobody reaches, unless told otherwise."""
    usual = {
        "redis_url": redis_server.url,
        "ratelimit_enabled": True,
        "limit_per_minute": BEYOND,
        "limit_per_hour": (BEYOND, BEYOND, BEYOND),
        "limit_ai": BEYOND,
        "limit_ai_generate": BEYOND,
    }
    with ai.application_factory(tmp_path, postgresql_url, **usual) as make:
        yield make


@pytest.fixture
def somebody():
    """Register somebody new."""
    return lambda app: register(app, email=f"somebody{time.monotonic_ns()}@example.com")


@contextmanager
def requests_of(app):
    """Collect the paths that Flask is asked for meanwhile."""
    asked = []

    def note(sender, **_):
        asked.append(flask.request.path)

    with flask.request_started.connected_to(note, app):
        yield asked


def shown(answer):
    """What of an answer is the same for the same request: everything but ids and times."""
    headers = {name: value for name, value in answer.headers.items() if name not in OF_THE_REQUEST}
    volatile = {"task_id", "status_url", "events_url", "request_id"}
    body = {name: value for name, value in answer.json.items() if name not in volatile}
    for name in ("RateLimit-Reset", "RateLimit-Remaining", "Retry-After", "Content-Length"):
        headers[name] = name in headers
    return answer.status_code, headers, body, sorted(answer.json)


def both_ways(client, tool, **options):
    """Ask past Flask and through it."""
    path = f"{ai.BASE}{tool}/"
    with requests_of(client.app) as asked:
        past = client.post(path, **options)
        flask_saw = list(asked)
        headers = {**options.pop("headers", {}), **THROUGH_FLASK}
        through = client.post(path, headers=headers, **options)
    assert asked[len(flask_saw) :] == [path]
    return past, through, flask_saw


def same(past, through):
    """Check that two answers cannot be told apart, and that the first one is as it should be."""
    assert shown(past) == shown(through)
    return past


@pytest.mark.parametrize("is_limited", [True, False])
@pytest.mark.parametrize("tool", ai.TOOLS)
def test_an_accepted_request_looks_the_same(make_app, somebody, tool, is_limited):
    app = make_app(ratelimit_enabled=is_limited)
    path, fields = f"{ai.BASE}{tool}/", ai.BODIES[tool]
    with requests_of(app) as asked:
        past = somebody(app).post(path, json={**fields})
        asked_past = asked[1:]
        with app.app_context(), db.transaction():
            db.execute(text("DELETE FROM tasks"))
        through = somebody(app).post(path, json={**fields}, headers=THROUGH_FLASK)
    assert asked_past == [] and asked[-1] == path
    ai.accepted(same(past, through))
    left = [answer.headers.get("RateLimit-Remaining") for answer in (past, through)]
    assert left == ([str(BEYOND - 1)] * 2 if is_limited else [None, None])


def test_an_answer_from_the_cache_looks_the_same(make_app, somebody):
    client = somebody(make_app())
    assert ai.ask(client).json["status"] == "queued"
    do_all_due(Runner(client.app, client.app.config["SETTINGS"]))
    past, through, flask_saw = both_ways(client, "summarize", json=ai.BODIES["summarize"])
    assert flask_saw == []
    assert same(past, through).json["status"] == "succeeded"


@pytest.mark.parametrize("limit", ["limit_ai", "limit_per_minute"])
def test_a_request_over_a_limit_is_refused_the_same(make_app, somebody, limit):
    client = somebody(make_app(**{limit: 1}))
    ai.ask(client)
    past, through, flask_saw = both_ways(client, "code", json=ai.BODIES["code"])
    assert flask_saw == []
    assert same(past, through).status_code == 429


def test_requests_of_both_ways_are_counted_together_and_once(make_app, somebody):
    client = somebody(make_app(limit_per_minute=4))
    ways = [{}, THROUGH_FLASK, {}, THROUGH_FLASK, {}]
    answers = [ai.ask(client, content=f"Cells {n}.", headers=way) for n, way in enumerate(ways)]
    assert [answer.status_code for answer in answers] == [202] * 4 + [429]


def test_whoever_is_not_signed_in_is_refused_the_same(make_app, somebody):
    client = somebody(make_app())
    client.post("/api/auth/logout/", json={"refresh": client.refresh})
    for token in (client.access, "nonsense", "", "a.b.c"):
        options = {"json": ai.BODIES["code"], "headers": {"Authorization": f"Bearer {token}"}}
        past, through, flask_saw = both_ways(client, "code", **options)
        assert flask_saw == []
        assert same(past, through).status_code == 401


def test_an_unverified_address_is_refused_the_same(make_app, somebody):
    client = somebody(make_app(require_verified_email=True))
    past, through, flask_saw = both_ways(client, "code", json=ai.BODIES["code"])
    assert flask_saw == []
    assert same(past, through).json["code"] == "email_not_verified"


@pytest.mark.parametrize("body", [{}, {"topic": ""}, {"topic": "x", "level": "expert"}, [], 7, "x"])
def test_what_does_not_fit_the_schema_is_left_to_flask(make_app, somebody, body):
    past, through, flask_saw = both_ways(somebody(make_app()), "generate", json=body)
    assert flask_saw == [f"{ai.BASE}generate/"]
    assert same(past, through).status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {"Prefer": "wait=1"}},
        {"headers": {"Idempotency-Key": "a"}},
        {"headers": {"X-API-Key": "a"}},
        {"query_string": {"a": "b"}},
        {"json": None, "data": b""},
    ],
    ids=str,
)
def test_special_wishes_are_left_to_flask(make_app, somebody, change):
    client = somebody(make_app())
    with requests_of(client.app) as asked:
        client.post(f"{ai.BASE}generate/", **{"json": ai.BODIES["generate"], **change})
    assert len(asked) == 1


def test_other_methods_and_paths_are_left_to_flask(make_app, somebody):
    client = somebody(make_app())
    with requests_of(client.app) as asked:
        assert client.get(f"{ai.BASE}generate/").status_code == 405
        assert client.post(f"{ai.BASE}generate", json={}).status_code == 308
        assert client.post("/api/notes/", json={"title": "A"}).status_code == 201
    assert len(asked) == 3


def test_while_redis_is_away_the_process_counts(make_app, somebody, redis_server):
    client = somebody(make_app(limit_per_minute=2))
    redis_server.stop()
    try:
        with requests_of(client.app) as asked:
            answers = [ai.ask(client, content=f"Cells {n}.").status_code for n in range(4)]
    finally:
        redis_server.start()
    assert answers == [202, 202, 429, 429]
    assert asked == []


@pytest.fixture
def reader(make_app, somebody):
    """Register somebody with a note, whose answers nobody keeps."""
    client = somebody(make_app(front_cache_mb=0))
    chapters = [{"title": "Cells", "topics": [{"name": f"Cell {n}"} for n in range(9)]}]
    client.note = client.post("/api/notes/", json={"title": "Biology", "chapters": chapters}).json["id"]
    return client


def read_both_ways(client, path, **options):
    """Read past Flask and through it."""
    with requests_of(client.app) as asked:
        past = client.get(path, **options)
        assert asked == []
        headers = {**options.pop("headers", {}), **THROUGH_FLASK}
        through = client.get(path, headers=headers, **options)
    assert asked == [path]
    return past, through


def read_the_same(past, through):
    """Check that two answers have the same status, headers and bytes, but for what each request has of its own."""
    kept = [
        {name: value for name, value in answer.headers.items() if name not in OF_THE_REQUEST}
        for answer in (past, through)
    ]
    for headers in kept:
        for name in ("RateLimit-Reset", "RateLimit-Remaining"):
            headers[name] = name in headers
    assert kept[0] == kept[1]
    assert past.status_code == through.status_code
    if past.status_code < 400:
        assert past.get_data() == through.get_data()
    else:
        assert past.json | {"request_id": ""} == through.json | {"request_id": ""}
    return past


@pytest.mark.parametrize("encoding", ["", "gzip", "br;q=0.5, zstd", "identity"])
@pytest.mark.parametrize("path", ["/api/notes/", "/api/notes/{}/"])
def test_reading_notes_looks_the_same(reader, path, encoding):
    path = path.format(reader.note)
    answer = read_the_same(*read_both_ways(reader, path, headers={"Accept-Encoding": encoding}))
    assert answer.status_code == 200
    assert ("Content-Encoding" in answer.headers) == (encoding not in {"", "identity"} and path[-2] != "s")
    known = {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": encoding}
    again = read_the_same(*read_both_ways(reader, path, headers=known))
    assert (again.status_code, again.get_data()) == (304, b"")


def test_the_first_page_of_many_looks_the_same_and_leads_to_the_second(reader):
    for number in range(25):
        reader.post("/api/notes/", json={"title": f"Note {number}"})
    first = read_the_same(*read_both_ways(reader, "/api/notes/")).json
    second = reader.get(first["next"]).json
    assert (len(first["results"]), len(second["results"])) == (20, 6)


@pytest.mark.parametrize("path", ["/api/notes/1/", f"/api/notes/{2**63 - 1}/"])
def test_a_note_that_is_not_mine_is_refused_the_same(reader, path):
    assert read_the_same(*read_both_ways(reader, path)).status_code == 404


def test_reading_without_a_session_that_lives_is_refused_the_same(reader):
    reader.post("/api/auth/logout/", json={"refresh": reader.refresh})
    for token in (reader.access, "nonsense", "", "a.b.c"):
        headers = {"Authorization": f"Bearer {token}"}
        for path in ("/api/notes/", f"/api/notes/{reader.note}/"):
            assert read_the_same(*read_both_ways(reader, path, headers=headers)).status_code == 401


def test_reading_over_the_limit_is_refused_the_same_and_counted_once(make_app, somebody):
    client = somebody(make_app(front_cache_mb=0, limit_per_minute=4))
    ways = [{}, THROUGH_FLASK, {}, THROUGH_FLASK]
    left = [client.get("/api/notes/", headers=way).headers["RateLimit-Remaining"] for way in ways]
    assert left == ["3", "2", "1", "0"]
    assert read_the_same(*read_both_ways(client, "/api/notes/")).status_code == 429


@pytest.mark.parametrize("path", ["/api/notes/0/", f"/api/notes/{2**63}/", "/api/notes/x/", "/api/notes//"])
def test_a_path_that_is_no_notes_is_left_to_flask(reader, path):
    with requests_of(reader.app) as asked:
        assert reader.get(path).status_code == 404
    assert asked == [path]


@pytest.mark.parametrize("change", [{"method": "HEAD"}, {"query_string": {"status": "draft"}}], ids=str)
def test_special_reads_are_left_to_flask(reader, change):
    with requests_of(reader.app) as asked:
        assert reader.open("/api/notes/", **{"method": "GET", **change}).status_code == 200
    assert len(asked) == 1


def test_what_was_read_past_flask_is_kept(make_app, somebody):
    client = somebody(make_app())
    answers = client.app.wsgi_app.front.answers
    # Redis is believed when the database has said that it may be.
    until = time.monotonic() + 10
    while not answers.size and time.monotonic() < until:
        assert client.get("/api/notes/").json["results"] == []
    with requests_of(client.app) as asked:
        assert client.get("/api/notes/").json["results"] == []
        client.post("/api/notes/", json={"title": "A"})
        assert client.get("/api/notes/").json["results"][0]["title"] == "A"
    assert answers.size > 0
    assert asked == ["/api/notes/"]


def test_what_the_front_has_counted_is_not_counted_again(make_app, somebody):
    client = somebody(make_app())
    path = client.post("/api/notes/", json={"title": "A"}).headers["Location"]
    kept = client.app.wsgi_app.front.answers
    until = time.monotonic() + 10
    while not kept.size and time.monotonic() < until:
        client.get(path)
    client.get("/api/notes/")
    made = client.post("/api/notes/", json={"title": "B"})
    # The list brings the new version, with which the note that is kept does not agree any more.
    answers = [made, *(client.get(asked) for asked in ("/api/notes/", path, path, "/api/notes/"))]
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in answers]
    assert left == list(range(left[0], left[0] - 5, -1))


def test_a_mistake_of_ours_is_told_by_flask_and_the_next_request_works(make_app, somebody):
    client = somebody(make_app())
    with client.app.app_context(), db.transaction():
        db.execute(text("ALTER TABLE tasks RENAME TO elsewhere"))
    try:
        broken = ai.ask(client)
    finally:
        with client.app.app_context(), db.transaction():
            db.execute(text("ALTER TABLE elsewhere RENAME TO tasks"))
    assert (broken.status_code, broken.json["code"]) == (500, "internal_error")
    assert ai.ask(client).status_code == 202
