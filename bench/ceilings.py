"""What an answer costs at the least: the same bytes from a bare application, without and with a question to Redis.

`python -m bench.ceilings` serves the one that the environment names, by the same server with the same settings as ours.
"""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from granian import Granian
from granian.constants import HTTPModes, Interfaces

from bench.loop import LOOPBACK
from bench.peers import Site
from bench.servers import Backing, started, status_of
from noteassist import redis_clients
from noteassist.cli.serve import BACKLOG, BACKPRESSURE, SPARE_THREADS

BODY_VARIABLE = "BENCH_CEILING_BODY"
NAME_VARIABLE = "BENCH_CEILING"
KEY = "noteassist:bench"
BARE, PLAIN, CLIENT = (
    "bare WSGI",
    "one round trip to Redis, plain socket",
    "one round trip to Redis, redis-py",
)
WEB_STREAMS = 64


def bare(_url: str) -> Callable[[], object]:
    """Ask nobody."""
    return lambda: None


def plain(url: str) -> Callable[[], object]:
    """Ask Redis by a socket of each thread, without any client."""
    parts = urlsplit(url)
    own = threading.local()
    number = parts.path.lstrip("/") or "0"
    question = encoded("GET", KEY)

    def connection() -> socket.socket:
        found = socket.create_connection((parts.hostname or LOOPBACK, parts.port or 6379))
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.password:
            found.sendall(encoded("AUTH", *filter(None, (parts.username, parts.password))))
            found.recv(4096)
        found.sendall(encoded("SELECT", number))
        found.recv(4096)
        return found

    def ask() -> object:
        if not hasattr(own, "socket"):
            own.socket = connection()
        own.socket.sendall(question)
        return own.socket.recv(4096)

    return ask


def client(url: str) -> Callable[[], object]:
    """Ask Redis by the client that our server uses."""
    found = redis_clients.quick(url)
    return lambda: found.get(KEY)


KINDS = {BARE: bare, PLAIN: plain, CLIENT: client}


def encoded(*words: str) -> bytes:
    """Write one command of Redis' protocol."""
    parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    return f"*{len(words)}\r\n{parts}".encode()


def application() -> WSGIApplication:
    """Make what a server process serves: the same bytes to whoever asks for whatever."""
    body = Path(os.environ[BODY_VARIABLE]).read_bytes()
    ask = KINDS[os.environ[NAME_VARIABLE]](os.environ["REDIS_URL"])
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]

    def answer(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        ask()
        start_response("200 OK", headers)
        return [body]

    return answer


@contextmanager
def ceiling_sites(
    servers: Backing, environment: Mapping[str, str], folder: Path, body: bytes
) -> Iterator[dict[str, Site]]:
    """Start all of them; they answer with this body."""
    file = folder / "ceiling-body"
    file.write_bytes(body)
    with ExitStack() as stack:
        sites = {}
        for name in KINDS:
            own = {**environment, BODY_VARIABLE: str(file), NAME_VARIABLE: name}
            command = [sys.executable, "-m", "bench.ceilings"]
            server = stack.enter_context(started(command, own, folder, is_up))
            sites[name] = Site(server.port, servers.roots(server.pid))
        yield sites


def is_up(port: int) -> bool:
    """Say whether it answers."""
    return status_of(port, "/") == 200


def serve() -> None:
    """Serve at PORT."""
    threads = int(os.environ["WEB_THREADS"])
    Granian(
        "bench.ceilings:application",
        factory=True,
        address=LOOPBACK,
        port=int(os.environ["PORT"]),
        interface=Interfaces.WSGI,
        workers=int(os.environ["WEB_PROCESSES"]),
        blocking_threads=2 * threads + WEB_STREAMS + SPARE_THREADS,
        http=HTTPModes.http1,
        backlog=BACKLOG,
        backpressure=BACKPRESSURE,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    serve()
