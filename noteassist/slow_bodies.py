"""Bodies that come too slowly are given up in time, though nothing can interrupt a WSGI server's read.

A request's thread reads its body, and one thread of the process watches all that are being read. Where the next piece
of one is not there in time, the watcher has its client told 408 and its connection's input ended: then the read
ends too, and the thread is free.

Under gunicorn the request has its socket, which is enough. Under granian it has not, and granian must not get the
thread back before the read has ended: it would wait for it and hold Python's lock meanwhile (2.8.7, `call_http` in
wsgi/callbacks.rs). So the watcher answers in the thread's place (`Protocol`), and finds the connection by what the
kernel says: those of this client to which nothing was sent for as long as the body was waited for, until the very
moment of the answer. Where there are more of these than answers, none is cut, and `silence` ends them after a minute.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from noteassist import silence

# Each piece of a body, or the whole of a small one, has to be there within this time.
PIECE = 32 * 1024
PIECE_SECONDS = 10.0
LOOK_SECONDS = 1.0
# So many requests of a process may wait for their bodies at once: for those of at most 64 KiB, and for others.
SMALL_BODIES = 512
OTHER_BODIES = 32
# An answer is on its way after so long, and it is looked for so often.
ANSWER_SECONDS = 0.1
ANSWER_LOOKS = 5


class Stream(Protocol):
    """What a body is read from."""

    def read(self, size: int, /) -> bytes:
        """Give so many bytes, fewer only at the end."""


class Refusal(Protocol):
    """How a request is answered that is still being read."""

    address: str
    port: int

    def answer(self) -> bool:
        """Tell the client, where the server lets us; says whether it did."""


class Reading:
    """A body that is being read: when its current piece was asked for, and what ends it."""

    def __init__(self, connection: socket.socket | None, refusal: Refusal | None) -> None:
        self.connection = connection
        self.refusal = refusal
        self.since = time.monotonic()
        self.is_over = False
        self.is_given_up = False

    def read(self, stream: Stream, size: int) -> bytes:
        """Read so many bytes, fewer where the body ends or is given up."""
        pieces = []
        while size and not self.is_given_up:
            self.since = time.monotonic()
            piece = stream.read(min(PIECE, size))
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


class Watcher:
    """Looks after all bodies that are being read in this process."""

    def __init__(self) -> None:
        self.readings: set[Reading] = set()
        self.lock = threading.Lock()
        self.is_looking = False

    def begin(self, reading: Reading) -> None:
        """Watch a body from now on."""
        with self.lock:
            self.readings.add(reading)
            if not self.is_looking:
                self.is_looking = True
                threading.Thread(target=self.run, name="slow-bodies", daemon=True).start()

    def end(self, reading: Reading) -> bool:
        """Watch it no more; says whether it was given up meanwhile."""
        with self.lock:
            self.readings.discard(reading)
            return reading.is_given_up

    def run(self) -> None:
        """Look again and again."""
        while True:
            time.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Give up what is overdue."""
        latest = time.monotonic() - PIECE_SECONDS
        with self.lock:
            overdue = [each for each in self.readings if each.since < latest and not each.is_given_up]
            for reading in overdue:
                reading.is_given_up = True
        for reading in overdue:
            if reading.connection is not None:
                end_input(reading.connection)
        refusals = [reading.refusal for reading in overdue if reading.refusal is not None]
        if refusals:
            refuse(refusals)


def refuse(refusals: Sequence[Refusal]) -> None:
    """Answer requests that are still being read, and end the input of their connections."""
    # Roomy, because "100 Continue" may be said a little after the reading begins.
    seconds = 0.9 * PIECE_SECONDS
    silent = silence.clients_of(refusals[0].port, at_least=seconds)
    told = Counter(refusal.address for refusal in refusals if refusal.answer())
    try:
        for _ in range(ANSWER_LOOKS):
            time.sleep(ANSWER_SECONDS)
            answered = [client for client in silent if client.silent_seconds < seconds]
            found = Counter(client.address for client in answered)
            if found == told:
                break
        for client in answered:
            if found[client.address] <= told[client.address]:
                end_input(client.connection)
    finally:
        for client in silent:
            client.connection.close()


def end_input(connection: Any) -> None:
    """Have the server read the end of what a client sends; it can still be sent an answer."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
