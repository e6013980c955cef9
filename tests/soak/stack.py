"""The servers of a run, and what can be done to them."""

import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import redis

from tests import servers
from tests.live import SERVE, LiveServer, ServerFailed
from tests.soak.chaos import Kill, Record

WORKER = (SERVE[0], "worker")
STAND_IN = (sys.executable, "-m", "tests.stand_ins.groq", "--port", "{port}", "--token-delay", "0.02")
WORKERS = 3
# Seconds that a worker which was asked to stop may take: it gives its tasks 20.
STOP_SECONDS = 35.0
FAULTS: list[dict[str, Any]] = [
    {"kind": "Status", "code": 500},
    {"kind": "Status", "code": 502},
    {"kind": "Status", "code": 503},
    {"kind": "Status", "code": 429, "retry_after": 3},
    {"kind": "Hang"},
    {"kind": "CutStream"},
    {"kind": "EmptyText"},
    {"kind": "HtmlPage"},
]
SPOILT = 0.5


class DurablePostgres(servers.PostgresServer):
    """A PostgreSQL that keeps every commit when it is stopped like in a crash."""

    command = (
        "'{self.program}' -D '{self.folder}/data' -p {self.port} -c timezone=Asia/Kolkata"
        " -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=400 -c fsync=off"
    )
    stop_signal = signal.SIGQUIT


class ForgetfulRedis(servers.RedisServer):
    """A Redis that keeps nothing over a stop."""

    command = (
        "'{self.program}' --bind 127.0.0.1 --port {self.port} --dir '{self.folder}' --save '' --appendonly no"
    )


def descendants(pid: int) -> list[int]:
    """Give the ids of all processes below one, nearest first."""
    below = servers.family(pid)[1:]
    return below + [deeper for child in below for deeper in descendants(child)]


def kill_processes(pids: list[int]) -> Kill:
    """Kill processes at once; says when."""
    kill = Kill(time.monotonic(), frozenset(pids))
    servers.send(pids, signal.SIGKILL)
    return kill


class Model:
    """The stand-in for Groq, as a process of its own; it can be down, and its settings outlive that."""

    def __init__(self, folder: Path, faults: float, seed: int) -> None:
        self.server = LiveServer(folder, command=STAND_IN)
        self.faults = faults
        self.seed = seed
        self.outcomes: dict[str, int] = {}

    def start(self) -> None:
        """Be there, or be there again."""
        self.server.start(until="/control/calls")
        self.spoil(self.faults)

    def stop(self) -> None:
        """Be down: connections break and are refused."""
        self.take_counts()
        self.server.kill()

    def spoil(self, probability: float) -> None:
        """Spoil a share of the answers from now on."""
        self.seed += 1
        settings = {"faults": FAULTS, "probability": probability, "seed": self.seed}
        with httpx.Client(timeout=5, verify=False, trust_env=False) as client:
            client.post(f"{self.server.url}/control/settings", json=settings).raise_for_status()

    def take_counts(self) -> None:
        """Add up how the calls ended that were not added up yet."""
        with httpx.Client(timeout=10, verify=False, trust_env=False) as client:
            # Of the calls themselves none is wanted.
            told = client.get(f"{self.server.url}/control/calls?after=1000000000").json()
            client.post(f"{self.server.url}/control/clear")
        for outcome, count in told["outcomes"].items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count


