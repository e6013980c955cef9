"""The command line that runs a program in bubblewrap: what it sees of the machine, and its limits."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from noteassist.services.sandbox.languages import Language
from noteassist.services.sandbox.limits import MIB, Limits

# util-linux, coreutils and bubblewrap; no program is looked for elsewhere.
NEEDED = ("/usr/bin/bwrap", "/usr/bin/prlimit", "/usr/bin/taskset", "/usr/bin/nice")
NEEDED_AS_ROOT = "/usr/bin/setpriv"
# A server that runs as root takes this id before anything else: it belongs to nobody (systemd's list of ids has
# 60706-61183 as unused, https://systemd.io/UIDS-GIDS/), and limits on processes bind it.
OUTSIDE_ID = 61000
INSIDE_ID = 1000
HOME = "/home/student"
# The folders that can be written to, each of them a tmpfs.
FOLDERS = (HOME, "/tmp", "/dev/shm")  # noqa: S108  # inside the sandbox
STACK_BYTES = 4 * MIB
# Address space may be reserved without being used; node alone reserves 0.7 GiB.
ADDRESS_SPACE_BYTES = 4096 * MIB

NAMESPACES = ("user", "ipc", "pid", "net", "uts")
ENVIRONMENT = {"PATH": "/usr/bin", "HOME": HOME, "TMPDIR": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108  # inside the sandbox
# Programs, what they load, time zones; not /usr/local, /usr/lib's own programs nor installed Python packages.
SYSTEM = ("/usr/bin", "/usr/lib64", "/usr/lib/locale", "/usr/share/zoneinfo", "/usr/share/nodejs")
LIBRARIES_FOLDER = Path("/usr/lib")
LIBRARIES = ("*-linux-gnu*", "ld-linux*", "python3.*")
LINKS = {"/bin": "usr/bin", "/lib": "usr/lib", "/lib64": "usr/lib64"}


def missing_programs() -> list[str]:
    """List what has to be installed and is not."""
    needed = [*NEEDED, *([NEEDED_AS_ROOT] if os.geteuid() == 0 else [])]
    return [path for path in needed if not os.access(path, os.X_OK)]


def command(language: Language, limits: Limits, *, code: int, status: int, seccomp: int) -> list[str]:
    """Make the command that runs the program which is read from the file descriptor `code`.

    bwrap tells on `status` how it gets on (its --json-status-fd), and reads the system call filter from `seccomp`.
    """
    bwrap = [NEEDED[0], *_isolation(), *_view()]
    bwrap += ["--perms", "0444", "--file", str(code), language.place, "--remount-ro", "/"]
    bwrap += ["--json-status-fd", str(status), "--seccomp", str(seccomp), "--chdir", HOME, "--"]
    return [*_outside(), *bwrap, *_rlimits(limits), *language.command, language.place]


def _outside() -> list[str]:
    """Give up rights and priority: so much the rest of the server is ahead of every run."""
    processors = ",".join(map(str, processors_for_runs()))
    calm = ["/usr/bin/nice", "-n", str(niceness()), "/usr/bin/taskset", "-c", processors]
    if os.geteuid() != 0:
        return calm
    ids = [f"--reuid={OUTSIDE_ID}", f"--regid={OUTSIDE_ID}", "--clear-groups"]
    return [*calm, NEEDED_AS_ROOT, *ids, "--inh-caps=-all", "--bounding-set=-all", "--"]


def processors_for_runs() -> list[int]:
    """Give the upper half of the processors of this process, so that one at least stays free where there are two."""
    processors = sorted(os.sched_getaffinity(0))
    return processors[len(processors) // 2 :]


def niceness() -> int:
    """Give the priority of runs (nice(2)): the lowest one where they share the only processor with the server."""
    return 10 if len(os.sched_getaffinity(0)) > 1 else 19


def _isolation() -> list[str]:
    words = [f"--unshare-{name}" for name in NAMESPACES]
    # A session of its own, so that bwrap outside is in no process group that the program can send signals to.
    words += ["--unshare-cgroup-try", "--disable-userns", "--die-with-parent", "--new-session"]
    words += ["--cap-drop", "ALL"]
    words += ["--uid", str(INSIDE_ID), "--gid", str(INSIDE_ID), "--hostname", "sandbox", "--clearenv"]
    for name, value in ENVIRONMENT.items():
        words += ["--setenv", name, value]
    return words


def _view() -> list[str]:
    """Show the interpreters and nothing else of the machine; all that can be written lies in memory, and is bounded."""
    libraries = [str(path) for pattern in LIBRARIES for path in sorted(LIBRARIES_FOLDER.glob(pattern))]
    if not any("-linux-gnu" in path for path in libraries):
        # Not a Debian: they lie in /usr/lib64, or in this folder itself.
        libraries = [str(LIBRARIES_FOLDER)]
    words: list[str] = []
    for path in (*SYSTEM, *libraries, "/etc/alternatives"):
        words += ["--ro-bind-try", path, path]
    for link, target in LINKS.items():
        if Path(link).exists():
            words += ["--symlink", target, link]
    words += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    for folder in FOLDERS:
        words += ["--size", str(Limits.file_bytes), "--tmpfs", folder]
    return words


def _rlimits(limits: Limits) -> Sequence[str]:
    # Set inside, where processes are counted for this run alone (since Linux 5.14). RLIMIT_CPU is of one
    # process and a second behind: the sum over all is watched from outside.
    values = {
        "nproc": limits.processes,
        "nofile": limits.open_files,
        "fsize": limits.file_bytes,
        "cpu": math.ceil(limits.cpu_seconds) + 1,
        "data": limits.memory_bytes,
        "as": ADDRESS_SPACE_BYTES,
        "stack": STACK_BYTES,
        "core": 0,
        "memlock": 0,
        "msgqueue": 0,
        "sigpending": 256,
    }
    return ["/usr/bin/prlimit", *(f"--{name}={value}:{value}" for name, value in values.items()), "--"]
