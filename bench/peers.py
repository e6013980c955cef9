"""The server beside ours: one that runs, or one that is started in the configuration that a measurement needs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cases import WARM
from bench.errors import BenchError
from bench.options import Options, Peer
from bench.servers import Backing, started, status_of

LIST_PATH = "/api/notes/"
# Counted against, and never reached.
FAR_THROTTLE = "1000000/min"


@dataclass(frozen=True)
class Site:
    """Where a server can be asked, and the processes that an answer keeps busy."""

    port: int
    roots: Mapping[str, int]


def peer_settings(setup: str, *, limits: bool) -> dict[str, str]:
    """Say as environment variables how a peer has to run."""
    return {
        "PEER_CACHE": "1" if setup == WARM else "0",
        # A list that reads no more than it shows.
        "PEER_LIST_PREFETCH": "0",
        "PEER_THROTTLE": FAR_THROTTLE if limits else "",
        # No process is replaced during a run.
        "MAX_REQUESTS": "0",
        "WORKERS": "2",
        "THREADS": "4",
    }


@contextmanager
def peer_site(
    options: Options, backing: Backing, folder: Path, setup: str, *, limits: bool
) -> Iterator[Site]:
    """Give the peer that runs, or start it by its command and stop it at the end."""
    peer = options.peer
    if peer is None:
        raise BenchError("There is no peer in this run.")
    if not peer.command:
        yield Site(peer.port, peer.roots)
        return
    if status_of(peer.port, LIST_PATH) is not None:
        raise BenchError(
            f"Somebody listens on port {peer.port} already, so the peer cannot be started there."
        )
    environment = {**os.environ, **peer_settings(setup, limits=limits)}
    command = ["/bin/sh", "-c", peer.command]
    with started(command, environment, folder, answers, peer.port) as server:
        yield Site(server.port, backing.roots(server.pid) | started_roots(peer))


def started_roots(peer: Peer) -> dict[str, int]:
    """Keep the processes that were there before, which the peer uses."""
    return {role: pid for role, pid in peer.roots.items() if role != "app"}


def answers(port: int) -> bool:
    """Say whether a peer answers at all; a list without a token is refused, and that is an answer."""
    return status_of(port, LIST_PATH) is not None
