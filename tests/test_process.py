"""The server processes and their signals."""

import subprocess
import sys

# The state of a process whose signal came in the moment before its main thread went to sleep: another thread has
# taken it, so Python knows of it, and the main thread sleeps on.
ASLEEP = """
import os, signal, threading, time
from noteassist import process
{heed}
called = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: called.set())
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}})
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
print("called" if called.wait() else "")
"""


def said(heed: str, seconds: float) -> str | None:
    """Run the program for so long; gives what it said, or None where it went on sleeping."""
    command = [sys.executable, "-c", ASLEEP.format(heed=heed)]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True).stdout
    except subprocess.TimeoutExpired:
        return None


def test_a_signal_that_does_not_wake_the_main_thread_is_forgotten_by_python() -> None:
    # Where this fails, Python has changed, and `heed_signals` may go.
    assert said("", 3) is None


def test_a_signal_that_does_not_wake_the_main_thread_is_heeded() -> None:
    assert said("process.heed_signals()", 20) == "called\n"


def test_a_nudge_alone_does_nothing_and_calls_for_no_other() -> None:
    program = (
        "import os, signal, time\nfrom noteassist import process\nprocess.heed_signals()\n"
        "times = []\nsignal.signal(process.NUDGE, lambda *_: times.append(1))\n"
        "os.kill(os.getpid(), process.NUDGE)\ntime.sleep(1)\nprint(len(times))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == "1\n"
