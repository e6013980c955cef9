"""An answer that was kept ready is the answer: nobody can tell which way it came."""

import gzip
from contextlib import suppress
from http.client import HTTPException
from urllib.parse import quote

import brotli
import pytest
import zstandard

from tests.wires import raw, without_passing

from . import warm

LONG = "The cell is the unit of life. é🙂 " * 120
DECODE = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
# Which of two headers of one name counts is the server's own affair, if only it stays the same.
ACCEPTED = [
    "", "identity", "gzip", "br", "zstd", "GZIP", "gzip, br, zstd", "gzip, deflate, br", "gzip;q=0.5, br;q=1.0",
    "br;q=0.1, gzip;q=0.9, zstd;q=0.2", "gzip;q=0", "gzip; q=0", "gzip;q=0, br", "*", "*;q=0", "*;q=0, gzip;q=0.1",
    "identity;q=0", "identity;q=0, *;q=0", "identity;q=0, gzip;q=0.1", "identity;q=1, gzip;q=0", "gzip;q=abc", ";;;",
    "gzip;q=", ",", "gzip;q=99", "deflate", "gzipped", "x-gzip", "gzip,", " gzip ", "gzip;q=1.0000", "gzip" + "," * 500,
]  # fmt: skip
TAGS = [
    "{}", "W/{}", '"other", {}', '{}, "other"', '"a",{},W/"b"', "  {}  ", '"a,b" , {}', "*", " * ", '*, "x"', '"other"',
    'W/"other"', '""', "", "nonsense", '"open', ",,,", "{0}{0}", "w/{}", "{bare}", "{}x",
    '"{bare}-gzip"', '"{bare}-br"',
    '"{bare};gzip"', "W/{gzip}", "{gzip}", "{br}", '{zstd}, "x"', "{br}, {gzip}", "{}" + ', "x"' * 200,
]  # fmt: skip
QUERIES = [
    "?", "?page=1", "?page=2", "?page_size=1", "?page_size=2", "?page_size=02", "?page_size=%32", "?page_size=101",
    "?page_size=0", "?page_size=x", "?page_size=1&page_size=2", "?page_size=2&page_size=1", "?status=draft",
    "?status=DRAFT", "?status=published", "?status=", "?tag=bio", "?tag=%62io", "?tag=BIO", "?tag=bio&tag=cell",
    "?tag=cell&tag=bio", "?tag=bio;tag=cell", "?tag=none", "?tag=bio&status=draft", "?status=draft&tag=bio",
    "?status=draft&page_size=2&tag=bio", "?q=cell", "?q=", "?q=%00", "?q=%ff", "?q=c%20e", "?q=c+e", "?ordering=title",
    "?ordering=-title", "?ordering=-created_at", "?created_after=2020-01-01T00:00:00Z",
    "?created_before=2020-01-01T00:00:00Z",
    "?created_after=nonsense", "?cursor=", "?cursor=nonsense", "?unknown=1", "?page_size=20&", "?&page_size=20", "??",
    "?page_size=20#x", "?%70age_size=2", "?Page_Size=2", "?page_size", "?=", "?access_token=x",
]  # fmt: skip


@pytest.fixture(scope="module")
def alice(house):
    """Somebody with notes."""
    person = house.sign_up("alice")
    [wire, *_] = house.wires()
    topic = {"name": "Cells", "explanation": {"content": LONG}}
    body = {
        "title": "Cell biology",
        "tags": ["bio", "cell"],
        "chapters": [{"title": "One", "topics": [topic]}],
    }
    person.note = person.do(wire, "POST", "/api/notes/", body)
    for number in range(3):
        person.do(
            wire, "POST", "/api/notes/", {"title": f"Note {number}", "tags": ["bio"], "status": "published"}
        )
    return person


@pytest.fixture(scope="module")
def places(alice):
    """Where that which is kept ready can be read."""
    [chapter] = alice.note["chapters"]
    note = f"/api/notes/{alice.note['id']}/"
    return {
        "list": "/api/notes/",
        "note": note,
        "chapter": f"/api/chapters/{chapter['id']}/",
        "topic": f"/api/topics/{chapter['topics'][0]['id']}/",
        "tags": "/api/tags/",
    }


@pytest.fixture(scope="module")
def made_ready():
    """What every process has been asked for often enough; nobody writes here."""
    return set()


def limits_of(answer):
    """The names of the headers that tell of limits."""
    return sorted(name for name, _ in answer.headers if name.lower().startswith("ratelimit"))


