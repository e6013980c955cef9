"""Connections on which nothing comes forward are cut, as a proxy in front would do it.

granian puts a limit on the time for headers and for the next request on a connection, and on nothing else: a client
that does not take its answer stays for as long as it likes, and what waits for it stays too. The kernel knows when
something was last sent on a connection. Who has got nothing for a minute, and has not sent much meanwhile, is cut: a
stream says something every 15 s, and no request is worked on for so long without an answer. Linux only.
"""

import ctypes
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SILENT_SECONDS = 60.0
LOOK_SECONDS = 10.0
# Whoever sends a large file gets no answer for long, and sends more than that between two looks.
LEAST_BYTES = 32 * 1024
DESCRIPTORS = Path("/proc/self/fd")
# struct tcp_info in linux/tcp.h: milliseconds since something was sent; bytes received.
TCP_INFO_BYTES = 136
LAST_SENT, RECEIVED = struct.Struct("@I"), struct.Struct("@Q")
LAST_SENT_AT, RECEIVED_AT = 44, 128

_libc = ctypes.CDLL(None, use_errno=True)


class Line(NamedTuple):
    """What the kernel says of a connection: seconds since something was sent, and the bytes received so far."""

    silent_seconds: float
    received: int


class Client(NamedTuple):
    """A connection of a client, by a descriptor of our own, and the number of the server's."""

    number: int
    connection: socket.socket
    address: str

    @property
    def silent_seconds(self) -> float:
        """Give the seconds since something was sent on it, as of now."""
        line = line_of(self.connection.fileno())
        return float("inf") if line is None else line.silent_seconds


class Silence:
    """Looks at the connections of one port of this process."""

    def __init__(self, port: int) -> None:
        self.port = port
        # What those had received when they were found silent.
        self.found: dict[tuple[int, object], int] = {}

    def start(self) -> None:
        """Look again and again, in a thread of its own."""
        if sys.platform.startswith("linux"):
            threading.Thread(target=self.run, name="silence", daemon=True).start()

    def run(self) -> None:
        """Look until the process ends."""
        while True:
            time.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Cut those that were silent at the last look too, and have sent little since."""
        found = {}
        for client in clients_of(self.port, at_least=SILENT_SECONDS):
            with client.connection as connection, suppress(OSError):
                key = (client.number, connection.getpeername())
                line = line_of(connection.fileno())
                if line is None or line.silent_seconds < SILENT_SECONDS:
                    continue
                if key in self.found and line.received - self.found[key] < LEAST_BYTES:
                    connection.shutdown(socket.SHUT_RDWR)
                else:
                    found[key] = line.received
        self.found = found


def clients_of(port: int, *, at_least: float) -> list[Client]:
    """List the connections of clients on which nothing was sent for so many seconds; the caller closes each."""
    return list(_clients_of(port, at_least)) if sys.platform.startswith("linux") else []


def _clients_of(port: int, at_least: float) -> Iterator[Client]:
    for number in [int(entry.name) for entry in DESCRIPTORS.iterdir()]:
        line = line_of(number)
        if line is None or line.silent_seconds < at_least:
            continue
        # A descriptor of our own: the number may be another connection's in the next moment.
        with suppress(OSError):
            connection = _duplicate(number)
            try:
                if client := _client(number, connection, port):
                    yield client
                    continue
            except OSError:
                pass
            connection.close()


def _duplicate(number: int) -> socket.socket:
    descriptor = os.dup(number)
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise


def _client(number: int, connection: socket.socket, port: int) -> Client | None:
    """Give one of our clients, None for a database's connection; raises OSError for what is no connection."""
    if connection.family not in {socket.AF_INET, socket.AF_INET6} or connection.getsockname()[1] != port:
        return None
    # The socket that listens has no peer: an OSError.
    return Client(number, connection, connection.getpeername()[0])


def line_of(descriptor: int) -> Line | None:
    """Ask the kernel about a connection; None where the descriptor is something else."""
    buffer = ctypes.create_string_buffer(TCP_INFO_BYTES)
    size = ctypes.c_uint32(TCP_INFO_BYTES)
    failed = _libc.getsockopt(descriptor, socket.IPPROTO_TCP, socket.TCP_INFO, buffer, ctypes.byref(size))
    if failed or size.value < TCP_INFO_BYTES:
        return None
    (milliseconds,) = LAST_SENT.unpack_from(buffer, LAST_SENT_AT)
    (received,) = RECEIVED.unpack_from(buffer, RECEIVED_AT)
    return Line(milliseconds / 1000, received)
