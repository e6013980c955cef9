"""Clients that stall, lie or babble are cut or refused, and nobody else notices."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

import httpx
import pytest

from noteassist.slow_bodies import OTHER_BODIES
from tests.faults.expect import timed
from tests.live import LiveServer, eventually

THREADS = 8
HEADER_SECONDS = BODY_SECONDS = 10
# A loaded machine looks at its clock late.
PATIENCE_SECONDS = HEADER_SECONDS + 4
LARGEST_BODY = 2 * 1024 * 1024


class Reply(NamedTuple):
    """What came back through a socket until the server closed it."""

    seconds: float
    closed: bool
    data: bytes

    @property
    def statuses(self) -> list[int]:
        """Give the status of each answer."""
        return [int(part.split()[1]) for part in self.data.split(b"HTTP/1.")[1:]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Give a server on SQLite."""
    with LiveServer(tmp_path_factory.mktemp("server"), {"WEB_THREADS": str(THREADS)}) as started:
        yield started


@pytest.fixture(scope="module")
def alice(server: LiveServer) -> httpx.Client:
    """Give a client that is signed in."""
    return server.sign_up("alice@example.com")


@pytest.fixture(autouse=True)
def _the_server_goes_on(server: LiveServer, alice: httpx.Client) -> Iterator[None]:
    """Check after each test that nothing broke, nothing was stored and others are served at once."""
    before = len(alice.get("/api/notes/").json()["results"])
    yield
    seconds, answer = timed(alice, "GET", "/api/notes/")
    assert (answer.status_code, seconds < 1) == (200, True)
    assert len(answer.json()["results"]) == before
    assert "Traceback" not in server.log_tail()


def head(alice: httpx.Client, *lines: str, request: str = "POST /api/notes/ HTTP/1.1") -> bytes:
    """Make the head of a request of Alice's."""
    own = (
        "Host: localhost",
        f"Authorization: {alice.headers['Authorization']}",
        "Content-Type: application/json",
    )
    return "\r\n".join((request, *own, *lines, "", "")).encode()


def send(
    server: LiveServer, data: bytes, *, seconds: float = PATIENCE_SECONDS, closes: bool = False
) -> Reply:
    """Send bytes through a socket and read until the server closes it, or for so many seconds."""
    begin = time.monotonic()
    received, closed = bytearray(), True
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        # The server may refuse before it has taken everything.
        with suppress(ConnectionError):
            connection.sendall(data)
            if closes:
                connection.shutdown(socket.SHUT_WR)
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionError:
            pass
        except TimeoutError:
            closed = False
    return Reply(time.monotonic() - begin, closed, bytes(received))


def test_who_stalls_before_the_end_of_the_head_is_cut(server: LiveServer, alice: httpx.Client) -> None:
    begun = b"POST /api/notes/ HTTP/1.1\r\nHost: localhost\r\nX-"
    beginnings = [b"", b"P", b"POST /api/no", begun, b"PRI * HTTP/2.0\r\n\r\n", b"\r\n" * 1000]
    with ThreadPoolExecutor(len(beginnings)) as executor:
        stalled = [executor.submit(send, server, data) for data in beginnings]
        time.sleep(0.5)
        seconds, answer = timed(alice, "GET", "/api/notes/")
        assert (answer.status_code, seconds < 1) == (200, True)
        replies = [task.result() for task in stalled]
    assert [reply.closed for reply in replies] == [True] * len(beginnings)
    assert all(status < 500 for reply in replies for status in reply.statuses)


@contextmanager
def stalling(server: LiveServer, client: httpx.Client, how: str) -> Iterator[None]:
    """Have many clients inside the block that have sent the head of a write and stall in its body."""
    more = ("Content-Length: 1000",) if "Expect" in how else ()
    beginning = head(client, how, *more) + (b"" if more else b'3e8\r\n{"title": "')
    with ExitStack() as stack:
        for _ in range(THREADS * 3):
            stalled = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            stalled.sendall(beginning)
        time.sleep(0.3)
        yield


BODIES = ["Content-Length: 1000", "Transfer-Encoding: chunked", "Expect: 100-continue"]


@pytest.mark.parametrize("how", BODIES)
def test_who_stalls_in_the_body_holds_no_reader_up(server: LiveServer, alice: httpx.Client, how: str) -> None:
    with stalling(server, alice, how), server.client(headers=alice.headers, timeout=5) as other:
        for path in ("/api/notes/", "/healthz", "/readyz"):
            seconds, answer = timed(other, "GET", path)
            assert (answer.status_code, seconds < 2) == (200, True)


@pytest.mark.parametrize("how", BODIES)
def test_a_write_beside_stalled_bodies_is_served(server: LiveServer, alice: httpx.Client, how: str) -> None:
    with stalling(server, alice, how), server.client(headers=alice.headers, timeout=5) as other:
        seconds, answer = timed(other, "PATCH", "/api/notes/1/")
        assert (answer.status_code, seconds < 2) == (404, True)


