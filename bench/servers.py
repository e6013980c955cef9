"""What the benchmark starts: PostgreSQL, Redis, and the server that is measured."""

import http.client
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from bench.errors import BenchError
from bench.loop import LOOPBACK
from bench.options import Options
from bench.processes import PROC, read_process
from tests.servers import (
    ServerUnavailable,
    connectable,
    free_port,
    postgres_server,
    redis_server,
)

CHECKOUT = Path(__file__).parent.parent
COMMAND = Path(sys.executable).parent / "noteassist"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.01
# Nothing else of the caller's environment reaches the server: a key or a switch that is set
# in somebody's shell must not change what is measured.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
REDIS_MARK = "noteassist:bench"
# Private: the servers that a run of the tests was given are not the benchmark's to fill.
throw_away_postgres = partial(postgres_server, private=True)
throw_away_redis = partial(redis_server, private=True)


@dataclass(frozen=True)
class Backing:
    """The database server and the Redis that a run uses, with their root processes."""

    database_url: str
    redis_url: str
    postgres_pid: int
    redis_pid: int

    def roots(self, app_pid: int) -> dict[str, int]:
        """Name the process trees that one request keeps busy."""
        return {"app": app_pid, "postgres": self.postgres_pid, "redis": self.redis_pid}


@dataclass(frozen=True)
class Server:
    """A running server of ours."""

    port: int
    pid: int
    ready_seconds: float


@contextmanager
def backing(options: Options) -> Iterator[Backing]:
    """Use the servers that the options name, and throw-away ones for the rest."""
    with ExitStack() as stack:
        try:
            database_url = options.database_url or stack.enter_context(throw_away_postgres()).url
            redis_url = options.redis_url or stack.enter_context(throw_away_redis()).url
        except ServerUnavailable as error:
            raise BenchError(
                f"{error}\nBENCH_DATABASE_URL and BENCH_REDIS_URL name servers that are there."
            ) from error
        found = Backing(database_url, redis_url, postgres_root(database_url), redis_root(redis_url))
        claim_redis(redis_url)
        yield found


def claim_redis(redis_url: str) -> None:
    """Empty the bench's own database of Redis: what an earlier run has left there is about other data.

    Raises BenchError for one that has keys and not the bench's mark: it is somebody's.
    """
    with redis.Redis.from_url(redis_url, socket_timeout=5) as client:
        if client.dbsize() and not client.exists(REDIS_MARK):
            raise BenchError(
                "BENCH_REDIS_URL names a database with keys of somebody else: name an empty one."
            )
        client.flushdb()
        client.set(REDIS_MARK, 1)


