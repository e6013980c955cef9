"""Requests as exact bytes over one connection, and which process of a server is at its other end."""

import os
import re
import select
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

import orjson

from tests.live import LiveServer, ServerFailed

Header = tuple[str, str]
Headers = Mapping[str, str] | Sequence[Header]
# They differ between two equal answers.
PASSING = frozenset({"date", "x-request-id", "ratelimit-remaining", "ratelimit-reset"})
FIND_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """An answer as it came: each header as it was written, and the bytes of the body."""

    status: int
    headers: tuple[Header, ...]
    body: bytes

    @property
    def json(self) -> Any:
        """Read the body."""
        return orjson.loads(self.body)

    def header(self, name: str) -> str | None:
        """Give a header's value, several of one name joined as HTTP allows it."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(found) if found else None

    @property
    def lasting(self) -> tuple[int, tuple[Header, ...], bytes]:
        """Give what has to be the same in two equal answers to two requests with the same X-Request-ID."""
        kept = [_ordered(*header) for header in self.headers if header[0].lower() not in PASSING]
        return self.status, tuple(sorted(kept)), self.body


def _ordered(name: str, value: str) -> Header:
    # A set of methods, in any order.
    return (name, ", ".join(sorted(value.split(", ")))) if name.lower() == "allow" else (name, value)


class Wire:
    """One connection, and nothing that a client library would add to what is sent over it."""

    def __init__(self, port: int, seconds: float = 15) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
        self.connection.connect()
        self.was_closed = False

    def ask(
        self,
        method: str,
        target: str,
        headers: Headers = (),
        body: bytes | None = None,
        *,
        version: str = "1.1",
    ) -> Answer:
        """Send a request; gives the answer. Raises OSError, HTTPException."""
        connection = self.connection
        connection._http_vsn_str = f"HTTP/{version}"  # type: ignore[attr-defined]
        connection._http_vsn = int(version.replace(".", ""))  # type: ignore[attr-defined]
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        names = {name.lower() for name, _ in pairs}
        try:
            connection.putrequest(method, target, skip_host="host" in names, skip_accept_encoding=True)
            for name, value in pairs:
                connection.putheader(name, value)
            if body is not None and not names & {"content-length", "transfer-encoding"}:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            answer = Answer(response.status, tuple(response.getheaders()), response.read())
        except (OSError, HTTPException):
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    @property
    def is_open(self) -> bool:
        """Say whether neither side has hung up, as far as one can see from here."""
        sock = self.connection.sock
        # Between two requests there is nothing to read but the end.
        return not self.was_closed and sock is not None and not select.select([sock], [], [], 0)[0]

    def process(self, pids: Sequence[int]) -> int | None:
        """Give which of these processes is at the other end; None while none has taken the connection."""
        assert self.connection.sock is not None
        (_, here), (_, there) = self.connection.sock.getsockname(), self.connection.sock.getpeername()
        local, remote = f"0100007F:{there:04X}", f"0100007F:{here:04X}"
        with open("/proc/net/tcp") as table:
            rows = [line.split() for line in table]
        inodes = {f"socket:[{row[9]}]" for row in rows if row[1] == local and row[2] == remote}
        return next((pid for pid in pids if inodes & set(_open_files(pid))), None)

    def close(self) -> None:
        """Hang up."""
        self.was_closed = True
        self.connection.close()


def _open_files(pid: int) -> list[str]:
    found = []
    with suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.append(os.readlink(entry.path))
    return found


class Doors:
    """Connections to a server, one to each of its processes, made anew where they were closed."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.wires: dict[int, Wire] = {}

    def all(self) -> list[Wire]:
        """Give one connection to each process; raises ServerFailed. Processes that live are not looked for again."""
        if self.wires and all(wire.is_open for wire in self.wires.values()):
            return list(self.wires.values())
        pids = self.server.processes()[1:]
        for wire in self.wires.values():
            if not wire.is_open:
                wire.close()
        self.wires = {pid: wire for pid, wire in self.wires.items() if pid in pids and wire.is_open}
        deadline, others = time.monotonic() + FIND_SECONDS, []
        while missing := set(pids) - set(self.wires):
            if time.monotonic() > deadline:
                raise ServerFailed(f"processes {missing} took no connection")
            wire = Wire(self.server.port)
            wire.ask("GET", "/healthz")
            pid = wire.process(pids)
            if pid in missing:
                self.wires[pid] = wire
            else:
                # Kept for now: whoever has less to do takes the next.
                others.append(wire)
        for wire in others:
            wire.close()
        return list(self.wires.values())

    def close(self) -> None:
        """Hang up everywhere."""
        for wire in self.wires.values():
            wire.close()
        self.wires.clear()


def raw(port: int, content: bytes, seconds: float = 5) -> bytes:
    """Send bytes over a connection of their own; gives all that comes until the server hangs up or says no more."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(content)
        connection.settimeout(1)
        with suppress(TimeoutError, ConnectionResetError):
            while chunk := connection.recv(65536):
                received += chunk
    return received


def without_passing(content: bytes) -> list[bytes]:
    """Give the lines of what came, without the headers that differ between two equal answers."""
    names = "|".join(sorted(PASSING)).encode()
    return [line for line in content.split(b"\r\n") if not re.match(rb"(?i)(" + names + rb"):", line)]
