"""Bodies that come too slowly, from real sockets; through whole servers in faults/test_slow_and_broken_clients.py."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from noteassist import bodies, slow_bodies
from noteassist.errors import BodyTooSlow
from noteassist.slow_bodies import Watcher, refuse

SECONDS = 0.3


class Line:
    """A client's end of a connection to a port, and the server's."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        with socket.create_server(("127.0.0.1", port)) as listener:
            self.port = listener.getsockname()[1]
            self.client = socket.create_connection(("127.0.0.1", self.port), source_address=(address, 0))
            self.server, _ = listener.accept()
        self.address = address
        self.input = self.server.makefile("rb")

    @property
    def environ(self) -> dict[str, object]:
        """Give a request's environment, as gunicorn makes it."""
        return {"wsgi.input": self.input, "gunicorn.socket": self.server}

    def answer(self) -> bool:
        """Tell the client."""
        self.server.sendall(b"408")
        return True

    def is_ended(self) -> bool:
        """Say whether the server has read the end of the input."""
        self.server.settimeout(0.2)
        try:
            return self.server.recv(1) == b""
        except TimeoutError:
            return False

    def close(self) -> None:
        for each in (self.client, self.input, self.server):
            each.close()


class Both:
    """A refusal, in whose moment somebody else is answered too."""

    def __init__(self, slow: Line, other: Line) -> None:
        self.slow, self.other = slow, other
        self.address, self.port = slow.address, slow.port

    def answer(self) -> bool:
        """Tell both."""
        return self.other.answer() and self.slow.answer()


@pytest.fixture
def line() -> Iterator[Line]:
    """Give a connection that ends with the test."""
    made = Line()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_bodies, "PIECE_SECONDS", SECONDS)
    monkeypatch.setattr(slow_bodies, "LOOK_SECONDS", SECONDS / 10)
    monkeypatch.setattr(slow_bodies, "ANSWER_SECONDS", SECONDS / 30)
    monkeypatch.setattr(slow_bodies, "PIECE", 4)
    monkeypatch.setattr(bodies, "_watcher", Watcher())


def read(line: Line, size: int) -> bytes:
    return bodies._read(line.environ, size)  # what `gate_body` reads with


def test_a_body_that_is_there_is_read_and_no_more_than_is_wanted(line: Line) -> None:
    line.client.sendall(b"twelve bytes and the next request")
    assert read(line, 12) == b"twelve bytes"
    assert read(line, 8) == b" and the"


def test_a_body_that_ends_before_is_what_there_was(line: Line) -> None:
    line.client.sendall(b"half")
    line.client.shutdown(socket.SHUT_WR)
    assert read(line, 12) == b"half"


def test_a_body_that_stalls_is_given_up_and_its_client_can_be_told(line: Line) -> None:
    line.client.sendall(b"half of")
    with pytest.raises(BodyTooSlow):
        read(line, 12)
    line.server.sendall(b"408")
    assert line.client.recv(3) == b"408"


def test_a_byte_now_and_then_is_not_enough(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_bodies, "PIECE", 1000)
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(SECONDS / 10):
            line.client.sendall(b"a")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(BodyTooSlow):
            read(line, 12_000)
    finally:
        stop.set()
        thread.join()


def test_a_body_whose_pieces_keep_coming_may_take_its_time(line: Line) -> None:
    def send() -> None:
        for piece in (b"a sl", b"ow b", b"ody!"):
            time.sleep(SECONDS * 0.5)
            line.client.sendall(piece)

    thread = threading.Thread(target=send)
    thread.start()
    assert read(line, 12) == b"a slow body!"
    thread.join()


def test_what_reading_raises_is_raised() -> None:
    class Broken:
        def read(self, _size: int) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        bodies._read({"wsgi.input": Broken()}, 4)


def test_a_body_that_was_given_up_in_its_last_moment_stays_given_up(line: Line) -> None:
    # The client has been told so.
    class Late:
        def read(self, _size: int) -> bytes:
            time.sleep(SECONDS * 2)
            return b"body"

    with pytest.raises(BodyTooSlow):
        bodies._read(line.environ | {"wsgi.input": Late()}, 4)


def test_where_the_server_does_not_name_the_connection_the_one_that_was_answered_is_found(line: Line) -> None:
    others = [Line("127.0.0.1", line.port), Line("127.0.0.2", line.port)]
    time.sleep(SECONDS * 1.2)
    refuse([line])
    assert line.client.recv(3) == b"408"
    assert line.is_ended()
    for other in others:
        assert not other.is_ended()
        other.close()


def test_an_answer_to_another_address_in_that_moment_is_told_apart(line: Line) -> None:
    other = Line("127.0.0.2", line.port)
    time.sleep(SECONDS * 1.2)
    refuse([Both(line, other)])
    assert line.is_ended()
    assert not other.is_ended()
    other.close()


def test_where_others_of_that_address_were_answered_in_that_moment_too_nobody_is_cut(line: Line) -> None:
    other = Line(port=line.port)
    time.sleep(SECONDS * 1.2)
    refuse([Both(line, other)])
    assert not line.is_ended()
    assert not other.is_ended()
    other.close()


def test_who_was_sent_something_a_moment_ago_is_not_looked_at(line: Line) -> None:
    time.sleep(SECONDS * 1.2)
    line.server.sendall(b"200")
    refuse([line])
    assert not line.is_ended()