@pytest.fixture
def same(house, alice, made_ready):
    """Check that a question is answered as the twin answers it, whoever asks, however often; gives the answer."""

    def check(method, target, headers=(), body=None, *, ready=None, version="1.1", signed=True):
        pairs = [*(headers.items() if isinstance(headers, dict) else headers), ("X-Request-ID", "same-1")]
        if signed:
            pairs = [*alice.headers.items(), *pairs]
        wanted = house.twin_wire().ask(method, target, pairs, body, version=version)
        if ready and ready not in made_ready:
            made_ready.add(ready)
            warm.warm_up(house, alice, [ready])
        for turn in range(len(house.wires()) * warm.ROUNDS):
            wires = house.wires()
            found = wires[turn % len(wires)].ask(method, target, pairs, body, version=version)
            assert found.lasting == wanted.lasting, (method, target, headers)
            assert found.header("X-Request-ID") == "same-1"
            assert limits_of(found) == limits_of(wanted)
        return wanted

    return check


@pytest.mark.parametrize("place", ["list", "note", "chapter", "topic", "tags"])
def test_each_place_is_answered_alike(same, places, place):
    path = places[place]
    assert same("GET", path, ready=path).status == 200
    assert same("HEAD", path, ready=path).body == b""
    for method in ("OPTIONS", "TRACE", "BREW", "get", "POST", "PUT"):
        same(method, path, {"Content-Type": "text/plain"}, b"" if method != "TRACE" else None, ready=path)
    assert same("DELETE", path, {"If-Match": '"stale"'}, ready=path).status in {405, 412}


@pytest.mark.parametrize("place", ["list", "note", "tags"])
def test_tags_are_compared_alike(house, alice, same, places, place):
    path, twin = places[place], house.twin_wire()
    tags = {
        name: alice.get(twin, path, Accept_Encoding=name).header("ETag")
        for name in ("identity", "gzip", "br", "zstd")
    }
    bare = tags["identity"].strip('"')
    statuses = set()
    for form in TAGS:
        condition = form.format(tags["identity"], bare=bare, **tags)
        for method in ("GET", "HEAD"):
            statuses.add(same(method, path, {"If-None-Match": condition}, ready=path).status)
        same("GET", path, {"If-None-Match": condition, "Accept-Encoding": "gzip"}, ready=path)
    assert statuses == {200, 304}
    two = [("If-None-Match", '"other"'), ("If-None-Match", tags["identity"])]
    same("GET", path, two, ready=path)
    since = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    same("GET", path, since, ready=path)
    same(
        "GET",
        path,
        {**since, "If-None-Match": tags["identity"], "If-Match": '"x"', "If-Range": bare},
        ready=path,
    )


def test_encodings_are_chosen_alike(house, alice, same, places):
    seen = set()
    plain = alice.get(house.twin_wire(), places["note"]).body
    for accepted in ACCEPTED:
        for place in ("note", "tags"):
            answer = same("GET", places[place], {"Accept-Encoding": accepted}, ready=places[place])
            if place == "note":
                encoding = answer.header("Content-Encoding")
                seen.add(encoding)
                assert DECODE.get(encoding, bytes)(answer.body) == plain
        same("HEAD", places["note"], {"Accept-Encoding": accepted}, ready=places["note"])
    assert seen == {None, "gzip", "br", "zstd"}
    same(
        "GET",
        places["note"],
        [("Accept-Encoding", "br;q=0"), ("Accept-Encoding", "gzip")],
        ready=places["note"],
    )


def test_queries_are_told_apart_alike(same, places):
    statuses = {same("GET", places["list"] + query, ready=places["list"]).status for query in QUERIES}
    assert statuses >= {200, 400, 422}
    for query in QUERIES[:6]:
        same("GET", places["note"] + query, ready=places["note"])


def test_pages_that_follow_are_answered_alike(same, house, alice, places):
    link = f"{places['list']}?page_size=2"
    while link:
        link = same("GET", link, ready=places["list"]).json["next"]


def test_spellings_of_a_path_are_told_apart_alike(same, alice, places):
    note, number = places["note"], str(alice.note["id"])
    paths = [
        "/api/notes", note.rstrip("/"), note + "/", "/" + note, "/api//notes/", "/api/note%73/", "/API/notes/",
        "/api/notes/./", "/api/notes/x/../", f"/api/notes/0{number}/", f"/api/notes/+{number}/",
        f"/api/notes/-{number}/",
        f"/api/notes/{number}.0/", f"/api/notes/%20{number}/", f"/api/notes/{quote('１')}/",
        "/api/notes/" + "9" * 30 + "/",
        "/api/notes/0/", note + ";x", "/api/notes/%00/", "/api/notes/%ff/", "/api/notes/?x/../",
        f"/api/notes%2F{number}/",
        "/api/notes/trash/", "/api/notes/987654321/", "/api/tags", "/api/tags/bio/", "/api/chapters/987654321/",
        f"http://127.0.0.1{note}", "//127.0.0.1/api/notes/",
    ]  # fmt: skip
    for path in paths:
        same("GET", path, ready=note)
    same("HEAD", paths[0], ready=note)