class Stack:
    """Servers in one folder, up inside the `with` block; the actions of the monkey are methods on them.

    Use it from the main thread: processes end with the thread that started them.
    """

    model: Model

    def __init__(self, folder: Path, faults: float, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.exits = ExitStack()
        self.record = Record()
        self.model = Model(folder / "model", faults, seed)
        self.problems: list[str] = []
        self.url = ""
        self.database_url = ""

    def __enter__(self) -> Self:
        """Start everything."""
        try:
            self.exits.callback(self.model.server.discard)
            self.model.start()
            self.begin()
        except BaseException:
            self.exits.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self.exits.close()

    def begin(self) -> None:
        """Start what this kind of set-up has beside the model."""
        raise NotImplementedError

    @property
    def actions(self) -> Mapping[str, Callable[[int], Any]]:
        """Give what can be done, by name."""
        return {
            "stop_model": lambda _: self.model.stop(),
            "start_model": lambda _: self.model.start(),
            "spoil_model": lambda _: self.model.spoil(SPOILT),
            "mend_model": lambda _: self.model.spoil(self.model.faults),
        }

    def revive(self, server: LiveServer) -> None:
        """Start a server that has ended by itself, which is a problem."""
        if server.process is not None and server.process.poll() is not None:
            self.problems.append(f"a server ended by itself with {server.process.returncode}")
            server.start()

    def calm(self) -> None:
        """Let the model answer as it should from now on."""
        self.model.spoil(0.0)

    def settings(self) -> dict[str, str | None]:
        """Give the settings that all processes of the product share."""
        return {
            "INSTANCE_DIR": str(self.folder / "instance"),
            "GROQ_API_KEY": "test",
            "GROQ_BASE_URL": self.model.server.url,
            "RATELIMIT_ENABLED": "0",
            "AI_DEADLINE": "10",
        }

    @property
    def outbox(self) -> Path:
        """Say where mails are delivered to."""
        return self.folder / "instance" / "outbox"

    def tracebacks(self) -> int:
        """Count what was logged with a stack trace by the product."""
        logs = [path for path in self.folder.rglob("server.log") if path.parent.name != "model"]
        return sum(
            path.read_text(errors="replace").count("Traceback (most recent call last)") for path in logs
        )


class Embedded(Stack):
    """One server on SQLite that does its work itself."""

    def begin(self) -> None:
        """Start the server."""
        self.server = LiveServer(self.folder / "server", self.settings())
        self.exits.callback(self.server.discard)
        self.server.start()
        self.url = self.server.url
        self.database_url = f"sqlite:///{self.folder / 'instance' / 'noteassist.db'}"

    @property
    def actions(self) -> Mapping[str, Callable[[int], Any]]:
        """Give what can be done, by name."""
        mine = {"kill_server": self.kill_server, "kill_server_process": self.kill_server_process}
        return {**super().actions, **mine}

    def kill_server(self, _target: int) -> None:
        """Kill all of the server and start it again at once."""
        kill = kill_processes([self.server.pid, *descendants(self.server.pid)])
        self.server.wait(5)
        self.server.restart()
        self._note(kill)

    def kill_server_process(self, _target: int) -> None:
        """Kill the process that does the work, and wait until its parent has started another."""
        kill = kill_processes(self.server.processes()[-1:])
        try:
            self.server.wait_until()
        except ServerFailed:
            self.revive(self.server)
        self._note(kill)

    def _note(self, kill: Kill) -> None:
        self.record.kills.append(kill)
        self.record.outages.append((kill.at, time.monotonic()))


class WithServers(Stack):
    """A set-up with PostgreSQL, Redis and workers."""

    worker_command: tuple[str, ...] = WORKER

    def begin(self) -> None:
        """Start everything."""
        self.postgres = self.exits.enter_context(servers.serve(DurablePostgres, private=True))
        # Every second run has a Redis that keeps its data: what stands in it after a stop is out of date.
        kind = ForgetfulRedis if self.seed % 2 else servers.RedisServer
        self.redis = self.exits.enter_context(servers.serve(kind, private=True))
        self.database_url = servers.create_database(self.postgres.url, "soak")
        self.workers: list[LiveServer] = []
        self.leaving: list[LiveServer] = []
        self.started = 0
        self.away_since = 0.0
        self.begin_web()
        for number in range(WORKERS):
            self.workers.append(self._new_worker(number))

    def begin_web(self) -> None:
        """Start what takes requests."""

    def worker_settings(self) -> dict[str, str | None]:
        """Give the settings of a worker."""
        # So many threads that what lies long lies because of a kill, and not because everybody is busy.
        return self.settings() | {"WORKER_PROCESSES": "1", "WORKER_THREADS": "16"}

    def settings(self) -> dict[str, str | None]:
        """Give the settings that all processes of the product share."""
        return super().settings() | {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis.url}

    def _new_worker(self, number: int) -> LiveServer:
        self.started += 1
        folder = self.folder / f"worker{number}.{self.started}"
        worker = LiveServer(folder, self.worker_settings(), command=self.worker_command)
        self.exits.callback(worker.discard)
        worker.launch()
        return worker

    @property
    def actions(self) -> Mapping[str, Callable[[int], Any]]:
        """Give what can be done, by name."""
        mine: dict[str, Callable[[int], Any]] = {
            name: getattr(self, name)
            for name in ("kill_worker", "kill_worker_family", "start_worker", "replace_worker")
        }
        mine |= {
            "freeze_worker": self.freeze_worker,
            "thaw_worker": self.thaw_worker,
            "flush": self.flush,
            "stop_redis": lambda _: self.redis.stop(),
            "start_redis": lambda _: self.redis.start(),
            "freeze_redis": lambda _: self.redis.freeze(),
            "thaw_redis": lambda _: self.redis.thaw(),
            "restart_postgres": self.restart_postgres,
            "stop_postgres": self.stop_postgres,
            "start_postgres": self.start_postgres,
            "freeze_postgres": self.freeze_postgres,
            "thaw_postgres": self.thaw_postgres,
        }
        return {**super().actions, **mine}

    def kill_worker(self, number: int) -> str:
        """Kill the process that works; its parent starts another."""
        below = descendants(self.workers[number].pid)
        self.record.kills.append(kill_processes(below))
        return f"{below}"

    def kill_worker_family(self, number: int) -> str:
        """Kill a worker with its parent; `start_worker` follows."""
        worker = self.workers[number]
        everybody = [worker.pid, *descendants(worker.pid)]
        self.record.kills.append(kill_processes(everybody))
        worker.wait(5)
        return f"{everybody}"

    def start_worker(self, number: int) -> None:
        """Start a worker where one was killed."""
        self.workers[number] = self._new_worker(number)

    def replace_worker(self, number: int) -> None:
        """Ask a worker to stop and start its successor, as a deployment does."""
        self.workers[number].terminate()
        self.leaving.append(self.workers[number])
        self.start_worker(number)

    def freeze_worker(self, number: int) -> str:
        """Suspend a worker: others take over what it does, before it goes on with it."""
        frozen = [self.workers[number].pid, *descendants(self.workers[number].pid)]
        # For its tasks this is as if it had been killed: nobody renews their leases.
        self.record.kills.append(Kill(time.monotonic(), frozenset(frozen)))
        servers.send(frozen, signal.SIGSTOP)
        return f"{frozen}"

    def thaw_worker(self, number: int) -> None:
        """Let a worker go on."""
        servers.send([self.workers[number].pid, *descendants(self.workers[number].pid)], signal.SIGCONT)

    def flush(self, _target: int) -> str | None:
        """Have Redis forget everything."""
        try:
            with redis.Redis.from_url(self.redis.url, socket_timeout=2) as client:
                client.flushall()
        except redis.RedisError as error:
            return repr(error)
        return None

    def stop_postgres(self, _target: int) -> None:
        """Stop PostgreSQL as a crash does."""
        self.away_since = time.monotonic()
        self.postgres.stop()

    def start_postgres(self, _target: int) -> None:
        """Start PostgreSQL again."""
        self.postgres.start()
        self.record.outages.append((self.away_since, time.monotonic()))

    def restart_postgres(self, target: int) -> None:
        """Stop PostgreSQL as a crash does, and start it again."""
        self.stop_postgres(target)
        self.start_postgres(target)

    def freeze_postgres(self, _target: int) -> None:
        """Suspend PostgreSQL."""
        self.away_since = time.monotonic()
        self.postgres.freeze()

    def thaw_postgres(self, _target: int) -> None:
        """Let PostgreSQL go on."""
        self.postgres.thaw()
        self.record.outages.append((self.away_since, time.monotonic()))


class Full(WithServers):
    """Two server processes, three workers, PostgreSQL and Redis."""

    def begin_web(self) -> None:
        """Start the web server."""
        self.web = LiveServer(self.folder / "web", self.settings() | {"WEB_PROCESSES": "2"})
        self.exits.callback(self.web.discard)
        self.web.start()
        self.url = self.web.url

    @property
    def actions(self) -> Mapping[str, Callable[[int], Any]]:
        """Give what can be done, by name."""
        return {**super().actions, "kill_web": self.kill_web}

    def kill_web(self, _target: int) -> str:
        """Kill the elder of the processes that answer requests; its parent starts another."""
        self.revive(self.web)
        below = self.web.processes()[1:]
        servers.send(below[-2:-1], signal.SIGKILL)
        return f"{below}"

    def calm(self) -> None:
        """Let everything be as it should."""
        super().calm()
        self.revive(self.web)

    def farewells(self) -> None:
        """Wait for the workers that were asked to stop; what goes wrong is a problem."""
        for worker in self.leaving:
            try:
                status = worker.wait(STOP_SECONDS)
            except ServerFailed:
                self.problems.append(f"a worker did not stop within {STOP_SECONDS:.0f} s: {worker.log}")
            else:
                if status:
                    self.problems.append(f"a worker that was asked to stop ended with {status}: {worker.log}")
