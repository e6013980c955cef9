"""`noteassist worker`: processes that work on tasks, and their parent."""

import os
import signal
import subprocess
import sys
import threading
import time

import click

from noteassist import metric_files
from noteassist.cli.environment import settings_or_exit
from noteassist.process import become_parent

# A worker gives its tasks 20 s to end; see worker_process.py.
STOP_SECONDS = 30.0
LOOK_SECONDS = 0.2
# A process that ends as soon as it has begun is not begun again at once.
PAUSE_SECONDS = 1.0
# The statuses of a process that another try cannot help: bad settings, unknown schema.
FINAL = frozenset({1, 2})


class Foreman:
    """Keeps a number of worker processes going until it is told to stop."""

    def __init__(self, processes: int) -> None:
        self.stopping = threading.Event()
        self.wanted = processes
        self.processes: list[subprocess.Popen[bytes]] = []

    def run(self) -> int:
        """Work; gives the status to end with."""
        status = 0
        while not self.stopping.wait(LOOK_SECONDS):
            ended = [process for process in self.processes if process.poll() is not None]
            if any(process.returncode in FINAL for process in ended):
                status = 1
                break
            if ended:
                time.sleep(PAUSE_SECONDS)
            self.processes = [process for process in self.processes if process not in ended]
            while len(self.processes) < self.wanted and not self.stopping.is_set():
                self.processes.append(begin())
        self._stop_all()
        return status

    def _stop_all(self) -> None:
        for process in self.processes:
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in self.processes:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


def begin() -> subprocess.Popen[bytes]:
    """Begin a worker process; it ends with this one, even when this one is killed."""
    return subprocess.Popen([sys.executable, "-m", "noteassist.worker_process"])


@click.command()
def command() -> None:
    """Work on tasks (AI tools, mail, upkeep) until SIGTERM; needed where REDIS_URL is set."""
    settings = settings_or_exit()
    become_parent()
    os.environ["INSTANCE_DIR"] = str(settings.instance_dir.absolute())
    if folder := metric_files.claim_folder(settings.metrics_dir.absolute(), "worker"):
        os.environ[metric_files.VARIABLE] = str(folder)
    foreman = Foreman(settings.worker_processes)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: foreman.stopping.set())
    click.echo(f"Working in {settings.worker_processes} process(es); stop with Ctrl-C.")
    sys.exit(foreman.run())