@pytest.mark.parametrize("how", BODIES)
def test_who_stalls_in_the_body_is_told_so_and_let_go(
    server: LiveServer, alice: httpx.Client, how: str
) -> None:
    more = ("Content-Length: 1000",) if "Expect" in how else ()
    data = head(alice, how, *more) + (b"" if more else b'3e8\r\n{"title": "')
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(data)
        told = b""
        while b"body_too_slow" not in told:
            received = connection.recv(65536)
            assert received, told
            told += received
        # So that its thread is free.
        connection.settimeout(5)
        assert connection.recv(65536) == b""
    assert b"HTTP/1.1 408 Request Timeout\r\n" in told
    assert b"connection: close" in told.lower()
    assert BODY_SECONDS - 1 < time.monotonic() - begin < PATIENCE_SECONDS


def test_large_bodies_that_stall_are_bounded_and_leave_room_for_small_ones(
    server: LiveServer, alice: httpx.Client
) -> None:
    large = head(alice, "Content-Length: 100000")
    with ExitStack() as stack:
        for _ in range(OTHER_BODIES):
            stalled = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            stalled.sendall(large)
        time.sleep(0.5)
        seconds, answer = timed(alice, "PATCH", "/api/notes/1/")
        assert (answer.status_code, seconds < 2) == (404, True)
        note = {"title": "Large", "chapters": [{"title": "a" * 70_000}]}
        refused = alice.post("/api/notes/", json=note)
        assert (refused.status_code, refused.json()["code"]) == (503, "server_busy")
        assert int(refused.headers["Retry-After"]) >= 1
    eventually(lambda: alice.post("/api/notes/", json=note).status_code == 422, 5, "it stays refused")


def test_a_body_in_pieces_is_read(server: LiveServer, alice: httpx.Client) -> None:
    body = b'{"title": "", "chapters": []}'
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head(alice, f"Content-Length: {len(body)}"))
        for number in range(len(body)):
            time.sleep(0.02)
            connection.sendall(body[number : number + 1])
        assert connection.recv(65536).startswith(b"HTTP/1.1 422")


def test_who_goes_away_in_the_body_leaves_nothing(server: LiveServer, alice: httpx.Client) -> None:
    for length in ("Content-Length: 1000", "Transfer-Encoding: chunked"):
        reply = send(server, head(alice, length) + b'10\r\n{"title": "Half"', closes=True)
        assert reply.statuses in ([], [400])
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head(alice, length) + b'{"title": "Half"}')


def test_a_body_without_end_is_refused_at_the_limit(server: LiveServer, alice: httpx.Client) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    reply = send(server, head(alice, "Transfer-Encoding: chunked") + chunk * 2 * (LARGEST_BODY // 0x10000))
    assert (reply.statuses, reply.closed, reply.seconds < 5) == ([413], True, True)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["Content-Length: -5"], 400),
        (["Content-Length: five"], 400),
        (["Content-Length: +15"], 400),
        (["Content-Length: 15", "Content-Length: 16"], 400),
        (["Content-Length: 99999999999999999999999"], 400),
        (["Content-Length: 99999999999"], 413),
        (["Content-Length: 3"], 400),
        (["Content-Length: 15", "Transfer-Encoding: chunked"], 400),
        (["Transfer-Encoding: identity, chunked, fancy"], 400),
    ],
)
def test_a_length_that_is_not_true_is_refused(
    server: LiveServer, alice: httpx.Client, lines: list[str], status: int
) -> None:
    reply = send(server, head(alice, *lines) + b'{"title": "No"}')
    # What follows a body that was too short is no request either.
    assert reply.statuses[:1] == [status]
    assert set(reply.statuses) <= {400, 413}


@pytest.mark.parametrize("line", [b"X-Long: " + b"a" * 1_000_000, b"\r\n".join([b"X-Many: a"] * 100_000)])
def test_a_head_of_a_megabyte_is_refused(server: LiveServer, line: bytes) -> None:
    reply = send(server, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + line + b"\r\n\r\n")
    assert set(reply.statuses) <= {400, 431}
    assert reply.closed and reply.seconds < 5


def test_pipelined_requests_are_answered_in_order(server: LiveServer, alice: httpx.Client) -> None:
    paths = ["/healthz", "/api/notes/?page_size=0", "/nowhere/", "/api/auth/me/"] * 5
    requests = [head(alice, request=f"GET {path} HTTP/1.1") for path in paths]
    reply = send(
        server, b"".join(requests) + head(alice, "Connection: close", request="GET /readyz HTTP/1.1")
    )
    assert reply.statuses == [200, 422, 404, 200] * 5 + [200]


def test_http_1_0_is_answered_and_closed(server: LiveServer, alice: httpx.Client) -> None:
    for request, status in (("GET /healthz HTTP/1.0", 200), ("GET /api/notes/ HTTP/1.0", 200)):
        reply = send(server, head(alice, request=request))
        assert (reply.statuses, reply.closed, reply.seconds < 2) == ([status], True, True)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /a\x00b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n\r\nc: d\r\n\r\n",
    ],
)
def test_what_is_no_http_is_cut(server: LiveServer, data: bytes) -> None:
    reply = send(server, data)
    assert reply.closed
    assert all(status < 500 for status in reply.statuses)
