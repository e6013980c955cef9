"""The server processes and their parent: they end together, and a refusal to start reaches the shell."""

import ctypes
import multiprocessing
import os
import signal
import socket
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
# Ignored wherever nobody has a handler for it, so that one too many does no harm.
NUDGE = signal.SIGURG
NUDGES = 10
NUDGE_SECONDS = 0.1


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


def is_child() -> bool:
    """Say whether this is one of the processes that `noteassist serve` has started."""
    return os.environ.get(PARENT_VARIABLE) == str(os.getppid())


def heed_signals() -> None:
    """See to it that no signal waits for ever for the main thread to wake; call it there.

    Python's handlers run in the main thread. A signal wakes it from waiting for a lock, but one that comes after the
    last look at signals and before the wait itself would be noticed only when something else wakes it: a server
    process that was stopped in that moment stayed until it was killed. The C handler writes to the wakeup descriptor in
    any case, and whoever reads it nudges the main thread until the moment has passed.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.signal(NUDGE, _do_nothing)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    # It holds the writer too, which would be closed otherwise.
    pair = (reader, writer)
    threading.Thread(target=_nudge, args=(pair, threading.get_ident()), name="nudge", daemon=True).start()


def _do_nothing(*_: object) -> None:
    """Handle a nudge: that it came is all."""


def _nudge(pair: tuple[socket.socket, socket.socket], main_thread: int) -> None:
    while numbers := pair[0].recv(64):
        if set(numbers) == {NUDGE}:
            continue
        for _ in range(NUDGES):
            time.sleep(NUDGE_SECONDS)
            signal.pthread_kill(main_thread, NUDGE)


def refuse_to_start(reason: str) -> NoReturn:
    """Say why, and end the server as a whole with a status that is not 0."""
    # Before the parent knows, which then stops this process too.
    sys.stderr.write(f"{reason}\n")
    sys.stderr.flush()
    if is_child():
        _refused.value = 1
        os.kill(os.getppid(), signal.SIGTERM)
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