def connect(database_url: str) -> psycopg.Connection:
    """Connect outside of any transaction, as CREATE DATABASE and VACUUM need it."""
    try:
        return psycopg.connect(connectable(database_url), autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise BenchError(f"PostgreSQL does not let us in: {error}") from error


def postgres_root(database_url: str) -> int:
    """Find the postmaster: it is the parent of the process that serves our connection."""
    with connect(database_url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        backend = read_process(row[0]) if row else None
        if backend is None or "postgres" not in command_of(backend.parent):
            raise BenchError("PostgreSQL runs elsewhere: its processor time cannot be read.")
        return backend.parent


def redis_root(redis_url: str) -> int:
    """Ask Redis for its process, and check that it is one of this machine's."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as client:
        try:
            pid = int(client.info("server")["process_id"])
        except redis.RedisError as error:
            raise BenchError(f"Redis does not answer: {error}") from error
    if read_process(pid) is None or "redis" not in command_of(pid):
        raise BenchError("Redis runs elsewhere: its processor time cannot be read.")
    return pid


def command_of(pid: int) -> str:
    """Name the program of a process, empty when it is gone."""
    try:
        return (PROC / str(pid) / "comm").read_text()
    except FileNotFoundError:
        return ""


def server_environment(instance: Path, **settings: str) -> dict[str, str]:
    """Build the whole environment of a command of ours."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {
        **passed_on,
        # This checkout is measured, whichever one the environment was made for.
        "PYTHONPATH": str(CHECKOUT),
        "NOTEASSIST_ENV": "development",
        "INSTANCE_DIR": str(instance),
        "HOST": LOOPBACK,
        "RATELIMIT_ENABLED": "0",
        **settings,
    }


# Limits that are counted against and never reached.
FAR = "999999999"
FAR_LIMITS = {
    "RATELIMIT_ENABLED": "1",
    "LIMIT_PER_MINUTE": FAR,
    "LIMIT_PER_HOUR": ",".join([FAR] * 3),
    "LIMIT_SIGN_IN": FAR,
    "LIMIT_ANONYMOUS": FAR,
    "LIMIT_CODE_RUNS": FAR,
    "LIMIT_AI": FAR,
    "LIMIT_AI_GENERATE": FAR,
}


# The peer writes no line for a request either.
WEB = {"WEB_PROCESSES": "2", "WEB_THREADS": "4", "ACCESS_LOG": "0"}
# How a server keeps no finished answers; without the setting it does.
NO_CACHE = {"FRONT_CACHE_MB": "0"}


def full_environment(instance: Path, backing: Backing, database_url: str) -> dict[str, str]:
    """Build the environment of a server on PostgreSQL and Redis, two processes of four threads.

    It keeps no finished answers, so that what is measured is the work of a request.
    """
    return server_environment(
        instance,
        DATABASE_URL=database_url,
        REDIS_URL=backing.redis_url,
        SECRET_KEY=secrets.token_hex(32),
        **WEB,
        # No run outlives its tokens.
        ACCESS_TOKEN_MINUTES="1440",
        **NO_CACHE,
    )


def run_command(arguments: list[str], environment: Mapping[str, str]) -> None:
    """Run one command of ours to its end; what it says goes beside our own progress."""
    done = subprocess.run(  # our own console script, no shell
        [str(COMMAND), *arguments],
        check=False,
        env=dict(environment),
        cwd=CHECKOUT,
        stdout=sys.stderr,
    )
    if done.returncode:
        raise BenchError(f"noteassist {arguments[0]} ended with status {done.returncode}.")


@contextmanager
def instance_folder() -> Iterator[Path]:
    """Lend a folder for what a server writes."""
    with tempfile.TemporaryDirectory(prefix="noteassist-bench-") as folder:
        yield Path(folder)


@contextmanager
def serving(
    environment: Mapping[str, str], instance: Path, *, command: Sequence[str] = ()
) -> Iterator[Server]:
    """Start `noteassist serve`, or another command for a {port}; wait until it is ready, and stop it at the end."""
    port = free_port()
    words = [word.format(port=port) for word in command or (str(COMMAND), "serve")]
    with started(words, environment, instance, is_ready, port) as server:
        yield server


@contextmanager
def started(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    ready: Callable[[int], bool],
    port: int | None = None,
) -> Iterator[Server]:
    """Start a server that listens at PORT, wait until it is ready, and stop it with all it started at the end."""
    port = port or free_port()
    name = Path(command[0]).name
    log = folder / f"bench-{name}.log"
    with log.open("ab") as output:
        begun = time.monotonic()
        process = subprocess.Popen(
            command,
            env={**environment, "PORT": str(port)},
            cwd=CHECKOUT,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A session of its own, so that none of its processes can outlive the run.
            start_new_session=True,
        )
        try:
            yield Server(port, process.pid, wait_until_ready(process, port, begun, log, ready))
        finally:
            stop(process)


def wait_until_ready(
    process: "subprocess.Popen[bytes]", port: int, begun: float, log: Path, ready: Callable[[int], bool]
) -> float:
    """Ask until it is ready; give the seconds since the start. Raises BenchError with its last words."""
    while (waited := time.monotonic() - begun) < START_SECONDS:
        if process.poll() is not None:
            raise BenchError(f"A server ended at its start. It said:\n{end_of(log)}")
        if ready(port):
            return time.monotonic() - begun
        time.sleep(POLL_SECONDS)
    raise BenchError(f"A server is not ready after {waited:.0f} s. It said:\n{end_of(log)}")


def end_of(log: Path) -> str:
    """Give the last that a server has said."""
    return log.read_text(errors="replace")[-2000:]


def is_ready(port: int) -> bool:
    """Ask /readyz once."""
    return status_of(port, "/readyz") == 200


def status_of(port: int, path: str) -> int | None:
    """Ask once; nothing where nobody answers."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop a server and everything that it started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):  # nobody is left, as it should be
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def with_database(database_url: str, name: str) -> str:
    """Name another database of the same server."""
    return urlsplit(database_url)._replace(path=f"/{name}").geturl()
