"""Lua scripts in Redis, called over sockets that are kept.

redis-py opens the connections (URL, TLS, authentication, time-outs); the calls themselves are written and read here,
in RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/): its own way of doing that takes three
times the processor time, and every request makes such a call (docs/adr/0036-kept-answers.md).
"""

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis

from noteassist import redis_clients

log = logging.getLogger(__name__)

T = TypeVar("T")
Word = bytes | str | int

# For so long nobody asks Redis after it has failed; then one does, and the others go on without it.
PAUSE_SECONDS = 5.0
LONGEST_ANSWER = 65536


class Away(redis.ConnectionError):
    """Redis has failed a moment ago, and is not asked."""


class Script:
    """A script of Redis', known there by its digest once it was run."""

    def __init__(self, source: str) -> None:
        self.source = source.encode()
        self.digest = hashlib.sha1(self.source, usedforsecurity=False).hexdigest().encode()

    def call(self, *words: Word) -> bytes:
        """Write a call of it: the number of keys, the keys, the arguments."""
        return packed(b"EVALSHA", self.digest, *words)


class Connection:
    """One connection; `run_id` names the run of the server at its other end: another run, another memory."""

    def __init__(self, pool: redis.ConnectionPool) -> None:
        """Open it; raises RedisError, OSError."""
        made: Any = pool.make_connection()
        made.connect()
        made.send_command("INFO", "server")
        found = re.search(rb"run_id:(\w+)", _as_bytes(made.read_response()))
        self.made = made
        self.socket: Any = made._sock  # noqa: SLF001  # what redis-py has opened
        self.run_id = found[1].decode() if found else ""

    def call(self, script: Script, call: bytes) -> Any:
        """Make a call that `script` wrote; gives integers, bytes, None, or lists of them.

        Raises redis.ResponseError, redis.ConnectionError and OSError; after the last two the connection is over.
        """
        try:
            try:
                return self._exchange(call)
            except redis.exceptions.NoScriptError:
                self._exchange(packed(b"SCRIPT", b"LOAD", script.source))
                return self._exchange(call)
        except redis.ResponseError:
            raise
        except BaseException:
            self.made.disconnect()
            raise

    def _exchange(self, call: bytes) -> Any:
        self.socket.sendall(call)
        answer = b""
        while True:
            more = self.socket.recv(LONGEST_ANSWER)
            answer += more
            if not more or len(answer) > LONGEST_ANSWER:
                raise redis.ConnectionError("the server closed the connection, or says too much")
            try:
                value, end = _read(answer, 0)
            except _Incomplete:
                continue
            if end != len(answer):
                raise redis.ConnectionError("the server says more than was asked")
            return value


class Scripts:
    """Calls scripts for all threads of a process; after a failure nobody asks for a while, and then one does."""

    def __init__(self, url: str) -> None:
        self.pool = redis_clients.quick(url, protocol=2).connection_pool
        self.idle: list[Connection] = []
        self.lock = threading.Lock()
        self.paused_until = 0.0

    def use(self, work: Callable[[Connection], T]) -> T:
        """Do some work over a connection; raises Away at once while Redis is paused, else RedisError and OSError.

        Work that fails on a connection that was kept is done again on a new one: where the server was started anew
        all that were kept are over.
        """
        if self.paused_until and not self._may_try():
            raise Away("Redis failed a moment ago.")
        try:
            done = self._use(work)
        except redis_clients.FAILURES as error:
            self._pause(error)
            raise
        if self.paused_until:
            self._recover()
        return done

    def _use(self, work: Callable[[Connection], T]) -> T:
        try:
            connection = self.idle.pop()
        except IndexError:
            return self._use_one(work, Connection(self.pool))
        try:
            return self._use_one(work, connection)
        except (redis.TimeoutError, TimeoutError, redis.ResponseError):
            raise
        except (redis.ConnectionError, OSError):
            self.idle.clear()
            return self._use_one(work, Connection(self.pool))

    def _use_one(self, work: Callable[[Connection], T], connection: Connection) -> T:
        try:
            done = work(connection)
        except redis.ResponseError:
            self.idle.append(connection)
            raise
        self.idle.append(connection)
        return done

    def _may_try(self) -> bool:
        """Say, after a failure, whether this call is the one that finds out if Redis is back."""
        with self.lock:
            now = time.monotonic()
            if now < self.paused_until:
                return False
            self.paused_until = now + PAUSE_SECONDS
            return True

    def _pause(self, error: Exception) -> None:
        with self.lock:
            is_news = self.paused_until == 0.0
            self.paused_until = time.monotonic() + PAUSE_SECONDS
        if is_news:
            log.warning("Redis is away, requests do without it: %s", type(error).__name__)

    def _recover(self) -> None:
        with self.lock:
            self.paused_until = 0.0
        log.info("Redis is back")


def packed(*words: Word) -> bytes:
    """Write a command."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        value = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(value), value))
    return b"".join(parts)


class _Incomplete(Exception):
    """The rest of an answer is still to come."""


def _read(answer: bytes, at: int) -> tuple[Any, int]:
    """Read the value that begins there; gives it and where it ends. Raises ResponseError, ConnectionError."""
    end = answer.find(b"\r\n", at)
    if end < 0:
        raise _Incomplete
    kind, line, end = answer[at : at + 1], answer[at + 1 : end], end + 2
    if kind == b":":
        return int(line), end
    if kind == b"$":
        return _read_bytes(answer, int(line), end)
    if kind == b"*":
        values = []
        for _ in range(int(line)):
            value, end = _read(answer, end)
            values.append(value)
        return values, end
    if kind == b"+":
        return line, end
    if kind == b"-":
        message = line.decode(errors="replace")
        raise (
            redis.exceptions.NoScriptError(message)
            if line.startswith(b"NOSCRIPT")
            else redis.ResponseError(message)
        )
    raise redis.ConnectionError("the server speaks no RESP2")


def _read_bytes(answer: bytes, length: int, at: int) -> tuple[bytes | None, int]:
    if length < 0:
        return None, at
    end = at + length
    if len(answer) < end + 2:
        raise _Incomplete
    return answer[at:end], end + 2


def _as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
