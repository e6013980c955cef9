"""The server processes and their parent: they end together, and a refusal to start reaches the shell."""

import ctypes
import multiprocessing
import os
import signal
import sys
from typing import NoReturn

PARENT_VARIABLE = "NOTEASSIST_SERVE_PID"
PR_SET_PDEATHSIG = 1
# The status by which gunicorn's parent knows that another try would end the same way.
APP_LOAD_ERROR = 4

# Shared with the processes that the parent forks.
_refused = multiprocessing.Event()


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
        _refused.set()
        os.kill(int(parent), signal.SIGTERM)
    sys.stderr.write(f"{reason}\n")
    sys.exit(APP_LOAD_ERROR)


def was_refused() -> bool:
    """Say, in the parent, whether a server process refused to start."""
    return _refused.is_set()
