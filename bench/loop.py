"""A closed loop of keep-alive connections in one process: ask, wait for the answer, ask again."""

import selectors
import socket
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from time import perf_counter
from typing import Self

from bench.errors import BenchError
from bench.wire import Answer, BadAnswer, first_answer

LOOPBACK = "127.0.0.1"
# A server that fails does it fast: stop early instead of hammering it with what it cannot answer.
MAX_FAILURES = 20
MAX_REQUESTS = 1_000_000
# What is still under way at the end may take this long before it counts as lost.
GRACE_SECONDS = 20.0
RECEIVE_BYTES = 256 * 1024


@dataclass
class Outcome:
    """What a stretch of load gave: every answer counted, every failure kept."""

    seconds: float = 0.0
    # Quoted: array can be subscripted only by a type checker before Python 3.12.
    latencies_ms: "array[float]" = field(default_factory=lambda: array("d"))
    statuses: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    sample: str = ""

    def count(self, status: str, sample: bytes = b"") -> None:
        """Count one answer, and keep the words of the first one that is not a success."""
        self.statuses[status] += 1
        if not status.startswith("2"):
            self.failures += 1
            self.sample = self.sample or sample[:600].decode(errors="replace")

    def add(self, other: "Outcome") -> None:
        """Put the outcome of another process of the same load to this one."""
        self.seconds = max(self.seconds, other.seconds)
        self.latencies_ms.extend(other.latencies_ms)
        self.statuses.update(other.statuses)
        self.failures += other.failures
        self.sample = self.sample or other.sample


class Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._buffer = bytearray()
        self._sent_at = 0.0
        self.socket = self._connect()

    def _connect(self) -> socket.socket:
        """Open the connection without waiting to fill packets."""
        opened = socket.create_connection((LOOPBACK, self._port), timeout=10)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def reconnect(self) -> None:
        """Replace a connection that the server has closed."""
        self.socket.close()
        self._buffer.clear()
        self.socket = self._connect()

    def send(self, request: bytes) -> None:
        """Send one request and start its clock."""
        self._sent_at = perf_counter()
        self.socket.sendall(request)

    def receive(self) -> tuple[Answer, float, bytes] | None:
        """Take what has arrived; once the answer is whole: it, its milliseconds, its bytes."""
        received = self.socket.recv(RECEIVE_BYTES)
        if not received:
            raise ConnectionResetError("The server closed the connection without an answer.")
        self._buffer += received
        answer = first_answer(self._buffer)
        if answer is None:
            return None
        milliseconds = (perf_counter() - self._sent_at) * 1000
        # Only a failure's words are ever looked at, so a success is not copied.
        words = b"" if 200 <= answer.status < 300 else bytes(self._buffer[: answer.length])
        del self._buffer[: answer.length]
        return answer, milliseconds, words


class ClosedLoop:
    """All connections of one driver process, walking round one list of prepared requests."""

    def __init__(self, port: int, requests: Sequence[bytes], connections: int, share: float) -> None:
        # Processes start at different places, so that they do not ask for the same at once.
        start = int(len(requests) * share)
        self._requests: Iterator[bytes] = islice(cycle(requests), start, None)
        self._selector = selectors.DefaultSelector()
        try:
            self._connections = [Connection(port) for _ in range(connections)]
        except OSError as error:
            raise BenchError(f"Nothing answers at {LOOPBACK}:{port}: {error}") from error
        for connection in self._connections:
            self._watch(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for connection in self._connections:
            connection.socket.close()

    def _watch(self, connection: Connection) -> None:
        """Have the selector report this connection's answers."""
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def run(self, seconds: float, most: int | None = None) -> Outcome:
        """Load for this long or until so many answers, then wait for those under way: all that was asked counts."""
        most = MAX_REQUESTS if most is None else min(most, MAX_REQUESTS)
        outcome = Outcome()
        started = perf_counter()
        deadline = started + seconds
        busy = set(self._connections)
        for connection in self._connections:
            connection.send(next(self._requests))
        while busy:
            events = self._selector.select(0.5)
            now = perf_counter()
            if now > deadline + GRACE_SECONDS:
                self._give_up(busy, outcome)
                break
            for key, _ in events:
                if not self._handle(key.data, outcome):
                    continue
                if now < deadline and not self._enough(outcome, most):
                    key.data.send(next(self._requests))
                else:
                    busy.discard(key.data)
        outcome.seconds = perf_counter() - started
        return outcome

    def _enough(self, outcome: Outcome, most: int) -> bool:
        """Say whether this load has reached one of its bounds."""
        return outcome.failures >= MAX_FAILURES or len(outcome.latencies_ms) >= most

    def _handle(self, connection: Connection, outcome: Outcome) -> bool:
        """Count the answer if it is whole; true when the connection is free again."""
        try:
            received = connection.receive()
        except (OSError, BadAnswer) as error:
            outcome.count(type(error).__name__, str(error).encode())
            self._renew(connection)
            return True
        if received is None:
            return False
        answer, milliseconds, words = received
        outcome.latencies_ms.append(milliseconds)
        outcome.count(str(answer.status), words)
        if answer.closes:
            self._renew(connection)
        return True

    def _renew(self, connection: Connection) -> None:
        """Open a closed connection again."""
        self._selector.unregister(connection.socket)
        connection.reconnect()
        self._watch(connection)

    def _give_up(self, busy: set[Connection], outcome: Outcome) -> None:
        """Count what never came, and leave those connections clean for the next stretch."""
        for connection in busy:
            outcome.count("timeout", b"No answer within the grace after the end.")
            self._renew(connection)
