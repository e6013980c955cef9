"""Connections on which nothing comes forward, on real sockets of this process."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from noteassist import silence
from noteassist.silence import Silence, line_of

SECONDS = 0.2


class Pair:
    """Both ends of a connection to a listening socket."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.client = socket.create_connection(("127.0.0.1", self.port))
        self.server, _ = self.listener.accept()

    def is_cut(self) -> bool:
        """Say whether the client's connection has ended."""
        self.client.settimeout(0.1)
        try:
            return self.client.recv(1) == b""
        except TimeoutError:
            return False

    def close(self) -> None:
        for each in (self.client, self.server, self.listener):
            each.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give a connection that ends with the test."""
    made = Pair()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "SILENT_SECONDS", SECONDS)


def test_who_is_sent_nothing_and_sends_little_is_cut_at_the_second_look(pair: Pair) -> None:
    looking = Silence(pair.port)
    time.sleep(SECONDS * 1.5)
    pair.client.sendall(b"a")
    looking.look()
    assert not pair.is_cut()
    pair.client.sendall(b"a")
    looking.look()
    assert pair.is_cut()
    # Nothing else of this process is.
    pair.listener.settimeout(1)
    with socket.create_connection(("127.0.0.1", pair.port)):
        pair.listener.accept()[0].close()


def test_who_is_sent_something_is_not_cut(pair: Pair) -> None:
    looking = Silence(pair.port)
    time.sleep(SECONDS * 1.5)
    looking.look()
    pair.server.sendall(b":")
    looking.look()
    assert pair.client.recv(1) == b":"
    assert not pair.is_cut()
    # And is forgotten: it may be silent again for as long.
    assert looking.found == {}


def test_who_sends_much_is_not_cut(pair: Pair) -> None:
    looking = Silence(pair.port)
    time.sleep(SECONDS * 1.5)
    for _ in range(4):
        looking.look()
        pair.client.sendall(b"a" * silence.LEAST_BYTES)
        pair.server.recv(silence.LEAST_BYTES, socket.MSG_WAITALL)
    assert not pair.is_cut()


def test_connections_of_other_ports_are_left_alone(pair: Pair) -> None:
    looking = Silence(pair.port + 1)
    time.sleep(SECONDS * 1.5)
    looking.look()
    looking.look()
    assert not pair.is_cut()


def test_a_line_is_told_of_by_the_kernel(pair: Pair) -> None:
    pair.client.sendall(b"four")
    pair.server.recv(4)
    time.sleep(0.1)
    line = line_of(pair.server.fileno())
    assert line is not None
    assert line.received == 4 and 0.05 < line.silent_seconds < 60
    one, other = socket.socketpair()
    with one, other, Path("/dev/null").open("rb") as file:
        assert line_of(one.fileno()) is None
        assert line_of(file.fileno()) is None