@pytest.mark.parametrize(
    "origin", [warm.ORIGIN, "https://evil.example", "null", "", warm.ORIGIN.upper(), warm.ORIGIN + "/"]
)
def test_origins_are_answered_alike(same, places, origin):
    for place in ("list", "note"):
        allowed = same("GET", places[place], {"Origin": origin}, ready=places[place])
        assert (allowed.header("Access-Control-Allow-Origin") == origin) == (origin == warm.ORIGIN)
        same("GET", places[place], {"Origin": origin, "If-None-Match": "*"}, ready=places[place])
    asks = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    same("OPTIONS", places["list"], {"Origin": origin, **asks}, ready=places["list"])


@pytest.mark.parametrize("given", ["abc", "A.b_c-9", "x" * 128, "x" * 129, "", "a b", "é", "a/b", 'a"', None])
def test_the_id_of_a_request_is_kept_or_made_and_never_anybody_elses(house, alice, places, given):
    seen = []
    for wire in house.wires() * warm.ROUNDS:
        headers = {} if given is None else {"X-Request-ID": given.encode().decode("latin-1")}
        answer = wire.ask("GET", places["note"], {**alice.headers, **headers})
        seen.append(answer.header("X-Request-ID"))
        assert len([name for name, _ in answer.headers if name.lower() == "x-request-id"]) == 1
    is_good = given in {"abc", "A.b_c-9", "x" * 128}
    assert set(seen) == {given} if is_good else len(set(seen)) == len(seen)


def test_what_else_a_request_may_carry_changes_nothing_or_alike(same, places):
    path = places["note"]
    for headers in (
        {"Accept": "text/html"}, {"Accept": "application/xml;q=1"}, {"Cache-Control": "no-cache"},
        {"Pragma": "no-cache"},
        {"Cache-Control": "only-if-cached, max-stale"}, {"Range": "bytes=0-9"}, {"Prefer": "wait=1"}, {"Cookie": "a=b"},
        {"Idempotency-Key": "k"}, {"X-HTTP-Method-Override": "DELETE"}, {"Content-Type": "application/json"},
        {"Host": "elsewhere.example"}, {"X-Forwarded-Host": "elsewhere.example"}, {"X-Forwarded-Proto": "https"},
        {"User-Agent": "x" * 2000}, {"TE": "trailers"}, {"Accept-Language": "de"}, {"Connection": "close"},
        {"Expect": "100-continue"}, {"Upgrade": "h2c"}, {"X-Original-URL": "/api/tags/"},
    ):  # fmt: skip
        for place in ("note", "list"):
            same("GET", places[place], headers, ready=places[place])
        same("HEAD", path, headers, ready=path)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_old_clients_are_answered_alike(same, places, version):
    same("GET", places["note"], ready=places["note"], version=version)
    same("GET", places["note"], {"Connection": "keep-alive"}, ready=places["note"], version=version)
    same("HEAD", places["list"], {"Connection": "close"}, ready=places["list"], version=version)


@pytest.mark.parametrize("body", [b"{}", b"x" * 70000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", None])
def test_a_get_with_a_body_is_answered_once(house, alice, places, body):
    warm.warm_up(house, alice, [places["list"]])
    wanted = alice.get(house.twin_wire(), places["list"])
    headers = dict(alice.headers)
    if body is None:
        headers["Transfer-Encoding"], body = "chunked", b"5\r\nhello\r\n0\r\n\r\n"
    for _ in range(warm.ROUNDS):
        for wire in house.wires():
            found = wire.ask("GET", places["list"], headers, body)
            assert (found.status, found.body) == (wanted.status, wanted.body)
            # Whether the connection lives on depends on who was faster; what comes over it does not.
            with suppress(OSError, HTTPException):
                found = wire.ask("GET", places["list"], alice.headers)
                assert (found.status, found.body) == (wanted.status, wanted.body)
            wire.close()


def test_questions_sent_together_are_answered_in_their_order(house, alice, places):
    lines = [f"Host: x\r\nAuthorization: {alice.headers['Authorization']}\r\nX-Request-ID: same-1\r\n"] * 4
    wanted = ["GET {list}", "HEAD {note}", "GET {tags}", "GET {note}"]
    warm.warm_up(house, alice, [places["list"], places["note"], places["tags"]])
    heads = [line.format(**places) for line in wanted]
    content = "".join(
        f"{head} HTTP/1.1\r\n{rest}\r\n" for head, rest in zip(heads, lines, strict=True)
    ).encode()
    content = content[:-2] + b"Connection: close\r\n\r\n"
    expected = without_passing(raw(house.twin.port, content))
    assert len(b"".join(expected)) > 1000
    for _ in range(warm.ROUNDS):
        assert without_passing(raw(house.server.port, content)) == expected
