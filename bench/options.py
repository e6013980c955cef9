"""What the benchmark is told, by its command line and by its environment."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from bench.cases import CASES
from bench.errors import BenchError
from bench.processes import parse_roots

SECTIONS = (
    *CASES,
    "ceilings",
    "growth",
    "memory",
    "api_key",
    "tasks",
    "search",
    "admin",
    "documents",
    "sandbox",
    "connections",
    "threads",
    "start",
)
# Names for several sections at once.
GROUPS = {
    "table": tuple(CASES),
    "performance": (*CASES, "ceilings", "growth", "memory"),
}
LIMITS = {"on": (True,), "off": (False,), "both": (True, False)}
DEFAULT_PASSWORD = "a bench signs in 9481 times"  # seeded data on loopback only
Number = TypeVar("Number", int, float)
LOCAL = ("127.0.0.1", "localhost")
DESCRIPTION = """\
Measure NoteAssist: what a request costs in processor time and how long it takes, beside a peer
server if there is one; what growth costs; how soon a server is ready and what it holds at rest.
"""
ENVIRONMENT = """\
environment:
  PEER=URL            a server with the same paths, on this machine, seeded alike
  PEER_COMMAND=CMD    a shell command that serves it at PORT, run anew for each configuration, told it by
                      PEER_CACHE=0|1 PEER_LIST_PREFETCH=0 PEER_THROTTLE=RATE (or empty) MAX_REQUESTS=0
                      WORKERS=2 THREADS=4
                      (without it the server at PEER has to run, and is measured as it runs)
  PEER_PIDS=app=PID,postgres=PID,redis=PID
                      the root processes of that server, for its processor time; one that is started is known,
                      and taken to use the same PostgreSQL and Redis servers as ours unless they are named here
  PEER_PASSWORD       the password of its seeded users (default: the bench's own)
  PEER_TOKENS=FILE    access tokens of its users 1, 2, ..., one a line, instead of signing in
  BENCH_DATABASE_URL  a PostgreSQL server on this machine to make the bench's databases on
  BENCH_REDIS_URL     a Redis server on this machine (default for both: throw-away ones)
"""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How much is seeded."""

    users: int
    notes: int
    chapters: int
    topics: int

    @property
    def name(self) -> str:
        """Name this amount of data."""
        return f"{self.users}x{self.notes}x{self.chapters}x{self.topics}"


@dataclass(frozen=True, kw_only=True)
class Instance:
    """How much stands in an instance that is administered: users, notes, and uses of AI tools."""

    users: int
    notes: int
    uses: int


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """How many connections are held idle, how many clients are slow, and how long others ask beside them."""

    connections: int
    slow: int
    rounds: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Peer:
    """The server beside ours, if there is one."""

    port: int
    roots: dict[str, int]
    password: str
    tokens: tuple[str, ...]
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Everything that decides what this run does."""

    only: tuple[str, ...]
    rounds: int
    seconds: float
    warm_seconds: float
    drivers: int
    reseed: bool
    limits: tuple[bool, ...]
    publish: bool
    shape: Shape
    growth: Shape
    growth_small: tuple[int, ...]
    memory_requests: int
    search_notes: int
    instance: Instance
    document_notes: int
    crowd: Crowd
    start_rounds: int
    peer: Peer | None
    database_url: str | None
    redis_url: str | None
    results: Path


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        prog="python -m bench",
        description=DESCRIPTION,
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--only", metavar="NAMES", help=f"some of: {','.join((*GROUPS, *SECTIONS))}")
    made.add_argument("--rounds", type=int, help="rounds of each case (3, quick: 2)")
    made.add_argument("--seconds", type=float, help="measured seconds a round (3, quick: 1)")
    made.add_argument("--drivers", type=int, default=1, help="load driver processes (1)")
    made.add_argument("--quick", action="store_true", help="small data and short rounds: a smoke run")
    made.add_argument(
        "--limits",
        choices=LIMITS,
        default="both",
        help="count requests of the cases against limits nobody reaches",
    )
    made.add_argument(
        "--memory-requests", type=int, help="requests of the section memory (1,000,000, quick: 20,000)"
    )
    made.add_argument(
        "--publish",
        action="store_true",
        help="write tables and picture into docs/, and keep the figures with them",
    )
    made.add_argument("--reseed", action="store_true", help="make the bench's databases anew")
    return made


def read_options(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Turn command line and environment into one checked object."""
    given = parser().parse_args(arguments)
    quick = given.quick
    return Options(
        only=chosen(given.only),
        rounds=within("--rounds", given.rounds, 2 if quick else 3, 50),
        seconds=within("--seconds", given.seconds, 1.0 if quick else 3.0, 60),
        warm_seconds=0.5 if quick else 1.0,
        drivers=within("--drivers", given.drivers, 1, 16),
        reseed=given.reseed,
        limits=LIMITS[given.limits],
        publish=given.publish,
        shape=Shape(users=20 if quick else 200, notes=50, chapters=4, topics=5),
        growth=Shape(users=1, notes=2_000 if quick else 100_000, chapters=1, topics=1),
        growth_small=(100, 500) if quick else (100, 10_000),
        memory_requests=within(
            "--memory-requests", given.memory_requests, 20_000 if quick else 1_000_000, 100_000_000
        ),
        search_notes=500 if quick else 5_000,
        instance=Instance(
            users=200 if quick else 10_000,
            notes=5_000 if quick else 500_000,
            uses=20_000 if quick else 2_000_000,
        ),
        document_notes=50 if quick else 1_000,
        crowd=Crowd(
            connections=1_000 if quick else 10_000,
            slow=50 if quick else 500,
            rounds=1 if quick else 3,
            seconds=2.0 if quick else 10.0,
        ),
        start_rounds=2 if quick else 5,
        peer=read_peer(environment),
        database_url=environment.get("BENCH_DATABASE_URL") or None,
        redis_url=environment.get("BENCH_REDIS_URL") or None,
        results=Path(__file__).parent / "results",
    )


def within(name: str, given: Number | None, default: Number, most: int) -> Number:
    """Take a number that keeps the run bounded."""
    value = default if given is None else given
    if not 0 < value <= most:
        raise BenchError(f"{name} must be more than 0 and at most {most}.")
    return value


def chosen(names: str | None) -> tuple[str, ...]:
    """Check the sections asked for."""
    named = names.split(",") if names else SECTIONS
    wanted = tuple(dict.fromkeys(section for name in named for section in GROUPS.get(name, (name,))))
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        raise BenchError(f"--only knows {', '.join((*GROUPS, *SECTIONS))}, but not {', '.join(unknown)}.")
    return wanted


def read_peer(environment: Mapping[str, str]) -> Peer | None:
    """Read what is said about a peer, and refuse one that is not on this machine."""
    address = environment.get("PEER")
    command = environment.get("PEER_COMMAND", "")
    if not address:
        if command:
            raise BenchError("PEER_COMMAND needs PEER=http://127.0.0.1:PORT, where it serves.")
        return None
    parts = urlsplit(address)
    if parts.scheme != "http" or parts.hostname not in LOCAL or parts.path.strip("/"):
        raise BenchError(f"PEER={address}: only http://127.0.0.1:PORT is measured.")
    roots = parse_roots(environment.get("PEER_PIDS", ""))
    if command:
        for role, variable in (("postgres", "BENCH_DATABASE_URL"), ("redis", "BENCH_REDIS_URL")):
            if role not in roots and not environment.get(variable):
                raise BenchError(f"Name the {role} that the peer uses: by {variable}, or in PEER_PIDS.")
    tokens = environment.get("PEER_TOKENS")
    return Peer(
        port=parts.port or 80,
        roots=roots,
        password=environment.get("PEER_PASSWORD") or DEFAULT_PASSWORD,
        tokens=tuple(Path(tokens).read_text().split()) if tokens else (),
        command=command,
    )
