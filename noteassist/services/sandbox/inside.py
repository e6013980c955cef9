"""What the probe runs inside the sandbox: it tries what must not work, and prints what did, as a JSON list.

It is not imported but sent as a program; stdin tells it where the host's things are.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

AF_VSOCK = 40
NAMES = {"", "PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PWD", "OLDPWD", "SHLVL", "_"}


def try_everything(host: dict[str, str | int]) -> list[str]:
    """List what works and must not."""
    attempts: dict[str, Callable[[], object]] = {
        "reach a port of the host": lambda: socket.create_connection(("127.0.0.1", int(host["port"])), 1),
        "reach a socket of the host": lambda: socket.socket(socket.AF_UNIX).connect(f"\0{host['name']}"),
        "reach the host of a virtual machine": lambda: socket.socket(AF_VSOCK),
        "read a file of the host": lambda: Path(str(host["path"])).read_text(),
        "read /etc/passwd": lambda: Path("/etc/passwd").read_text(),
        "write to /usr": lambda: Path("/usr/bin/new").write_text(""),
        "write to /": lambda: Path("/new").write_text(""),
        "write to /dev": lambda: Path("/dev/new").write_text(""),
        "take more memory than allowed": lambda: bytearray(int(host["memory"]) + 1),
    }
    found = [name for name, attempt in attempts.items() if _works(attempt)]
    variables = Path("/proc/self/environ").read_text().split("\0")
    if {variable.partition("=")[0] for variable in variables} - NAMES:
        found.append("see the server's environment")
    if sum(path.name.isdigit() for path in Path("/proc").iterdir()) > 8:
        found.append("see the host's processes")
    if os.getuid() == 0 or "CapEff:\t0000000000000000" not in Path("/proc/self/status").read_text():
        found.append("have rights")
    if _processes(int(host["processes"])) >= int(host["processes"]):
        found.append("start more processes than allowed")
    return found


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, MemoryError):
        return False
    return True


def _processes(enough: int) -> int:
    """Start so many processes; gives how many there were when one was refused."""
    for number in range(enough):
        try:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
        except OSError:
            return number
    return enough


if __name__ == "__main__":
    json.dump(try_everything(json.load(sys.stdin)), sys.stdout)
