"""HTTP/1.1 as a stand-in needs it: a task for each connection, and full power over how an answer breaks."""

import asyncio
import http.client
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

BACKLOG = 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """A request as it came; the names of its headers are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """A client's connection: its requests are handled one after the other, until it leaves.

    A client that leaves cancels the task that answers it.
    """

    transport: asyncio.Transport
    task: asyncio.Task[None]

    def __init__(self, handle: "Handler", connections: set["Connection"]) -> None:
        self.handle = handle
        self.connections = connections
        self.buffer = bytearray()
        self.arrived = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve the client."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.connections.add(self)
        self.task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        """Keep what the client sent."""
        self.buffer += data
        self.arrived.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop: the client left, or was sent away."""
        self.connections.discard(self)
        self.task.cancel()

    def pause_writing(self) -> None:
        """Let senders wait."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """Let senders go on."""
        self.writable.set()

    async def send(self, data: bytes) -> None:
        """Send, and wait while the client is slow to read."""
        self.transport.write(data)
        if not self.writable.is_set():
            await self.writable.wait()

    async def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a whole answer."""
        await self.send(head(status, {**headers, "content-length": str(len(body))}) + body)

    def close(self) -> None:
        """Close the connection after what was sent."""
        self.transport.close()

    def reset(self) -> None:
        """Break the connection off at once."""
        self.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE
        )
        self.transport.abort()

    async def _serve(self) -> None:
        try:
            while not self.transport.is_closing():
                request = await self._request()
                await self.handle(self, request)
                if request.headers.get("connection", "").lower() == "close":
                    break
        except http.client.HTTPException as error:
            await self.answer(400, str(error).encode(), {"content-type": "text/plain"})
        finally:
            self.transport.close()

    async def _request(self) -> Request:
        """Read a request; raises HTTPException."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            await self._more()
        first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        words, length = first.split(" "), headers.get("content-length", "0")
        if len(words) != 3 or not length.isdecimal() or "transfer-encoding" in headers:
            raise http.client.HTTPException(f"not a request that a stand-in reads: {first}")
        begin, end = end + 4, end + 4 + int(length)
        while len(self.buffer) < end:
            await self._more()
        body = bytes(self.buffer[begin:end])
        del self.buffer[:end]
        target = urlsplit(words[1])
        return Request(words[0], target.path, dict(parse_qsl(target.query)), headers, body)

    async def _more(self) -> None:
        self.arrived.clear()
        await self.arrived.wait()


Handler = Callable[[Connection, Request], Awaitable[None]]


class Listener:
    """A port on which connections are taken; it can go down, with all its connections, and come back."""

    def __init__(self, handle: Handler, host: str, port: int) -> None:
        self.handle = handle
        self.host = host
        self.port = port
        self.connections: set[Connection] = set()
        self.server: asyncio.Server | None = None

    async def up(self) -> None:
        """Listen; the first time on any port where none was given."""
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(self._connection, self.host, self.port, backlog=BACKLOG)
        self.port = self.server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections, and break off those that are open."""
        if self.server is not None:
            self.server.close()
            self.server = None
        tasks = [connection.task for connection in self.connections]
        for connection in list(self.connections):
            connection.reset()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def _connection(self) -> Connection:
        return Connection(self.handle, self.connections)


def head(status: int, headers: Mapping[str, Any]) -> bytes:
    """Write the head of an answer."""
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Custom')}"]
    lines += (f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Write a piece of a body whose length is not said beforehand; the empty one ends it."""
    return b"%x\r\n%b\r\n" % (len(data), data)
