"""The server processes and their parent: they end together, and a refusal to start reaches the shell."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

PARENT_VARIABLE = "NOTEASSIST_SERVE_PID"
PR_SET_PDEATHSIG = 1
# The status by which gunicorn's parent knows that another try would end the same way.
APP_LOAD_ERROR = 4

# Shared with the processes that the parent forks.
# Plain bytes: an Event's lock would be held for ever by a process that was killed with it.
_refused = multiprocessing.RawValue("b", 0)
_stopping = multiprocessing.RawValue("b", 0)
LOOK_SECONDS = 0.1


def become_parent() -> None:
    """Mark this process as the parent of the server processes."""
    os.environ[PARENT_VARIABLE] = str(os.getpid())


def follow_parent() -> None:
    """End this process when its parent ends, even by SIGKILL: an orphan would keep the port (Linux only)."""
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None or os.getpid() == int(parent) or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        os.kill(os.getpid(), signal.SIGKILL)


def refuse_to_start(reason: str) -> NoReturn:
    """Say why, and end the server as a whole with a status that is not 0."""
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is not None and os.getppid() == int(parent):
        _refused.value = 1
        os.kill(int(parent), signal.SIGTERM)
    sys.stderr.write(f"{reason}\n")
    sys.exit(APP_LOAD_ERROR)


def was_refused() -> bool:
    """Say, in the parent, whether a server process refused to start."""
    return bool(_refused.value)


def announce_stop() -> None:
    """Tell the server processes, from the parent, that they are about to be stopped."""
    _stopping.value = 1


def is_stopping() -> bool:
    """Say whether this server is about to be stopped."""
    return bool(_stopping.value)


def call_on_stop(action: Callable[[], object]) -> None:
    """Call something, in a thread of its own, as soon as the server is about to be stopped."""

    def wait_and_call() -> None:
        while not is_stopping():
            time.sleep(LOOK_SECONDS)
        action()

    threading.Thread(target=wait_and_call, name="on-stop", daemon=True).start()
